-- Rows of batches that our side withdrew while they were under way: remembered until they have an outcome, so that none is sent again
-- and none that happened all the same goes unseen.
alter table entente.hand_off_row add column withdrawn boolean not null default false;
-- How many rows of the batch are withdrawn and have no outcome yet: rows are only looked at where there are some.
alter table entente.hand_off add column rows_withdrawn integer not null default 0 check (rows_withdrawn >= 0);
