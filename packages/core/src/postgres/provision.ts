import { createHash, createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Failure } from "../model/failure.ts";
import { type Connection, type Database, openDatabase } from "./database.ts";
import { coreMigrations, loadMigrations, type Migration, migrate } from "./migrate.ts";
import { schemaTemplate, takeOver } from "./schema-template.ts";

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
  /** Days the journal's months are kept, business time; absent: for ever. */
  readonly journalKeptDays?: number;
  /** The journal holds raw commands, which go without an archive. */
  readonly isIntake?: boolean;
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
  const roles = { owner: `${base}_owner`, app: base, reader: `${base}_reader` };
  const server = openDatabase({
    url: options.adminUrl,
    applicationName: "entente provision",
    connections: 2,
  });
  try {
    await makeRolesAndDatabase(server, base, roles, options.adminUrl);
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
  adminUrl: string,
): Promise<void> {
  const secret = adminSecret(adminUrl);
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
    await grantMemberships(connection, roles);
    if (database === undefined) {
      const template = await schemaTemplate(connection, adminUrl);
      // A template is copied in a quarter of the processor time that logging its pages takes; the two checkpoints are a busy
      // server's price for it, once in the life of a context.
      await connection.execute(`create database ${name} template "${template}" strategy file_copy`);
      await connection.execute(`revoke all on database ${name} from public`);
      await connection.execute(`grant connect, create on database ${name} to ${roles.owner}`);
      await connection.execute(`grant connect on database ${name} to ${roles.app}, ${roles.reader}`);
    }
  } finally {
    await connection.execute("select pg_advisory_unlock_all()").catch(() => connection.release(true));
    connection.release();
  }
}

/**
 * The owner is a member of the context's login, which owns the read models, so that later migrations may alter them.
 * An administrator who is no superuser acts as the owner through membership as well.
 */
async function grantMemberships(connection: Connection, roles: Roles): Promise<void> {
  const [held] = await connection.execute<{ superuser: boolean; owns: boolean; acts: boolean }>(
    `select r.rolsuper as superuser, pg_has_role($1, $2, 'member') as owns, pg_has_role(current_user, $1, 'set') as acts
     from pg_roles r where r.rolname = current_user`,
    [roles.owner, roles.app],
  );
  if (held?.owns !== true) await connection.execute(`grant ${roles.app} to ${roles.owner}`);
  if (held?.superuser !== true && held?.acts !== true) {
    await connection.execute(`grant ${roles.owner} to current_user with inherit true, set true`);
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
    if (roles !== null) await takeOver(database, roles.owner);
    await migrate(database, migrations);
    await identifyJournal(database, options.journalKeptDays ?? null, options.isIntake ?? false);
    if (roles !== null) await giveRights(database, roles, migrations);
  } finally {
    await database.close();
  }
}

/** A journal found in another cluster than it was written in was restored: its positions mean nothing any more. */
async function identifyJournal(
  database: Database,
  keptDays: number | null,
  isIntake: boolean,
): Promise<void> {
  await database.execute(
    `insert into entente.journal_identity as i (generation, system_identifier, kept_days, is_intake)
      select gen_random_uuid(), system_identifier, $1, $2 from pg_control_system()
    on conflict (singleton) do update
      set generation = case when i.system_identifier = excluded.system_identifier then i.generation else excluded.generation end,
        system_identifier = excluded.system_identifier, kept_days = excluded.kept_days,
        is_intake = excluded.is_intake
      where i.system_identifier <> excluded.system_identifier or i.kept_days is distinct from excluded.kept_days
        or i.is_intake <> excluded.is_intake`,
    [keptDays, isIntake],
  );
}

/** Remembers, beside the migrations, for which of them and by which text the rights were given. */
const rightsRecord = "core/grants.sql";

/**
 * Gives both logins their rights, once per set of migrations and text of the grants. One transaction under the lock of the
 * migrations: many processes start together, and one that is killed on the way leaves the work to the next.
 */
async function giveRights(database: Database, roles: Roles, migrations: readonly Migration[]): Promise<void> {
  const text = await readFile(new URL("grants.sql", coreMigrations), "utf8");
  const checksum = createHash("sha256")
    .update([text, ...migrations.map((migration) => migration.name)].join("\n"))
    .digest("hex");
  await database.transaction(async (connection) => {
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('entente.migrate', 0))");
    const given = await connection.execute(
      "select 1 from entente.migration where name = $1 and checksum = $2",
      [rightsRecord, checksum],
    );
    if (given.length > 0) return;
    await connection.execute(text.replaceAll(":app", roles.app).replaceAll(":reader", roles.reader));
    await handOverReadModels(connection, roles);
    await connection.execute(
      `insert into entente.migration (name, checksum, breaking) values ($1, $2, false)
       on conflict (name) do update set checksum = excluded.checksum, applied_at = now()`,
      [rightsRecord, checksum],
    );
  });
}

/** A context rebuilds its read models by swapping tables, so its login owns them; the journal stays the owner's. */
async function handOverReadModels(connection: Connection, roles: Roles): Promise<void> {
  const schemas = await connection.execute<{ name: string }>(
    "select nspname as name from pg_namespace where nspowner = $1::regrole and nspname <> 'entente'",
    [roles.owner],
  );
  for (const { name } of schemas) {
    await connection.execute(`grant usage, create on schema ${name} to ${roles.app}`);
    // Tables and views; indexes, and sequences that belong to a column, go with their table.
    const relations = await connection.execute<{ relation: string }>(
      `select format('%I.%I', $1::text, c.relname) as relation from pg_class c
       where c.relnamespace = $1::text::regnamespace and c.relowner = $2::text::regrole and c.relkind in ('r', 'p', 'v', 'm', 'S')
         and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i') and c.relkind = 'S')`,
      [name, roles.owner],
    );
    for (const { relation } of relations)
      await connection.execute(`alter table ${relation} owner to ${roles.app}`);
  }
}

/** Names of all databases of a server. Errors: `database-unavailable`. */
export async function databaseNames(adminUrl: string): Promise<ReadonlySet<string>> {
  const database = openDatabase({ url: adminUrl, applicationName: "entente", connections: 1 });
  try {
    const rows = await database.execute<{ name: string }>("select datname as name from pg_database");
    return new Set(rows.map(({ name }) => name));
  } finally {
    await database.close();
  }
}
