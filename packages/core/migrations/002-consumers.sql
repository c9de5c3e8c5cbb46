-- Who works: one row per (consumer, process), refreshed while it lives. Leases use database time only.
create table entente.worker (
  consumer text not null,
  worker_id uuid not null,
  beat_at timestamptz not null,
  primary key (consumer, worker_id)
) with (fillfactor = 50);

create table entente.lease (
  consumer text not null,
  lane smallint not null,
  owner uuid,
  epoch bigint not null default 0,
  leased_until timestamptz not null default '-infinity',
  primary key (consumer, lane)
) with (fillfactor = 50);

create table entente.cursor (
  consumer text not null,
  journal text not null,
  lane smallint not null,
  -- Copy of the lease's epoch, so that moving the cursor checks ownership and position in one row.
  epoch bigint not null default 0,
  generation uuid not null,
  xid xid8 not null default '0',
  seq bigint not null default 0,
  consumed bigint not null default 0,
  primary key (consumer, journal, lane)
) with (fillfactor = 50);

-- Refreshes the worker, spreads lanes evenly over living workers, claims what is free, and returns what this worker owns.
create function entente.take_lanes(the_consumer text, the_worker uuid, lease_ms integer)
returns table (lane smallint, epoch bigint) language plpgsql as $$
declare
  living integer;
  share integer;
  lease interval := make_interval(secs => lease_ms / 1000.0);
  moment timestamptz := clock_timestamp();
begin
  perform pg_advisory_xact_lock(hashtextextended('entente.take_lanes:' || the_consumer, 0));
  moment := clock_timestamp();
  insert into entente.worker (consumer, worker_id, beat_at) values (the_consumer, the_worker, moment)
    on conflict (consumer, worker_id) do update set beat_at = excluded.beat_at;
  delete from entente.worker w where w.consumer = the_consumer and w.beat_at < moment - lease * 20;
  select count(*) into living from entente.worker w where w.consumer = the_consumer and w.beat_at > moment - lease;
  share := ceil(8.0 / living);
  -- Renew up to the share, hand the surplus back at once. The new epoch stops work under way on it.
  update entente.lease l set leased_until = moment + lease
    where l.consumer = the_consumer and l.owner = the_worker
      and l.lane in (select k.lane from entente.lease k where k.consumer = the_consumer and k.owner = the_worker
                     order by k.lane limit share);
  with surplus as (
    update entente.lease l set owner = null, epoch = l.epoch + 1, leased_until = '-infinity'
      where l.consumer = the_consumer and l.owner = the_worker and l.leased_until <> moment + lease
      returning l.lane, l.epoch)
  update entente.cursor c set epoch = s.epoch from surplus s where c.consumer = the_consumer and c.lane = s.lane;
  with free as (
    select l.lane from entente.lease l
      where l.consumer = the_consumer and (l.owner is null or l.leased_until < moment)
      order by l.lane
      limit greatest(0, share - (select count(*) from entente.lease m
                                 where m.consumer = the_consumer and m.owner = the_worker and m.leased_until >= moment))),
  taken as (
    update entente.lease l set owner = the_worker, epoch = l.epoch + 1, leased_until = moment + lease
      from free where l.consumer = the_consumer and l.lane = free.lane
      returning l.lane, l.epoch)
  update entente.cursor c set epoch = t.epoch from taken t where c.consumer = the_consumer and c.lane = t.lane;
  return query select l.lane, l.epoch from entente.lease l
    where l.consumer = the_consumer and l.owner = the_worker and l.leased_until >= moment order by l.lane;
end
$$;

-- Gives every lane back at once: a clean stop must not cost the others a lease time.
create function entente.release_lanes(the_consumer text, the_worker uuid) returns void language sql as $$
  with released as (
    update entente.lease set owner = null, epoch = epoch + 1, leased_until = '-infinity'
      where consumer = the_consumer and owner = the_worker returning lane, epoch),
  fenced as (
    update entente.cursor c set epoch = r.epoch from released r where c.consumer = the_consumer and c.lane = r.lane)
  delete from entente.worker where consumer = the_consumer and worker_id = the_worker;
$$;

-- Moves the cursors of a batch, in the transaction of its effect. Raises EN001 when any lane has another owner or position.
create function entente.move_cursors(the_consumer text, journals text[], lanes smallint[], epochs bigint[],
  old_xids xid8[], old_seqs bigint[], new_xids xid8[], new_seqs bigint[], counts bigint[])
returns void language plpgsql as $$
declare
  moved integer;
begin
  -- A pause holds from the moment it is answered, also in processes that have not heard of it yet.
  if (select paused from entente.context_control) then
    raise exception 'fenced: the context is paused' using errcode = 'EN001';
  end if;
  update entente.cursor c
    set xid = m.new_xid, seq = m.new_seq, consumed = c.consumed + m.entries
    from unnest(journals, lanes, epochs, old_xids, old_seqs, new_xids, new_seqs, counts)
      as m(journal, lane, epoch, old_xid, old_seq, new_xid, new_seq, entries)
    where c.consumer = the_consumer and c.journal = m.journal and c.lane = m.lane
      and c.epoch = m.epoch and c.xid = m.old_xid and c.seq = m.old_seq;
  get diagnostics moved = row_count;
  if moved <> cardinality(lanes) then
    raise exception 'fenced: % of % cursors moved', moved, cardinality(lanes) using errcode = 'EN001';
  end if;
end
$$;

-- Entries a consumer could not execute: retried with backoff, then parked; successors wait as `held` where policy or retry demands.
create table entente.parked (
  consumer text not null,
  entry_id uuid not null,
  journal text not null,
  lane smallint not null,
  xid xid8 not null,
  seq bigint not null,
  tenant_id text not null,
  key text not null,
  process_id uuid not null,
  type text not null,
  -- The whole entry, because the raw intake may expire before an operator looks.
  entry json not null,
  corrected json,
  state text not null check (state in ('retrying', 'parked', 'held', 'redriving', 'done', 'discarded')),
  policy text not null check (policy in ('step-aside', 'hold-key')),
  attempts integer not null default 0,
  next_try_at timestamptz,
  cause_code text,
  cause_text text,
  parked_at timestamptz,
  closed_at timestamptz,
  primary key (consumer, entry_id)
);
create index parked_open on entente.parked (consumer, lane, xid, seq) where state not in ('done', 'discarded');
create index parked_key on entente.parked (consumer, tenant_id, key, xid, seq) where state not in ('done', 'discarded');

-- State of every decided key. Rewritten in place: room is left on the page for it.
create table entente.state (
  tenant_id text not null,
  decider text not null,
  key text not null,
  version bigint not null check (version > 0),
  data json not null,
  primary key (tenant_id, decider, key)
) with (fillfactor = 70);

create table entente.timer (
  tenant_id text not null,
  key text not null,
  name text not null,
  due_at timestamptz not null,
  type text not null,
  data json not null,
  causation_id uuid,
  primary key (tenant_id, key, name)
);
create index timer_due on entente.timer (due_at);

-- Offset of business time from the wall clock, and whether an operator took the context off line.
create table entente.context_control (
  singleton boolean primary key default true check (singleton),
  clock_offset_ms bigint not null default 0,
  paused boolean not null default false,
  paused_by text,
  paused_why text,
  -- Business time.
  paused_at timestamptz,
  beat_at timestamptz,
  beat_business_at timestamptz
);
insert into entente.context_control default values;
