import type { Connection } from "./database.ts";

/**
 * The live schema as text that reviewers read and the drift check compares: one line per column, constraint,
 * index and function, sorted. Partitions of the journal are left out, they come and go.
 */
export async function dumpSchema(connection: Connection, schemas: readonly string[]): Promise<string> {
  const rows = await connection.execute<{ line: string }>(
    `
    with relations as (
      select c.oid, n.nspname || '.' || c.relname as name, c.relkind
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'S') and not c.relispartition)
    select line from (
      select 1 as part, r.name as name, a.attnum as place,
        format('table %s: %s %s%s%s', r.name, a.attname, format_type(a.atttypid, a.atttypmod),
          case when a.attnotnull then ' not null' else '' end,
          coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) as line
      from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
      where r.relkind in ('r', 'p', 'v', 'm')
      union all
      select 2, r.name, 0, format('constraint %s: %s %s', r.name, k.conname, pg_get_constraintdef(k.oid))
      from relations r join pg_constraint k on k.conrelid = r.oid where k.contype <> 'n'
      union all
      select 3, r.name, 0, pg_get_indexdef(i.indexrelid)
      from relations r join pg_index i on i.indrelid = r.oid
      union all
      select 4, r.name, 0, format('sequence %s increment %s cache %s', r.name, s.seqincrement, s.seqcache)
      from relations r join pg_sequence s on s.seqrelid = r.oid
      union all
      select 5, n.nspname || '.' || p.proname, 0,
        format('function %s.%s(%s) returns %s%s md5 %s', n.nspname, p.proname,
          pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid),
          case when p.prosecdef then ' security definer' else '' end, md5(p.prosrc))
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = any ($1::text[])
      union all
      select 6, r.name, 0, format('grant %s: %s to %s', r.name,
          string_agg(acl.privilege_type, ', ' order by acl.privilege_type), roles.role)
      from relations r join pg_class c on c.oid = r.oid,
        aclexplode(c.relacl) acl,
        lateral (select case when acl.grantee = 0 then 'public'
                 when pg_get_userbyid(acl.grantee) like '%\\_reader' then 'reader'
                 when acl.grantee = c.relowner then 'owner' else 'app' end as role) roles
      where roles.role <> 'owner'
      group by r.name, roles.role
    ) dumped order by part, name, place, line`,
    [schemas],
  );
  return `${rows.map((row) => row.line).join("\n")}\n`;
}
