-- Read model: the share of each tenant's accounts whose quota is decided here, as last moved. No row: it was never said.
create table flux.quota_share (
  tenant_id text not null primary key,
  share_percent int not null check (share_percent between 0 and 100),
  -- Business time.
  moved_at timestamptz not null
);
