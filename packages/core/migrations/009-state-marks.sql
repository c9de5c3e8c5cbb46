-- States are written down now and then: a decider's rows of a lane hold all of its facts up to the mark's transaction, and
-- whoever takes the lane over folds in the facts since.
create table entente.state_mark (
  decider text not null,
  lane smallint not null,
  xid xid8 not null,
  primary key (decider, lane)
) with (fillfactor = 50);
-- Until now every state was written with its facts.
insert into entente.state_mark (decider, lane, xid)
  select distinct consumer, lane, pg_current_xact_id() from entente.cursor;
