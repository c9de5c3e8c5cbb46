create schema flux;

-- Read model: each account's balance as its last fact left it.
create table flux.balance (
  tenant_id text not null,
  account_id text not null,
  customer_id text,
  cycle text not null,
  quota_units bigint not null check (quota_units >= 0),
  quota_remaining bigint not null check (quota_remaining between 0 and quota_units),
  used_units bigint not null check (used_units >= 0),
  on_demand_minor bigint not null check (on_demand_minor >= 0),
  currency text not null,
  -- Business time of the last fact reflected here, and its number in the account's history.
  as_of timestamptz not null,
  version bigint not null,
  primary key (tenant_id, account_id)
) with (fillfactor = 60);
