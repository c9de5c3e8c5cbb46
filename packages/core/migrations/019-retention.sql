-- Retention: what may leave a journal, when, and how far each month has come on its way out (docs/states/leaving-month.md).
-- Every function here runs as the owner and checks the time for itself: the context's login can neither hurry nor drop anything else.
alter table entente.journal_identity
  -- Raw commands go without a trace; evidence goes into an archive first.
  add column is_intake boolean not null default false,
  -- Entries of before have left; null: none has.
  add column history_begins timestamptz;
-- Until now only raw intake had a keeping time.
update entente.journal_identity set is_intake = kept_days is not null;

-- Months on their way out of the journal, and those that are gone. The rows of one lie in entente.leaving_YYYY_MM until it is dropped.
create table entente.leaving_month (
  leaving_id uuid primary key,
  -- First day.
  month date not null,
  state text not null check (state in ('detached', 'archived', 'dropped')),
  -- Name of the archive in its folder, and SHA-256 of its bytes, hexadecimal.
  file text,
  digest text check (digest ~ '^[0-9a-f]{64}$'),
  entries bigint check (entries >= 0),
  -- Business time.
  detached_at timestamptz not null,
  archived_at timestamptz,
  dropped_at timestamptz,
  check ((file is null) = (state = 'detached') and (digest is null) = (file is null) and (entries is null) = (file is null)),
  check ((archived_at is null) = (file is null) and (dropped_at is not null) = (state = 'dropped'))
);
-- A month that is met once more, by an effect of a very old cause, leaves once more.
create unique index leaving_month_under_way on entente.leaving_month (month) where state <> 'dropped';

create function entente.business_now() returns timestamptz language sql stable set search_path = pg_catalog, pg_temp as $$
  select clock_timestamp() + make_interval(secs => clock_offset_ms / 1000.0) from entente.context_control
$$;

