-- Top-ups addressed to the request context, by account: in the crossing from stage A every acceptance asks whether one is undecided.
-- Partial, so that nothing else pays for it.
create index journal_requested on entente.journal (tenant_id, key) where target = 'request';
