import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { bank, bankMigrations, submission } from "../testing/bank.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { openDatabase } from "./database.ts";
import { coreMigrations, loadMigrations, migrate } from "./migrate.ts";
import { type ContextAccess, type ProvisionOptions, provisionContext } from "./provision.ts";

const bed = await openTestBed();

function ledgerOf(system: string, said: Partial<ProvisionOptions> = {}): ProvisionOptions {
  return { system, context: "ledger", adminUrl: bed.adminUrl, migrations: bankMigrations, ...said };
}

/** The context's own login can do its work: append, decide, rebuild. */
async function works(access: ContextAccess): Promise<void> {
  const app = openDatabase({ url: access.app, applicationName: "provision test", connections: 1 });
  try {
    await app.execute("select entente.ensure_partition(now(), null, null) where false");
    for (const table of ["journal", "state", "timer", "parked", "cursor", "lease", "context_control"]) {
      await app.execute(`select 1 from entente.${table}`);
    }
    await app.execute("update entente.context_control set paused = paused");
    await app.execute("create table bank.spare (like bank.balance including all); drop table bank.spare");
  } finally {
    await app.close();
  }
}

test("twenty processes that start at once on an empty server all get the same context", async () => {
  const name = bed.newName();
  const twenty = () => Promise.all(Array.from({ length: 20 }, () => provisionContext(ledgerOf(name))));
  const accesses = [...(await twenty()), ...(await twenty())];
  assert.equal(new Set(accesses.map((access) => JSON.stringify(access))).size, 1);
  await works(accesses[0] as ContextAccess);
  const identity = await bed.sql(name, "ledger", "select generation from entente.journal_identity");
  assert.equal(identity.length, 1);
});

test("a start that was killed between the last migration and the grants is made good by the next one", async () => {
  const name = bed.newName();
  const access = await provisionContext(ledgerOf(name));
  await bed.sql(name, "ledger", `drop owned by ${name}_ledger, ${name}_ledger_reader cascade`);
  await bed.sql(name, "ledger", `drop schema if exists bank, entente cascade`);
  await bed.sql(
    name,
    "ledger",
    `grant connect on database ${name}_ledger to ${name}_ledger, ${name}_ledger_reader`,
  );
  const owner = openDatabase({
    url: bed.urlOf(name, "ledger"),
    applicationName: "killed",
    role: `${name}_ledger_owner`,
  });
  await migrate(
    owner,
    await loadMigrations([
      { label: "core", folder: coreMigrations },
      { label: "ledger", folder: bankMigrations },
    ]),
  );
  await owner.close();
  await provisionContext(ledgerOf(name));
  await works(access);
});

const folder = await mkdtemp(join(tmpdir(), "entente-migrations-"));
after(() => rm(folder, { recursive: true }));

test("a later migration may alter a read model that the context's login owns by then", async () => {
  const name = bed.newName();
  const first = await readFile(new URL("001-balance.sql", bankMigrations), "utf8");
  await writeFile(join(folder, "001-balance.sql"), first);
  const migrations = pathToFileURL(`${folder}/`);
  await works(await provisionContext(ledgerOf(name, { migrations })));
  await writeFile(
    join(folder, "002-more.sql"),
    "alter table bank.balance add column currency text; create view bank.rich as select * from bank.balance where balance > 100",
  );
  const access = await provisionContext(ledgerOf(name, { migrations }));
  await works(access);
  const app = openDatabase({ url: access.app, applicationName: "provision test", connections: 1 });
  assert.deepEqual(
    await app.execute("select currency from bank.balance union all select currency from bank.rich"),
    [],
  );
  await app.close();
});

test("an administrator who is no superuser, but may create databases and roles, is enough", async () => {
  const name = bed.newName();
  await bed.sql(name, "ledger", "select 1").catch(() => {});
  const admin = new URL(bed.adminUrl);
  const server = openDatabase({ url: bed.adminUrl, applicationName: "provision test" });
  await server.execute(`create role ${name}_admin login createdb createrole password 'secret'`);
  admin.username = `${name}_admin`;
  admin.password = "secret";
  await server.close();
  for (const _ of ["new", "again"])
    await works(await provisionContext(ledgerOf(name, { adminUrl: admin.href })));
});

test("a context may live in a database of its own making, on a login that owns it", async () => {
  const name = bed.newName();
  const server = openDatabase({ url: bed.adminUrl, applicationName: "provision test" });
  await server.execute(`create role ${name}_elsewhere login password 'secret'`);
  await server.execute(`create database ${name}_elsewhere owner ${name}_elsewhere`);
  await server.close();
  const url = new URL(bed.adminUrl);
  url.username = `${name}_elsewhere`;
  url.password = "secret";
  url.pathname = `/${name}_elsewhere`;
  const { system, happenings } = await bed.start(bank(name), { contextUrls: { ledger: url.href } });
  const { processId } = await system.accept(submission("deposit", "a-1", { amount: 5 }));
  await happenings.until("confirmed", async () => {
    return (await system.processes.read("acme", processId))?.state === "confirmed";
  });
  assert.equal((await bed.sql(name, "elsewhere", "select 1 from entente.journal")).length, 1);
});

