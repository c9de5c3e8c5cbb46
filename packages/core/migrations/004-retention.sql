-- Drops months of raw intake that are past their keeping time. Runs as the owner and checks for itself: by business time,
-- only whole months, and only when every command in them reached an end. Returns the partitions dropped.
create function entente.expire_intake() returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  kept integer;
  business_now timestamptz;
  month record;
  open_commands boolean;
  dropped text[] := '{}';
begin
  select i.kept_days into kept from entente.journal_identity i;
  if kept is null then
    return dropped;
  end if;
  select clock_timestamp() + make_interval(secs => c.clock_offset_ms / 1000.0) into business_now from entente.context_control c;
  for month in
    select c.relname as name, to_date(substr(c.relname, 9), 'YYYY_MM') + interval '1 month' as ends
    from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'entente.journal'::regclass order by 1
  loop
    continue when month.ends > (business_now at time zone 'UTC') - make_interval(days => kept);
    execute format($q$select exists (
      select from entente.%I c left join entente.process p on p.process_id = c.id
      where c.kind = 'command' and c.target <> c.source and (p.state is null or p.state not in ('confirmed', 'failed')))$q$,
      month.name) into open_commands;
    continue when open_commands;
    execute format('drop table entente.%I', month.name);
    dropped := dropped || month.name::text;
  end loop;
  return dropped;
end
$$;

-- Forgets idempotency keys past the window in one slice of the table. Returns whether there is more table after the slice.
create function entente.expire_idempotency(before timestamptz, first_page integer, pages integer) returns boolean
language plpgsql as $$
begin
  delete from entente.idempotency
    where ctid >= format('(%s,0)', first_page)::tid and ctid < format('(%s,0)', first_page + pages)::tid
      and accepted_at < before;
  return pg_relation_size('entente.idempotency') > (first_page + pages)::bigint * current_setting('block_size')::bigint;
end
$$;
