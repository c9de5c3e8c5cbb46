import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../postgres/database.ts";
import { openDatabase } from "../postgres/database.ts";
import { bank } from "../testing/bank.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { appendEntries } from "./append.ts";

const bed = await openTestBed();
const name = bed.newName();
let stage: Stage;
let app: Database;
let reader: Database;
let partition: string;

before(async () => {
  stage = await bed.stage(bank(name));
  app = stage.database("ledger");
  reader = stage.database("ledger", "reader");
  await appendEntries(app, [fact()]);
  const [row] = await bed.sql<{ partition: string }>(
    name,
    "ledger",
    "select 'entente.' || c.relname as partition from entente.journal j join pg_class c on c.oid = j.tableoid limit 1",
  );
  partition = row?.partition ?? "";
});

const permissionDenied = { code: "database-defect", fields: { sqlState: "42501" } };

test("a context can neither change nor remove what its journal holds, in the journal or in a month of it", async () => {
  for (const table of ["entente.journal", partition]) {
    for (const statement of [
      `update ${table} set data = '{}'`,
      `delete from ${table}`,
      `truncate ${table}`,
      `drop table ${table}`,
      `alter table ${table} add column more text`,
      `alter table ${table} disable trigger all`,
      `create trigger t before insert on ${table} execute function pg_catalog.suppress_redundant_updates_trigger()`,
      `create rule r as on insert to ${table} do instead nothing`,
      `create index on ${table} (id)`,
      `merge into ${table} j using (values (1)) v(n) on true when matched then delete`,
    ]) {
      await assert.rejects(app.execute(statement), permissionDenied, statement);
    }
  }
  await assert.rejects(
    app.execute(`alter table entente.journal detach partition ${partition}`),
    permissionDenied,
  );
  assert.equal((await app.execute("select 1 from entente.journal")).length, 1);
});

test("a month is written and read through the journal only", async () => {
  await assert.rejects(app.execute(`select * from ${partition}`), permissionDenied);
  await assert.rejects(
    app.execute(`insert into ${partition} select * from entente.journal`),
    permissionDenied,
  );
  await assert.rejects(reader.execute(`select * from ${partition}`), permissionDenied);
});

test("a context can neither make nor drop tables, functions or schemas beside its read models", async () => {
  for (const statement of [
    "create table entente.more (n int)",
    "create table public.more (n int)",
    "create temporary table more (n int)",
    "create function entente.more() returns int language sql as 'select 1'",
    "create or replace function entente.expire_intake(smallint[], xid8[], bigint[], boolean[]) returns text[] language sql as 'select null::text[]'",
    "create schema more",
    "drop table entente.state",
    "drop function entente.expire_intake(smallint[], xid8[], bigint[], boolean[])",
    "alter function entente.expire_intake(smallint[], xid8[], bigint[], boolean[]) owner to current_user",
    "update entente.journal_identity set generation = gen_random_uuid()",
    "update entente.migration set checksum = ''",
    "set session_replication_role = replica",
  ]) {
    await assert.rejects(app.execute(statement), { code: "database-defect" }, statement);
  }
  await assert.rejects(app.execute(`set role ${name}_ledger_owner`), permissionDenied);
  // Its read models it may swap, to rebuild them.
  await app.execute("create table bank.spare (n int); drop table bank.spare");
});

test("the owner of the tables cannot log in, and no role of a context is more than it must be", async () => {
  const roles = await bed.sql<{ role: string; login: boolean; special: boolean }>(
    name,
    "ledger",
    `select rolname as role, rolcanlogin as login,
       rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls as special
     from pg_roles where rolname like $1 order by 1`,
    [`${name}\\_ledger%`],
  );
  assert.deepEqual(
    roles.map((role) => [role.role.replace(name, ""), role.login, role.special]),
    [
      ["_ledger", true, false],
      ["_ledger_owner", false, false],
      ["_ledger_reader", true, false],
    ],
  );
});

test("others read a context's journal, its identity and its sign of life, and nothing else", async () => {
  const rights = await bed.sql<{ relation: string; right: string }>(
    name,
    "ledger",
    `select n.nspname || '.' || c.relname as relation, r as right
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
       cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger', 'maintain']) r
     where n.nspname in ('entente', 'bank', 'public') and c.relkind in ('r', 'p', 'v', 'm', 'f')
       and has_table_privilege($1, c.oid, r) order by 1`,
    [`${name}_ledger_reader`],
  );
  assert.deepEqual(rights, [
    { relation: "entente.context_control", right: "select" },
    { relation: "entente.journal", right: "select" },
    { relation: "entente.journal_identity", right: "select" },
  ]);
  const [more] = await bed.sql<{
    functions: number;
    sequences: number;
    schemas: number;
    databases: string[];
  }>(
    name,
    "ledger",
    `select
       (select count(*)::int from pg_proc p where p.pronamespace = 'entente'::regnamespace
          and has_function_privilege($1, p.oid, 'execute')) as functions,
       (select count(*)::int from pg_class c where c.relnamespace::regnamespace::text in ('entente', 'bank')
          and case when c.relkind = 'S' then has_sequence_privilege($1, c.oid, 'usage, select, update') end) as sequences,
       (select count(*)::int from pg_namespace where has_schema_privilege($1, oid, 'create')) as schemas,
       (select array_agg(datname::text) from pg_database where datname like $2 and has_database_privilege($1, oid, 'connect')) as databases`,
    [`${name}_ledger_reader`, `${name}\\_%`],
  );
  assert.deepEqual(more, { functions: 0, sequences: 0, schemas: 0, databases: [`${name}_ledger`] });
  assert.equal((await reader.execute("select 1 from entente.journal")).length, 1);
  await assert.rejects(
    reader.execute("insert into entente.journal select * from entente.journal"),
    permissionDenied,
  );
});

test("a context cannot enter another context's database, nor can its readers", async () => {
  for (const as of ["app", "reader"] as const) {
    const url = new URL(stage.database("ledger", as).url);
    url.pathname = `/${name}_front`;
    const intruder = openDatabase({ url: url.href, applicationName: "intruder", connections: 1 });
    await assert.rejects(intruder.execute("select 1"), (error: Error & { cause: { code: string } }) => {
      assert.equal(error.cause.code, "42501");
      return true;
    });
    await intruder.close();
  }
});
