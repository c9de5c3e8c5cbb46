-- breaking
-- Entries of an audit log stand in sheets, one row for those that were logged together: a row for each cost more than the business it proves.
create table entente.audit_sheet (
  tenant_id text not null,
  -- Index of its first entry; the others follow without a gap. Sheets are never appended to.
  first bigint not null check (first >= 0),
  entries integer not null check (entries between 1 and 1024),
  -- The bytes that are hashed, one leaf after the other, and where each ends; their hashes, which are those of tile level 0.
  leaves bytea not null,
  leaf_ends integer[] not null,
  hashes bytea not null check (length(hashes) = 32 * entries),
  -- What opens the commitments of the leaves: of each the 32 random bytes and the payload, or nothing once they were erased.
  -- Erasing these leaves the log as it was.
  openings bytea,
  opening_ends integer[],
  process_ids uuid[] not null,
  -- Of each entry's ordering key a digest: what is indexed does not say who it is about.
  keys uuid[],
  -- Business time of the entries, all of one day (UTC), so that their payloads are due together.
  first_at timestamptz not null,
  last_at timestamptz not null,
  check (cardinality(leaf_ends) = entries and cardinality(process_ids) = entries),
  check ((openings is null) = (opening_ends is null) and (openings is null) = (keys is null)),
  check (cardinality(opening_ends) = entries and cardinality(keys) = entries),
  primary key (tenant_id, first)
);
-- Half of it is random, and parts of it are read: neither gains from compression.
alter table entente.audit_sheet
  alter leaves set storage external, alter leaf_ends set storage external, alter hashes set storage external,
  alter openings set storage external, alter opening_ends set storage external,
  alter process_ids set storage external, alter keys set storage external;

with
  told as (
    select l.*, coalesce(length(l.nonce) + length(l.payload), 0) as opening_bytes,
      date_trunc('day', l.occurred_at, 'UTC') as day,
      sum(coalesce(length(l.payload), 0)::bigint) over (partition by l.tenant_id order by l.n) / 1048576 as mebibyte
    from entente.audit_leaf l),
  cut as (
    select t.*, (t.n % 1024 = 0 or row(t.n - 1, t.day, t.mebibyte) is distinct from
      row(lag(t.n) over earlier, lag(t.day) over earlier, lag(t.mebibyte) over earlier))::int as begins
    from told t window earlier as (partition by t.tenant_id order by t.n)),
  numbered as (
    select c.*, sum(c.begins) over (partition by c.tenant_id order by c.n) as sheet from cut c),
  ended as (
    select d.*, sum(length(d.leaf)) over up_to as leaf_end, sum(d.opening_bytes) over up_to as opening_end
    from numbered d window up_to as (partition by d.tenant_id, d.sheet order by d.n))
insert into entente.audit_sheet (tenant_id, first, entries, leaves, leaf_ends, hashes, openings, opening_ends, process_ids, keys, first_at, last_at)
select e.tenant_id, min(e.n), count(*), string_agg(e.leaf, '' order by e.n), array_agg(e.leaf_end::int order by e.n),
  string_agg(e.hash, '' order by e.n),
  case when count(e.nonce) > 0 then string_agg(coalesce(e.nonce || e.payload, ''), '' order by e.n) end,
  case when count(e.nonce) > 0 then array_agg(e.opening_end::int order by e.n) end,
  array_agg(e.process_id order by e.n),
  case when count(e.nonce) > 0 then array_agg(
    encode(substring(sha256(convert_to(e.tenant_id, 'UTF8') || '\x00'::bytea || convert_to(e.key, 'UTF8')) for 16), 'hex')::uuid
    order by e.n) end,
  min(e.occurred_at), max(e.occurred_at)
from ended e group by e.tenant_id, e.sheet;

drop table entente.audit_leaf;
-- Which sheets hold something of a process or of a key. Without a list of what is pending: every search would read all of it.
create index audit_sheet_of on entente.audit_sheet using gin (process_ids, keys) with (fastupdate = off);
-- Entries are logged nearly in the order of business time, so that ranges of pages tell it at next to no cost.
create index audit_sheet_time on entente.audit_sheet using brin (first_at, last_at) with (pages_per_range = 16);

-- As in 020, for sheets: `how_many` of them from entry `from_n` on. A sheet goes as a whole, when the last entry of its day is due.
create or replace function entente.expire_payloads(the_tenant text, from_n bigint, how_many integer) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  kept integer;
  before timestamptz;
  old bigint;
  next bigint;
begin
  select i.kept_days into kept from entente.journal_identity i where not i.is_intake;
  if kept is null then
    return null;
  end if;
  before := entente.business_now() - make_interval(days => kept + 31);
  select count(*) filter (where s.last_at < before), max(s.first + s.entries) into old, next from (
    select first, entries, last_at from entente.audit_sheet
      where tenant_id = the_tenant and first >= from_n order by first limit how_many) s;
  update entente.audit_sheet s set openings = null, opening_ends = null, keys = null
    where s.tenant_id = the_tenant and s.first >= from_n and s.first < next and s.last_at < before and s.openings is not null;
  -- Entries of different keys are logged nearly in the order of time: a slice with a young one is looked at again.
  return case when old = how_many then next end;
end
$$;
