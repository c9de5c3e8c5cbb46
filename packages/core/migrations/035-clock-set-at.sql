-- Wall time at which the clock was set, epoch milliseconds: contexts hear of it one after the other, and what was set last holds.
alter table entente.context_control add column clock_set_ms bigint not null default 0;
