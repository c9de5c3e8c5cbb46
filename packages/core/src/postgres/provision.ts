import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Failure } from "../model/failure.ts";
import { type Database, openDatabase } from "./database.ts";
import { coreMigrations, loadMigrations, migrate } from "./migrate.ts";

/** How to reach one context's database: as the context itself, and as somebody who may only read its journal. */
export interface ContextAccess {
  readonly app: string;
  readonly reader: string;
}

export interface ProvisionOptions {
  /** System name, first part of database and role names. Lower case letters, digits, underscore. */
  readonly system: string;
  readonly context: string;
  /** A connection that may create databases and roles; or, with `direct`, the context's own login. */
  readonly adminUrl: string;
  /** The URL is the context's own database and login: nothing is created beside the schema. */
  readonly direct?: boolean;
  /** Days the journal's months are kept (raw intake); absent: for ever. */
  readonly journalKeptDays?: number;
  /** The context's own migrations, after the runtime's. */
  readonly migrations?: URL;
}

/**
 * Makes one context's database, roles and schema, or brings them forward. Safe to run from many processes at once.
 * Roles: `<system>_<context>_owner` (no login, owns the tables), `<system>_<context>` (the context: no DDL, journal
 * append-only), `<system>_<context>_reader` (journal only). Passwords are derived from the administrator's, so
 * every process that was given the same URL knows them and none is stored.
 * Errors: those of migrate and databaseFailure; `database-url-without-password`.
 */
export async function provisionContext(options: ProvisionOptions): Promise<ContextAccess> {
  const base = `${options.system}_${options.context}`;
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(base)) {
    throw new Failure("defect", "context-name-invalid", `"${base}" cannot name a database.`);
  }
  if (options.direct) {
    await bringForward(options.adminUrl, options, null);
    return contextAccess(options);
  }
  const secret = adminSecret(options.adminUrl);
  const roles = { owner: `${base}_owner`, app: base, reader: `${base}_reader` };
  const server = openDatabase({
    url: options.adminUrl,
    applicationName: "entente provision",
    connections: 2,
  });
  try {
    await makeRolesAndDatabase(server, base, roles, secret);
  } finally {
    await server.close();
  }
  const asAdmin = new URL(options.adminUrl);
  asAdmin.pathname = `/${base}`;
  await bringForward(asAdmin.href, options, roles);
  return contextAccess(options);
}

/**
 * How to reach a context that somebody else provisions. Asks no server.
 * Errors: `database-url-without-password`.
 */
export function contextAccess(options: ProvisionOptions): ContextAccess {
  if (options.direct) return { app: options.adminUrl, reader: options.adminUrl };
  const base = `${options.system}_${options.context}`;
  const secret = adminSecret(options.adminUrl);
  const url = new URL(options.adminUrl);
  url.pathname = `/${base}`;
  return { app: loginUrl(url, base, secret), reader: loginUrl(url, `${base}_reader`, secret) };
}

function adminSecret(adminUrl: string): string {
  const { password } = new URL(adminUrl);
  if (password !== "") return decodeURIComponent(password);
  throw new Failure(
    "refused",
    "database-url-without-password",
    "ENTENTE_DATABASE_URL carries no password. The context logins are derived from it; add one.",
  );
}

interface Roles {
  readonly owner: string;
  readonly app: string;
  readonly reader: string;
}

function rolePassword(secret: string, role: string): string {
  return createHmac("sha256", secret).update(`entente role ${role}`).digest("base64url");
}

function loginUrl(base: URL, role: string, secret: string): string {
  const url = new URL(base.href);
  url.username = role;
  url.password = rolePassword(secret, role);
  return url.href;
}

