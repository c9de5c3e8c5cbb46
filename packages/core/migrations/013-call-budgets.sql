-- What treaties used of what a counterparty allows in a day (UTC, business time). Bounded: one row per tenant, day, treaty and kind of call;
-- rows are removed after five weeks.
create table entente.treaty_call (
  tenant_id text not null check (tenant_id <> ''),
  day date not null,
  target text not null,
  budget text not null,
  treaty text not null,
  operation text not null,
  total bigint not null check (total >= 0),
  primary key (tenant_id, day, target, budget, treaty, operation)
) with (fillfactor = 60);

-- Of which budget a person was told on which day: once.
create table entente.budget_warning (
  tenant_id text not null,
  day date not null,
  target text not null,
  budget text not null,
  primary key (tenant_id, day, target, budget)
);

alter table entente.fallout_case drop constraint fallout_case_kind_check;
alter table entente.fallout_case add constraint fallout_case_kind_check check (kind in ('rejected', 'unknown', 'tries-used-up',
  'unclassified', 'key-conflict', 'contradiction', 'unwanted-effect', 'rows-rejected', 'callback-unmatched',
  'credentials-refused', 'record-unreadable', 'sums-differ', 'budget-nearly-used'));