-- The smallest UUIDv7 of a moment.
create function entente.first_id_at(moment timestamptz) returns uuid language sql immutable set search_path = pg_catalog, pg_temp as $$
  select (lpad(to_hex(floor(extract(epoch from moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Months the journal has a partition for, oldest first, and when each ends.
create function entente.journal_months() returns table (month date, ends_at timestamptz)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select m.month, (m.month + interval '1 month') at time zone 'UTC'
  from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    cross join lateral (select to_date(substr(c.relname, 9), 'YYYY_MM') as month) m
  where i.inhparent = 'entente.journal'::regclass order by 1
$$;

-- True when a month holds an entry that a reader has not come to. Readers by lane and position; `own`: it reads only the commands
-- the context addressed to itself. The caller knows the readers, which are in databases of others.
create function entente.month_is_unread(partition_name text, lanes smallint[], xids xid8[], seqs bigint[], own boolean[])
returns boolean language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  unread boolean;
begin
  execute format($q$select exists (
      select from unnest($1, $2, $3, $4) as r(lane, xid, seq, own) cross join lateral (
        select from entente.%1$I e where e.lane = r.lane and (e.xid, e.seq) > (r.xid, r.seq) limit 1) e where not r.own)
    or exists (
      select from unnest($1, $2, $3, $4) as r(lane, xid, seq, own) cross join lateral (
        select from entente.%1$I e where e.lane = r.lane and (e.xid, e.seq) > (r.xid, r.seq)
          and e.kind = 'command' and e.target = e.source limit 1) e where r.own)$q$, partition_name)
    into unread using lanes, xids, seqs, own;
  return unread;
end
$$;

-- Takes a month of evidence out of the journal. Null when done; otherwise why not.
create function entente.detach_month(the_month date, the_id uuid, lanes smallint[], xids xid8[], seqs bigint[], own boolean[])
returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  identity entente.journal_identity;
  partition_name text := 'journal_' || to_char(the_month, 'YYYY_MM');
  leaving_name text := 'leaving_' || to_char(the_month, 'YYYY_MM');
  ends timestamptz;
begin
  select * into identity from entente.journal_identity;
  select m.ends_at into ends from entente.journal_months() m where m.month = the_month;
  if ends is null then
    return 'month-unknown';
  end if;
  if identity.is_intake or identity.kept_days is null
    or ends > entente.business_now() - make_interval(days => identity.kept_days) then
    return 'retention-not-over';
  end if;
  if exists (select from entente.leaving_month l where l.month = the_month and l.state <> 'dropped') then
    return 'month-leaving';
  end if;
  -- As readers take them: first the journal, then the month. Nobody waits for us longer than this.
  perform set_config('lock_timeout', '2s', true);
  execute 'lock table only entente.journal in access exclusive mode';
  execute format('lock table only entente.%I in access exclusive mode', partition_name);
  if entente.month_is_unread(partition_name, lanes, xids, seqs, own) then
    return 'month-unread';
  end if;
  execute format('alter table entente.journal detach partition entente.%I', partition_name);
  execute format('alter table entente.%I rename to %I', partition_name, leaving_name);
  insert into entente.leaving_month (leaving_id, month, state, detached_at)
    values (the_id, the_month, 'detached', entente.business_now());
  update entente.journal_identity i set history_begins = greatest(i.history_begins, ends);
  return null;
end
$$;

-- A page of a month that has left the journal and is not gone, by id.
create function entente.read_leaving(the_id uuid, after_id uuid, how_many integer) returns setof entente.journal
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  the_month date;
begin
  select l.month into strict the_month from entente.leaving_month l where l.leaving_id = the_id and l.state <> 'dropped';
  return query execute format('select * from entente.%I e where e.id > $1 order by e.id limit $2',
    'leaving_' || to_char(the_month, 'YYYY_MM')) using after_id, how_many;
end
$$;

-- Remembers the archive of a month. Again when the file that was remembered is lost before the month is dropped.
create function entente.record_archive(the_id uuid, the_file text, the_digest text, the_entries bigint) returns boolean
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update entente.leaving_month set state = 'archived', file = the_file, digest = the_digest, entries = the_entries,
      archived_at = entente.business_now()
    where leaving_id = the_id and state in ('detached', 'archived') returning true
$$;

-- Drops the rows of a month whose archive is remembered under this digest: the caller has just read it back.
create function entente.drop_month(the_id uuid, the_digest text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  the_month date;
begin
  update entente.leaving_month l set state = 'dropped', dropped_at = entente.business_now()
    where l.leaving_id = the_id and l.state = 'archived' and l.digest = the_digest returning l.month into the_month;
  if the_month is null then
    return false;
  end if;
  perform set_config('lock_timeout', '2s', true);
  execute format('drop table entente.%I', 'leaving_' || to_char(the_month, 'YYYY_MM'));
  return true;
end
$$;

-- Raw intake goes day by day, and its months as a whole when they are over; both only when every command has ended and was read.
drop function entente.expire_intake();

create function entente.expire_intake(lanes smallint[], xids xid8[], seqs bigint[], own boolean[]) returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  identity entente.journal_identity;
  month record;
  open_commands boolean;
  dropped text[] := '{}';
begin
  select * into identity from entente.journal_identity;
  if not identity.is_intake or identity.kept_days is null then
    return dropped;
  end if;
  perform set_config('lock_timeout', '2s', true);
  for month in
    select 'journal_' || to_char(m.month, 'YYYY_MM') as name from entente.journal_months() m
    where m.ends_at <= entente.business_now() - make_interval(days => identity.kept_days)
  loop
    execute format($q$select exists (
      select from entente.%I c left join entente.process p on p.process_id = c.id
      where c.kind = 'command' and c.target <> c.source and (p.state is null or p.state not in ('confirmed', 'failed')))$q$,
      month.name) into open_commands;
    continue when open_commands or entente.month_is_unread(month.name, lanes, xids, seqs, own);
    execute 'lock table only entente.journal in access exclusive mode';
    execute format('drop table entente.%I', month.name);
    dropped := dropped || month.name::text;
  end loop;
  return dropped;
end
$$;

-- Removes raw intake past its days, oldest first, at most so many rows. Shape: what was removed, by tenant; nothing when none is left.
create function entente.expire_commands(lanes smallint[], xids xid8[], seqs bigint[], own boolean[], how_many integer)
returns table (tenant_id text, entries bigint, acts bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  identity entente.journal_identity;
  before uuid;
begin
  select * into identity from entente.journal_identity;
  if not identity.is_intake or identity.kept_days is null then
    return;
  end if;
  before := entente.first_id_at(entente.business_now() - make_interval(days => identity.kept_days));
  return query
    with gone as (
      delete from entente.journal j where j.id in (
        select e.id from entente.journal e left join entente.process p on p.process_id = e.id
        where e.id < before
          and not (e.kind = 'command' and e.target <> e.source and (p.state is null or p.state not in ('confirmed', 'failed')))
          and not exists (
            select from unnest(lanes, xids, seqs, own) as r(lane, xid, seq, own)
            where r.lane = e.lane and (e.xid, e.seq) > (r.xid, r.seq)
              and (not r.own or (e.kind = 'command' and e.target = e.source)))
        order by e.id limit how_many)
        and j.id < before
      returning j.tenant_id, j.type)
    select g.tenant_id, count(*), count(*) filter (where g.type = 'entente.intake-expired') from gone g group by 1;
end
$$;
