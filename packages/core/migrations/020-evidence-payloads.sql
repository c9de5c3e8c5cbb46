-- Payloads of the audit log go a month after the evidence they belong to may; leaves and hashes stay, and every proof with them.
-- One slice of one tenant's log from entry `from_n` on. Shape: where the next slice begins; null when what follows is too young.
create function entente.expire_payloads(the_tenant text, from_n bigint, how_many integer) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  kept integer;
  before timestamptz;
  old bigint;
begin
  select i.kept_days into kept from entente.journal_identity i where not i.is_intake;
  if kept is null then
    return null;
  end if;
  before := entente.business_now() - make_interval(days => kept + 31);
  select count(*) into old from entente.audit_leaf l
    where l.tenant_id = the_tenant and l.n >= from_n and l.n < from_n + how_many and l.occurred_at < before;
  update entente.audit_leaf l set nonce = null, payload = null, key = null, customer_id = null
    where l.tenant_id = the_tenant and l.n >= from_n and l.n < from_n + how_many and l.occurred_at < before and l.payload is not null;
  -- Entries of different keys are logged nearly in the order of time: a slice with a young one is looked at again.
  return case when old = how_many then from_n + how_many end;
end
$$;
