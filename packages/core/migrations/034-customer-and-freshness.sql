-- Whose account it is about, where the context that wrote the fact knew it: what comes of a hand-off or a timer says so, too.
alter table entente.hand_off add column customer_id text;
alter table entente.timer add column customer_id text;
-- Up to when what a process shows may be taken for news (business time): that of the last fact it was folded from. Null: for ever.
alter table entente.process add column fresh_until timestamptz;
