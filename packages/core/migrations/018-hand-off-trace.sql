-- The trace context of the fact a hand-off follows from: what comes of the hand-off belongs to the same trace, whoever carries it on.
alter table entente.hand_off add column traceparent text;
