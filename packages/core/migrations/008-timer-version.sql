-- A timer's data has the shape of the day it was set. Until now every command was at its first version.
alter table entente.timer add column schema_version text not null default '1.0.0';
