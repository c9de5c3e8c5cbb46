-- The journal: the one append-only table of a context, partitioned by month on the UUIDv7 id.
create table entente.journal_identity (
  singleton boolean primary key default true check (singleton),
  -- Changes whenever the journal is re-created or restored into another cluster; readers of another generation stop.
  generation uuid not null,
  system_identifier bigint not null,
  -- Days after which a month may be dropped once all its processes have ended; null: kept for ever.
  kept_days integer check (kept_days > 0),
  created_at timestamptz not null default now()
);

create sequence entente.journal_seq cache 32;

create table entente.journal (
  id uuid not null primary key,
  seq bigint not null default nextval('entente.journal_seq'),
  xid xid8 not null default pg_current_xact_id(),
  lane smallint not null check (lane between 0 and 7),
  kind text not null check (kind in ('command', 'event', 'callback', 'reconciliation', 'snapshot', 'control')),
  type text not null check (type <> ''),
  schema_version text not null,
  source text not null,
  target text check ((target is not null) = (kind = 'command')),
  tenant_id text not null check (tenant_id <> ''),
  key text not null check (key <> ''),
  key_version bigint check (key_version > 0),
  process_id uuid not null,
  correlation_id text not null,
  causation_id uuid,
  customer_id text,
  ttl_ms bigint check (ttl_ms > 0),
  traceparent text,
  occurred_at timestamptz not null,
  data json not null
) partition by range (id);

-- Readers go forward by (xid, seq) within a lane.
create index journal_reading on entente.journal (lane, xid, seq);
-- Commands a context addressed to itself (due timers), which its decider reads without wading through its own facts.
create index journal_own_commands on entente.journal (lane, xid, seq) where kind = 'command' and target = source;
-- A command that starts a process has the process's id and is found by the primary key; everything else by this index.
create index journal_process on entente.journal (process_id) where process_id <> id;

-- Makes the partition of one month. Runs as the owner, so that the application role can neither alter nor drop history.
create function entente.ensure_partition(month_start timestamptz, first_id uuid, next_id uuid) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  partition_name text := 'journal_' || to_char(month_start at time zone 'UTC', 'YYYY_MM');
begin
  if to_regclass('entente.' || partition_name) is not null then
    return false;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('entente.ensure_partition', 0));
  -- By query: to_regclass answers from a cache that does not know yet what another process made while we waited.
  if exists (select from pg_class where relnamespace = 'entente'::regnamespace and relname = partition_name) then
    return false;
  end if;
  execute format('create table entente.%I partition of entente.journal for values from (%L) to (%L)',
    partition_name, first_id, next_id);
  return true;
end
$$;
