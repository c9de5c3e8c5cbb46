-- How the system fares, as its operators read it: a projection of the facts of fitness/fitness-decider.ts, which are kept for ever.
-- One row per incident, review item and week, and tenant: a few a week.
create table entente.fitness_record (
  tenant_id text not null check (tenant_id <> ''),
  kind text not null check (kind in ('incident', 'review', 'week')),
  -- Id of the incident or review item; the Monday of a week.
  id text not null,
  opened_at timestamptz not null,
  -- A week is over when it is recorded.
  closed_at timestamptz,
  data json not null,
  primary key (tenant_id, kind, id)
);
create index fitness_record_listing on entente.fitness_record (tenant_id, kind, opened_at desc);
