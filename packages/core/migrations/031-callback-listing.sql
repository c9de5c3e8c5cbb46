-- Operators read what counterparties sent: by treaty and state, or of one hand-off, newest first (ids of entries rise with time).
alter table entente.callback
  -- The hand-off it was found to speak of. Kept, because a new attempt has another key; null: none of the tenant's was found.
  add column hand_off_id uuid,
  -- How many of its repeats came with other content and were refused.
  add column reused integer not null default 0,
  add constraint callback_reused_is_repeated check (reused between 0 and repeats);

update entente.callback c set hand_off_id = h.hand_off_id from entente.hand_off h
  where h.tenant_id = c.tenant_id and h.treaty = c.treaty and h.external_reference = c.reference
    and c.status in ('applied', 'noted', 'stale', 'impossible');
-- Our key goes before their name for it.
update entente.callback c set hand_off_id = h.hand_off_id from entente.hand_off h
  where h.tenant_id = c.tenant_id and h.treaty = c.treaty and h.idempotency_key = c.reference
    and c.status in ('applied', 'noted', 'stale', 'impossible');

create index callback_listing on entente.callback (tenant_id, treaty, status, entry_id);
create index callback_of_hand_off on entente.callback (tenant_id, hand_off_id, entry_id) where hand_off_id is not null;
