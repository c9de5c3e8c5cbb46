-- Applied after every migration, with :app and :reader replaced by the context's two roles. Deny by default.
revoke all on all functions in schema entente from public;
grant usage on schema entente to :app, :reader;
grant select, insert, update, delete on all tables in schema entente to :app;
grant usage on all sequences in schema entente to :app;
grant execute on all functions in schema entente to :app;
-- History is append-only for everyone but its owner; partitions are reached through the journal only.
do $$
declare
  name regclass;
begin
  for name in
    select inhrelid::regclass from pg_inherits where inhparent = 'entente.journal'::regclass
    union all
    select oid::regclass from pg_class
      where relnamespace = 'entente'::regnamespace and relkind = 'r' and relname ~ '^leaving_\d{4}_\d{2}$'
  loop
    execute format('revoke all on %s from :app, :reader', name);
  end loop;
end
$$;
revoke update, delete, truncate on entente.journal from :app;
revoke insert, update, delete, truncate on entente.journal_identity, entente.migration, entente.leaving_month from :app;
-- What is logged stays logged; only what hides behind a commitment can be erased.
revoke update, delete, truncate on entente.audit_sheet, entente.audit_node from :app;
grant update (openings, opening_ends, keys) on entente.audit_sheet to :app;
revoke delete, truncate on entente.audit_tree, entente.audit_checkpoint from :app;
-- A key is made once and erased once; that there was one stays.
revoke update, delete, truncate on entente.subject_key from :app;
grant update (wrapped, erased_at) on entente.subject_key to :app;
-- Other contexts see the journal and whether this context is alive; nothing else.
grant select on entente.journal, entente.journal_identity, entente.context_control to :reader;
