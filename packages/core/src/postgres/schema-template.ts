import { createHash } from "node:crypto";
import { type Connection, type Database, openDatabase } from "./database.ts";
import { coreMigrations, loadMigrations, migrate } from "./migrate.ts";

/**
 * A database that holds the runtime's own schema and nothing else, from which those of new contexts are copied: its migrations
 * take a processor 0.25 s, a copy and a new owner 0.1 (PostgreSQL 18.4), and a system has ten contexts.
 */

/** Template and owner of what is in it have one name, which no context can have: theirs are without hyphens. */
const prefix = "entente-schema-";

/**
 * Name of this software's template, which is made when the server has none; those of other software by the same administrator are
 * removed. Each administrator has one: who copies it must be able to give away what is in it.
 * `adminUrl`: an administrator's, who may create databases and roles; `server` is connected by it and holds the lock under which
 * databases are made. Guarantees: a half-made one is made anew; nobody can connect to it. Errors: those of migrate and databaseFailure.
 */
export async function schemaTemplate(server: Connection, adminUrl: string): Promise<string> {
  const migrations = await loadMigrations([{ label: "core", folder: coreMigrations }]);
  const [who] = await server.execute<{ admin: string }>("select current_user as admin");
  const parts = [who?.admin, ...migrations.map(({ checksum }) => checksum)];
  const name = `${prefix}${createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16)}`;
  const [made] = await server.execute("select from pg_database where datname = $1 and datistemplate", [name]);
  if (made !== undefined) return name;
  await removeOwn(server);
  await server.execute(`create role "${name}" nologin`);
  await server.execute(`grant "${name}" to current_user with inherit true, set true`);
  await server.execute(
    `create database "${name}" template template0 encoding 'UTF8' locale 'C' strategy file_copy`,
  );
  await server.execute(`grant create on database "${name}" to "${name}"`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  const database = openDatabase({
    url: url.href,
    applicationName: "entente schema",
    connections: 1,
    statementTimeoutMs: 0,
    role: name,
  });
  try {
    await migrate(database, migrations);
  } finally {
    await database.close();
  }
  // Last, because it says that the schema is complete.
  await server.execute(`alter database "${name}" with is_template true allow_connections false`);
  return name;
}

/** Those that this administrator has left: of software before or after this one, or half made. */
async function removeOwn(server: Connection): Promise<void> {
  const databases = await server.execute<{ name: string }>(
    `select datname as name from pg_database where starts_with(datname, $1) and pg_get_userbyid(datdba) = current_user`,
    [prefix],
  );
  for (const { name } of databases) {
    await server.execute(`alter database "${name}" with is_template false`);
    await server.execute(`drop database "${name}" with (force)`);
  }
  const roles = await server.execute<{ name: string }>(
    `select rolname as name from pg_roles r where starts_with(rolname, $1) and pg_has_role(oid, 'member')
       and not exists (select from pg_shdepend where refclassid = 'pg_authid'::regclass and refobjid = r.oid and deptype = 'o')`,
    [prefix],
  );
  for (const { name } of roles) await server.execute(`drop role "${name}"`);
}

/**
 * Gives what a copied database holds to its context. Safe to run from many processes, and by the next one when one was killed on the way.
 * `database` is connected by an administrator. Errors: those of databaseFailure.
 */
export async function takeOver(database: Database, owner: string): Promise<void> {
  if ((await ownerOfTemplate(database)) === null) return;
  await database.transaction(async (connection) => {
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('entente.migrate', 0))");
    const former = await ownerOfTemplate(connection);
    if (former === null) return;
    await connection.execute("set local role none");
    // First, because a new owner must be allowed to create in the schema of what it is given.
    await connection.execute(`alter schema entente owner to ${owner}`);
    await connection.execute(`reassign owned by "${former}" to ${owner}`);
  });
}

/** Who owns the schema, as long as it is the template's owner. */
async function ownerOfTemplate(connection: Connection): Promise<string | null> {
  const [schema] = await connection.execute<{ owner: string }>(
    "select pg_get_userbyid(nspowner) as owner from pg_namespace where nspname = 'entente'",
  );
  return schema?.owner.startsWith(prefix) === true ? schema.owner : null;
}
