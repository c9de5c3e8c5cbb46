-- What this context asked of systems that are not ours. The requests stand in the journal; here is what moves.
create sequence entente.hand_off_place cache 1;

create table entente.hand_off (
  tenant_id text not null check (tenant_id <> ''),
  -- Id of the opening entry.
  hand_off_id uuid not null,
  treaty text not null,
  target text not null,
  purpose text not null,
  aggregate_type text not null,
  aggregate_id text not null,
  line text,
  key text not null,
  process_id uuid not null,
  correlation_id text not null,
  state text not null check (state in ('created', 'sent', 'accepted', 'completed', 'rejected', 'unknown', 'retry_wait', 'blocked', 'fallout', 'cancelled')),
  attempt integer not null check (attempt > 0),
  tries integer not null check (tries >= 0),
  in_doubt boolean not null,
  effect_known boolean not null,
  withdrawn boolean not null,
  released boolean not null,
  version bigint not null check (version > 0),
  idempotency_key text not null,
  request_hash bytea not null check (octet_length(request_hash) = 16),
  last_response_hash bytea,
  external_reference text,
  external_code text,
  external_label text,
  last_error_class text,
  last_error_code text,
  last_error_text text,
  -- Business time.
  next_try_at timestamptz,
  look_at timestamptz,
  deadline_at timestamptz,
  first_sent_at timestamptz,
  -- The sending whose answer counts, and how long anybody waits for it (database time).
  sending uuid,
  claimed_until timestamptz,
  row_count integer not null default 0,
  rows_open integer not null default 0 check (rows_open between 0 and row_count),
  -- Order of opening within a key.
  place bigint not null default nextval('entente.hand_off_place'),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, hand_off_id),
  unique (tenant_id, target, idempotency_key),
  -- Nothing known to have happened is given up, and nothing in doubt waits to be sent.
  check (not (effect_known and state in ('cancelled', 'rejected'))),
  check (not (in_doubt and next_try_at is not null))
) with (fillfactor = 60);

create index hand_off_to_send on entente.hand_off (treaty, next_try_at) where next_try_at is not null;
create index hand_off_under_way on entente.hand_off (treaty, claimed_until) where claimed_until is not null;
create index hand_off_to_look on entente.hand_off (treaty, look_at) where look_at is not null;
create index hand_off_deadline on entente.hand_off (treaty, deadline_at) where deadline_at is not null;
create index hand_off_in_order on entente.hand_off (tenant_id, treaty, key, place)
  where state in ('created', 'sent', 'retry_wait', 'unknown', 'blocked');
create index hand_off_reference on entente.hand_off (tenant_id, treaty, external_reference) where external_reference is not null;
create index hand_off_subject on entente.hand_off (tenant_id, aggregate_type, aggregate_id);
create index hand_off_listing on entente.hand_off (tenant_id, state, created_at);
create index hand_off_open on entente.hand_off (treaty, state, created_at) where state not in ('completed', 'cancelled');

-- Rows of batches. Narrow, because a batch may have thousands.
create table entente.hand_off_row (
  hand_off_id uuid not null,
  row integer not null check (row >= 0),
  tenant_id text not null,
  target text not null,
  key_hash bytea not null check (octet_length(key_hash) = 16),
  request_hash bytea not null check (octet_length(request_hash) = 16),
  outcome text not null check (outcome in ('open', 'completed', 'rejected', 'cancelled')),
  code text,
  primary key (hand_off_id, row),
  unique (tenant_id, target, key_hash)
) with (fillfactor = 70);

-- Messages from counterparties: their identity and what became of them. The message itself is a journal entry.
create table entente.callback (
  tenant_id text not null,
  treaty text not null,
  message_id text not null,
  entry_id uuid not null,
  schema_version text not null,
  reference text not null,
  received_at timestamptz not null,
  status text not null check (status in ('received', 'waiting', 'applied', 'noted', 'stale', 'impossible', 'refused', 'unmatched')),
  payload_hash bytea not null check (octet_length(payload_hash) = 16),
  error_code text,
  repeats integer not null default 0,
  -- Business time up to which an early one waits for its hand-off.
  waits_until timestamptz not null,
  primary key (tenant_id, treaty, message_id)
);
create index callback_waiting on entente.callback (treaty, waits_until) where status = 'waiting';

-- Refused messages, counted and not kept: whoever floods us writes one row a day.
create table entente.callback_refusal (
  treaty text not null,
  code text not null,
  day date not null,
  total bigint not null,
  last_at timestamptz not null,
  last_address text not null,
  primary key (treaty, code, day)
);

-- Work for a person. One open case of a kind per hand-off.
create table entente.fallout_case (
  tenant_id text not null,
  case_id uuid not null,
  hand_off_id uuid,
  treaty text not null,
  target text not null,
  kind text not null check (kind in ('rejected', 'unknown', 'tries-used-up', 'unclassified', 'key-conflict', 'contradiction',
    'unwanted-effect', 'rows-rejected', 'callback-unmatched', 'credentials-refused')),
  code text,
  says text not null,
  owner text not null check (owner <> ''),
  opened_at timestamptz not null,
  claimed_by text,
  claimed_at timestamptz,
  closed_by text,
  closed_at timestamptz,
  closed_why text check ((closed_why is not null) = (closed_at is not null)),
  primary key (tenant_id, case_id)
);
create unique index fallout_case_open on entente.fallout_case (tenant_id, hand_off_id, kind) where closed_at is null;
create index fallout_case_listing on entente.fallout_case (tenant_id, opened_at) where closed_at is null;

-- Whether a treaty is in force, and when it is compared next.
create table entente.treaty_control (
  treaty text primary key,
  stopped boolean not null default false,
  stopped_code text,
  stopped_by text,
  stopped_why text,
  stopped_at timestamptz,
  -- Business time; the claim of the run under way is database time.
  next_run_at timestamptz,
  run_until timestamptz
);

-- Business figures of treaties, counted in the transactions of what they count.
create table entente.treaty_count (
  treaty text not null,
  name text not null,
  label text not null,
  shard smallint not null,
  total bigint not null,
  primary key (treaty, name, label, shard)
) with (fillfactor = 50);

-- Acts that two people must agree on.
create table entente.recovery_request (
  tenant_id text not null,
  request_id uuid not null,
  treaty text not null,
  act text not null,
  hand_off_ids uuid[] not null check (cardinality(hand_off_ids) > 0),
  asked_by text not null,
  asked_why text not null,
  asked_at timestamptz not null,
  approved_by text check (approved_by <> asked_by),
  approved_at timestamptz,
  primary key (tenant_id, request_id)
);
