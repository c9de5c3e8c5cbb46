-- What the quota goes back to: when the authority for entitlements was last heard about it, and up to when that may be taken for news
-- (business time). Null: it never spoke of the account, or did before this was kept.
alter table flux.balance add column entitlement_as_of timestamptz;
alter table flux.balance add column entitlement_fresh_until timestamptz;