/** Templates of the runtime's schema on the server, by who made them. */
async function templatesOf(admin: string): Promise<string[]> {
  const server = openDatabase({ url: bed.adminUrl, applicationName: "provision test", connections: 1 });
  const rows = await server.execute<{ name: string }>(
    `select datname as name from pg_database
     where datname like 'entente-schema-%' and pg_get_userbyid(datdba) = $1 and datistemplate`,
    [admin],
  );
  await server.close();
  return rows.map(({ name }) => name);
}

test("what was copied belongs to its context, also when the start that copied it was killed before it could say so", async () => {
  const name = bed.newName();
  await provisionContext(ledgerOf(name));
  const server = openDatabase({ url: bed.adminUrl, applicationName: "provision test", connections: 1 });
  const [template = "none"] = await templatesOf(new URL(bed.adminUrl).username);
  await server.execute(`drop database ${name}_ledger with (force)`);
  await server.execute(`create database ${name}_ledger template "${template}" strategy file_copy`);
  await server.execute(`grant connect, create on database ${name}_ledger to ${name}_ledger_owner`);
  await server.execute(`grant connect on database ${name}_ledger to ${name}_ledger, ${name}_ledger_reader`);
  await server.close();
  const copied = "select distinct pg_get_userbyid(relowner) as owner from pg_class c";
  const inRuntime = "where relnamespace = 'entente'::regnamespace";
  const before = await bed.sql(name, "ledger", `${copied} ${inRuntime}`);
  assert.deepEqual(before, [{ owner: template }]);
  const twenty = Array.from({ length: 20 }, () => provisionContext(ledgerOf(name)));
  const [access] = await Promise.all(twenty);
  await works(access as ContextAccess);
  const left = await bed.sql(
    name,
    "ledger",
    "select classid::regclass, objid from pg_shdepend where dbid = (select oid from pg_database where datname = current_database()) and refobjid = $1::regrole",
    [`"${template}"`],
  );
  assert.deepEqual(left, []);
  assert.deepEqual(await bed.sql(name, "ledger", `${copied} ${inRuntime}`), [
    { owner: `${name}_ledger_owner` },
  ]);
});

test("nobody can connect to the template, and one of other software goes when this one is made", async () => {
  const name = bed.newName();
  const admin = `${name}_admin`;
  const server = openDatabase({ url: bed.adminUrl, applicationName: "provision test", connections: 1 });
  await server.execute(`create role ${admin} login createdb createrole password 'secret'`);
  const asAdmin = new URL(bed.adminUrl);
  asAdmin.username = admin;
  asAdmin.password = "secret";
  const adminDatabase = openDatabase({
    url: asAdmin.href,
    applicationName: "provision test",
    connections: 1,
  });
  await adminDatabase.execute(`create role "entente-schema-${name}" nologin`);
  await adminDatabase.execute(`create database "entente-schema-${name}" template template0`);
  await adminDatabase.execute(`alter database "entente-schema-${name}" with is_template true`);
  await adminDatabase.close();
  assert.deepEqual(await templatesOf(admin), [`entente-schema-${name}`]);
  await provisionContext(ledgerOf(name, { adminUrl: asAdmin.href }));
  const [made = "none", ...others] = await templatesOf(admin);
  assert.notEqual(made, `entente-schema-${name}`);
  assert.deepEqual(others, []);
  const roles = await server.execute("select from pg_roles where rolname = $1", [`entente-schema-${name}`]);
  assert.equal(roles.length, 0);
  // As a start leaves it that was killed while it made it: it is made anew.
  await server.execute(`alter database "${made}" with is_template false allow_connections true`);
  await provisionContext(ledgerOf(bed.newName(), { adminUrl: asAdmin.href }));
  assert.deepEqual(await templatesOf(admin), [made]);
  await server.close();
  const url = new URL(bed.adminUrl);
  url.pathname = `/${made}`;
  const inside = openDatabase({ url: url.href, applicationName: "provision test", connections: 1 });
  await assert.rejects(inside.execute("select 1"), { code: "database-unavailable" });
  await inside.close();
});

test("a system or context whose name cannot name a database is refused", async () => {
  for (const system of ["Bank", "1bank", "bank-1", 'bank"; drop table x; --', "b".repeat(40), ""]) {
    await assert.rejects(provisionContext(ledgerOf(system)), { code: "context-name-invalid" }, system);
  }
});

test("an administrator's URL without a password is refused: the logins are derived from it", async () => {
  const url = new URL(bed.adminUrl);
  url.password = "";
  await assert.rejects(provisionContext(ledgerOf(bed.newName(), { adminUrl: url.href })), {
    code: "database-url-without-password",
    kind: "refused",
  });
});
