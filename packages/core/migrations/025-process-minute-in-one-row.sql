-- One row for everything of a tenant, type, minute and shard. A row for each figure and bucket made some forty rows of a busy batch.
-- `latency` counts confirmations by consecutive buckets of model/latency-histogram.ts, the first of them `latency_from`.
alter table entente.process_minute rename to process_minute_by_figure;
alter table entente.process_minute_by_figure rename constraint process_minute_pkey to process_minute_by_figure_pkey;

create table entente.process_minute (
  tenant_id text not null check (tenant_id <> ''),
  type text not null,
  minute timestamptz not null,
  shard smallint not null,
  started bigint not null default 0,
  confirmed bigint not null default 0,
  failed bigint not null default 0,
  doubled bigint not null default 0,
  latency_from smallint not null default 0,
  latency integer[] not null default '{}',
  primary key (tenant_id, type, minute, shard)
) with (fillfactor = 60);

insert into entente.process_minute (tenant_id, type, minute, shard, started, confirmed, failed, doubled, latency_from, latency)
select tenant_id, type, minute, shard,
  coalesce(sum(total) filter (where figure = 'started'), 0),
  coalesce(sum(total) filter (where figure = 'confirmed'), 0),
  coalesce(sum(total) filter (where figure = 'failed'), 0),
  coalesce(sum(total) filter (where figure = 'doubled'), 0),
  coalesce(min(bucket) filter (where figure = 'latency'), 0),
  coalesce((
    select array_agg(coalesce(l.total, 0) order by b.bucket)
    from generate_series(min(o.bucket::int) filter (where figure = 'latency'), max(o.bucket::int) filter (where figure = 'latency')) as b(bucket)
    left join entente.process_minute_by_figure l on l.figure = 'latency' and l.bucket = b.bucket
      and (l.tenant_id, l.type, l.minute, l.shard) = (o.tenant_id, o.type, o.minute, o.shard)
  ), '{}')
from entente.process_minute_by_figure o group by tenant_id, type, minute, shard;

drop table entente.process_minute_by_figure;
