-- With which version of its treaty a hand-off was opened: what it asked for was made with that version, and who changes the treaty is told
-- what is still under way. Null: opened before this was recorded.
alter table entente.hand_off add column treaty_version text;
