create schema flux;

-- Read model: what each account is entitled to, as the authority last told it.
create table flux.entitlement (
  tenant_id text not null,
  account_id text not null,
  entitlement_id text not null,
  plan_id text not null,
  monthly_quota_units bigint not null check (monthly_quota_units >= 0),
  status text not null check (status in ('draft', 'active', 'suspended', 'ended', 'unlisted')),
  version bigint not null,
  valid_from timestamptz not null,
  valid_to timestamptz,
  primary key (tenant_id, account_id, entitlement_id)
) with (fillfactor = 80);

-- Read model: what the customer behind each account is to us.
create table flux.customer_standing (
  tenant_id text not null,
  account_id text not null,
  standing text not null check (standing in ('customer', 'prospect', 'partner', 'none')),
  primary key (tenant_id, account_id)
) with (fillfactor = 80);
