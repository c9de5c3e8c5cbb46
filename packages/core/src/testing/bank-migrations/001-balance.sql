create schema bank;

-- Read model. Amounts are added up, so that a fact applied twice shows.
create table bank.balance (
  tenant_id text not null,
  account text not null,
  balance bigint not null check (balance >= 0),
  facts integer not null,
  primary key (tenant_id, account)
);
