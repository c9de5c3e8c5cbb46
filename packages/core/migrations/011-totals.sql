-- Sums of closed days, ours against theirs: when a treaty's are compared next, and who does it. One row per treaty that declares them.
create table entente.totals_run (
  treaty text primary key,
  -- Business time.
  due_at timestamptz not null,
  -- One process compares. Database time.
  holder uuid,
  held_until timestamptz,
  check ((holder is null) = (held_until is null))
);

-- Acts of a day are read by the time they were opened at.
create index hand_off_by_day on entente.hand_off (treaty, created_at);

-- Sums that differ are a person's work.
alter table entente.fallout_case drop constraint fallout_case_kind_check;
alter table entente.fallout_case add constraint fallout_case_kind_check check (kind in ('rejected', 'unknown', 'tries-used-up',
  'unclassified', 'key-conflict', 'contradiction', 'unwanted-effect', 'rows-rejected', 'callback-unmatched',
  'credentials-refused', 'record-unreadable', 'sums-differ'));
