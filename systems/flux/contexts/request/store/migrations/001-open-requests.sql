create schema flux;

-- Read model: requests that have no end yet. What has ended leaves.
create table flux.open_request (
  tenant_id text not null,
  request_id uuid not null,
  primary key (tenant_id, request_id)
) with (fillfactor = 80);