async function makeRolesAndDatabase(
  server: Database,
  name: string,
  roles: Roles,
  secret: string,
): Promise<void> {
  const connection = await server.reserve();
  try {
    // Session lock: CREATE DATABASE cannot run in a transaction, and two processes may start together.
    await connection.execute("select pg_advisory_lock(hashtextextended('entente.provision', 0))");
    const [database] = await connection.execute("select 1 from pg_database where datname = $1", [name]);
    for (const role of Object.values(roles)) {
      const [known] = await connection.execute("select 1 from pg_roles where rolname = $1", [role]);
      if (known === undefined) await connection.execute(`create role ${role} nologin`);
      if (role === roles.owner) continue;
      await connection.execute(`alter role ${role} login password '${rolePassword(secret, role)}'`);
    }
    if (database === undefined) {
      await connection.execute(`create database ${name} template template0 encoding 'UTF8' locale 'C'`);
      await connection.execute(`revoke all on database ${name} from public`);
      await connection.execute(`grant connect, create on database ${name} to ${roles.owner}`);
      await connection.execute(`grant connect on database ${name} to ${roles.app}, ${roles.reader}`);
    }
  } finally {
    await connection.execute("select pg_advisory_unlock_all()").catch(() => connection.release(true));
    connection.release();
  }
}

async function bringForward(url: string, options: ProvisionOptions, roles: Roles | null): Promise<void> {
  const database = openDatabase({
    url,
    applicationName: "entente migrate",
    connections: 1,
    statementTimeoutMs: 0,
    ...(roles === null ? {} : { role: roles.owner }),
  });
  try {
    const folders = [{ label: "core", folder: coreMigrations }];
    if (options.migrations !== undefined)
      folders.push({ label: options.context, folder: options.migrations });
    const migrations = await loadMigrations(folders);
    const before = await appliedCount(database);
    await migrate(database, migrations);
    await identifyJournal(database, options.journalKeptDays ?? null);
    if (roles !== null && before !== migrations.length) {
      await grant(database, roles);
      await handOverReadModels(url, roles);
    }
  } finally {
    await database.close();
  }
}

async function appliedCount(database: Database): Promise<number> {
  const [row] = await database.execute<{ present: boolean }>(
    "select to_regclass('entente.migration') is not null as present",
  );
  if (row?.present !== true) return 0;
  const [applied] = await database.execute<{ n: number }>("select count(*)::int as n from entente.migration");
  return applied?.n ?? 0;
}

/** A journal found in another cluster than it was written in was restored: its positions mean nothing any more. */
async function identifyJournal(database: Database, keptDays: number | null): Promise<void> {
  await database.execute(
    `insert into entente.journal_identity as i (generation, system_identifier, kept_days)
      select gen_random_uuid(), system_identifier, $1 from pg_control_system()
    on conflict (singleton) do update
      set generation = case when i.system_identifier = excluded.system_identifier then i.generation else excluded.generation end,
        system_identifier = excluded.system_identifier, kept_days = excluded.kept_days
      where i.system_identifier <> excluded.system_identifier or i.kept_days is distinct from excluded.kept_days`,
    [keptDays],
  );
}

async function grant(database: Database, roles: Roles): Promise<void> {
  const text = await readFile(new URL("grants.sql", coreMigrations), "utf8");
  await database.execute(text.replaceAll(":app", roles.app).replaceAll(":reader", roles.reader));
}

/** A context rebuilds its read models by swapping tables, so its login owns them; the journal stays the owner's. */
async function handOverReadModels(url: string, roles: Roles): Promise<void> {
  const admin = openDatabase({ url, applicationName: "entente migrate", connections: 1 });
  try {
    const schemas = await admin.execute<{ name: string }>(
      "select nspname as name from pg_namespace where nspowner = $1::regrole and nspname <> 'entente'",
      [roles.owner],
    );
    for (const { name } of schemas) {
      await admin.execute(`grant usage, create on schema ${name} to ${roles.app}`);
      const tables = await admin.execute<{ table: string }>(
        "select c.oid::regclass::text as table from pg_class c where c.relnamespace = $1::regnamespace and c.relkind = 'r'",
        [name],
      );
      for (const { table } of tables) await admin.execute(`alter table ${table} owner to ${roles.app}`);
    }
  } finally {
    await admin.close();
  }
}
