-- A recovery says what it was decided about: a hand-off that has moved since it was asked for is another question.
alter table entente.recovery_request
  -- Versions by place in hand_off_ids; null: asked for by older software, which did not keep them.
  add column versions bigint[],
  add column approved_why text,
  add column rejected_by text,
  add column rejected_why text,
  add column rejected_at timestamptz,
  add constraint recovery_versions check (versions is null or cardinality(versions) = cardinality(hand_off_ids)),
  add constraint recovery_rejection check ((rejected_by is null) = (rejected_at is null) and (rejected_why is null) = (rejected_at is null)),
  add constraint recovery_decided_once check (approved_at is null or rejected_at is null);
create index recovery_open on entente.recovery_request (tenant_id, request_id) where approved_at is null and rejected_at is null;

-- One report per look of reconciliation, tenant and treaty. What was found about each hand-off stands in the journal, under these ids.
create table entente.reconciliation_run (
  tenant_id text not null,
  run_id uuid not null,
  treaty text not null,
  -- Business time.
  at timestamptz not null,
  scheduled boolean not null,
  looked integer not null check (looked >= 0),
  corrected integer not null check (corrected between 0 and looked),
  results json not null,
  finding_ids uuid[] not null check (cardinality(finding_ids) = looked),
  primary key (tenant_id, run_id)
);
create index reconciliation_run_listing on entente.reconciliation_run (tenant_id, treaty, run_id);
create index reconciliation_run_age on entente.reconciliation_run (treaty, at);

-- When a person last had a treaty compared at once. Database time: moving business time does not open the gate.
create table entente.reconciliation_ask (
  tenant_id text not null,
  treaty text not null,
  asked_at timestamptz not null,
  primary key (tenant_id, treaty)
);
