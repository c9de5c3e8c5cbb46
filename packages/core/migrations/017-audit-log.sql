-- The audit log: a Merkle log per tenant (RFC 6962) over all journals, filled by a consumer. Bytes: docs/reference/audit-log.md.
create table entente.audit_tree (
  tenant_id text primary key,
  size bigint not null default 0 check (size >= 0),
  -- Roots of the complete subtrees, largest first: what appending needs to know of the tree.
  edge bytea not null default '',
  check (length(edge) = 32 * bit_count(size::bit(64)))
) with (fillfactor = 50);

create table entente.audit_leaf (
  tenant_id text not null,
  -- Dense: 0, 1, 2 … in each tenant's log.
  n bigint not null check (n >= 0),
  -- The bytes that are hashed, and their hash: a hash of tile level 0.
  leaf bytea not null,
  hash bytea not null check (length(hash) = 32),
  process_id uuid not null,
  occurred_at timestamptz not null,
  -- What the leaf commits to, with the random bytes that hide it. Erasing these leaves the log as it was.
  nonce bytea check (length(nonce) = 32),
  payload bytea,
  key text,
  customer_id text,
  check ((nonce is null) = (payload is null) and (payload is null) = (key is null)),
  primary key (tenant_id, n)
);
create index audit_leaf_process on entente.audit_leaf (tenant_id, process_id, n);
create index audit_leaf_key on entente.audit_leaf (tenant_id, key, n);
create index audit_leaf_customer on entente.audit_leaf (tenant_id, customer_id) where customer_id is not null;
-- Entries are logged nearly in the order of business time, so that ranges of pages tell it at next to no cost.
create index audit_leaf_time on entente.audit_leaf using brin (occurred_at);

-- Hashes of tile levels 1 and up: the roots of complete blocks of 256^level leaves.
create table entente.audit_node (
  tenant_id text not null,
  level smallint not null check (level > 0),
  n bigint not null,
  hash bytea not null check (length(hash) = 32),
  primary key (tenant_id, level, n)
);

-- Signed checkpoints: the last of every hour, so that their number does not depend on how often there is a new one.
create table entente.audit_checkpoint (
  tenant_id text not null,
  -- Database time.
  hour timestamptz not null,
  size bigint not null check (size > 0),
  note text not null,
  -- Business time.
  signed_at timestamptz not null,
  primary key (tenant_id, hour)
);
