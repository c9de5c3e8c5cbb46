-- One row per accepted idempotency key, kept 90 days. The hash covers tenant, caller, operation and key.
create table entente.idempotency (
  tenant_id text not null,
  key_hash bytea not null check (octet_length(key_hash) = 16),
  payload_hash bytea not null check (octet_length(payload_hash) = 16),
  process_id uuid not null,
  accepted_at timestamptz not null,
  primary key (tenant_id, key_hash)
);
-- Running totals by shard: what was accepted and what reached an end. Their difference is the backlog.
create table entente.tally (
  name text not null,
  shard smallint not null,
  total bigint not null default 0,
  primary key (name, shard)
) with (fillfactor = 50);

create sequence entente.process_change cache 32;

-- What customers see of their processes. No row: queued, read from the journal itself.
create table entente.process (
  process_id uuid primary key,
  tenant_id text not null,
  type text not null,
  key text not null,
  customer_id text,
  state text not null check (state in ('queued', 'processing', 'confirmed', 'failed')),
  steps json not null,
  reason json,
  outcome json,
  updated_at timestamptz not null,
  -- Readers that push changes follow them in this order, as they follow a journal.
  xid xid8 not null default pg_current_xact_id(),
  change bigint not null default nextval('entente.process_change')
);
create index process_changes on entente.process (xid, change);
