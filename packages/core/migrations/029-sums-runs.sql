-- A comparison of sums is a run as well: of one day, which it looked at as a whole. Its report stands in the journal, under the run's id.
alter table entente.reconciliation_run
  -- Null: hand-offs were compared one by one.
  add column day date,
  drop constraint reconciliation_run_check1,
  add constraint reconciliation_run_findings check (cardinality(finding_ids) = case when day is null then looked else 0 end);
