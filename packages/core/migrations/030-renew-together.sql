-- Renews what a worker holds for several consumers in one statement: the leases of those with nothing to settle, which is nearly always
-- all of them. A consumer that is not in the answer is to take its lanes: a worker came or went, a lane is free, or somebody is taking
-- lanes at this moment. Waits for nobody, so that one consumer's trouble is not the others'.
create function entente.renew_lanes(the_consumers text[], the_worker uuid, lease_ms integer)
returns table (consumer text, lane smallint, epoch bigint) language plpgsql as $$
declare
  lease interval := make_interval(secs => lease_ms / 1000.0);
  untouched text[];
  settled text[];
  moment timestamptz;
begin
  select array_agg(asked.consumer) into untouched from unnest(the_consumers) as asked(consumer)
    where pg_try_advisory_xact_lock(hashtextextended('entente.take_lanes:' || asked.consumer, 0));
  moment := clock_timestamp();
  select array_agg(asked.consumer) into settled
    from unnest(untouched) as asked(consumer)
    cross join lateral (
      select count(*) filter (where w.beat_at > moment - lease) as living,
          bool_or(w.worker_id = the_worker and w.beat_at > moment - lease) as is_known,
          bool_or(w.beat_at < moment - lease * 20) as has_gone
        from entente.worker w where w.consumer = asked.consumer) as workers
    cross join lateral (
      select count(*) filter (where l.owner = the_worker and l.leased_until >= moment) as own,
          count(*) filter (where l.owner is null or l.leased_until < moment) as free
        from entente.lease l where l.consumer = asked.consumer) as lanes
    where workers.is_known and not workers.has_gone and lanes.free = 0 and lanes.own <= ceil(8.0 / workers.living);
  update entente.worker w set beat_at = moment where w.worker_id = the_worker and w.consumer = any(settled);
  return query update entente.lease l set leased_until = moment + lease
    where l.consumer = any(settled) and l.owner = the_worker returning l.consumer, l.lane, l.epoch;
end
$$;
