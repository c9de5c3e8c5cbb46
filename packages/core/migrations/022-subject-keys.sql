-- Keys that personal data is sealed with, one per data subject. Filled in the context `keys` alone. Erasing takes the key and leaves the row.
create table entente.subject_key (
  tenant_id text not null,
  subject_id text not null,
  key_id uuid not null unique,
  -- Sealed with the key-encryption key, which is in no database.
  wrapped bytea,
  -- Business time.
  made_at timestamptz not null,
  erased_at timestamptz,
  check ((wrapped is null) = (erased_at is not null)),
  primary key (tenant_id, subject_id)
);
