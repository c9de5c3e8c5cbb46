-- How processes fare, by the minute of business time in which they were accepted. Counts only: whoever reads adds them up.
-- `latency` counts confirmations by the bucket of model/latency-histogram.ts; the other figures have bucket 0.
-- Shards keep programs from waiting for each other; one of them alone may be negative, a confirmed process may fail later.
create table entente.process_minute (
  tenant_id text not null check (tenant_id <> ''),
  type text not null,
  figure text not null check (figure in ('started', 'confirmed', 'failed', 'doubled', 'latency')),
  minute timestamptz not null,
  bucket smallint not null default 0,
  shard smallint not null,
  total bigint not null,
  primary key (tenant_id, type, figure, minute, bucket, shard)
) with (fillfactor = 60);

-- Processes that ended before they were counted. Those that customers started are counted from the journal.
insert into entente.process_minute (tenant_id, type, figure, minute, bucket, shard, total)
select tenant_id, type, state, date_bin('1 minute', uuid_extract_timestamp(process_id), 'epoch'), 0, 0, count(*)
from entente.process where state in ('confirmed', 'failed') group by 1, 2, 3, 4;

insert into entente.process_minute (tenant_id, type, figure, minute, bucket, shard, total)
select tenant_id, type, 'latency', date_bin('1 minute', accepted_at, 'epoch'),
  case when ms < 1 then 0 else least(497, 1 + floor(log(2, ms) * 16)) end, 0, count(*)
from (select tenant_id, type, accepted_at, extract(epoch from updated_at - accepted_at) * 1000 as ms
  from (select *, uuid_extract_timestamp(process_id) as accepted_at from entente.process where state = 'confirmed') p) c
group by 1, 2, 3, 4, 5;
