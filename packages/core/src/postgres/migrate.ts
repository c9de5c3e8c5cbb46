import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Failure } from "../model/failure.ts";
import type { Connection, Database } from "./database.ts";

/** The runtime's own migrations. A context's come after them, in a folder of its own. */
export const coreMigrations = new URL("../../migrations/", import.meta.url);

export interface Migration {
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
  /** Software that does not know this migration must not run on the migrated schema. First line: `-- breaking`. */
  readonly breaking: boolean;
}

/** Reads `NNN-title.sql` files of the folders in order; names carry the folder's label so that contexts cannot collide. */
export async function loadMigrations(
  folders: readonly { readonly label: string; readonly folder: URL }[],
): Promise<Migration[]> {
  const migrations: Migration[] = [];
  for (const { label, folder } of folders) {
    const names = (await readdir(fileURLToPath(folder)))
      .filter((name) => /^\d{3}-.*\.sql$/.test(name))
      .sort();
    for (const name of names) {
      const text = await readFile(new URL(name, folder), "utf8");
      migrations.push({
        name: `${label}/${name}`,
        text,
        checksum: createHash("sha256").update(text).digest("hex"),
        breaking: text.startsWith("-- breaking"),
      });
    }
  }
  return migrations;
}

interface AppliedRow extends Record<string, unknown> {
  name: string;
  checksum: string;
  breaking: boolean;
}

/**
 * Brings a database forward, in one transaction; an advisory lock makes concurrent starts take turns.
 * Guarantees: all that is missing or nothing; already applied ones are not run again.
 * Errors: `software-too-old` when the database has a breaking migration this software does not know;
 * `migration-changed` when an applied file was edited afterwards.
 */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<void> {
  await database.transaction(async (connection) => {
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('entente.migrate', 0))");
    await connection.execute(`
      create schema if not exists entente;
      create table if not exists entente.migration (
        name text primary key, checksum text not null, breaking boolean not null,
        applied_at timestamptz not null default now())`);
    const known = await appliedMigrations(connection);
    refuseUnknown(known, migrations);
    for (const migration of migrations) {
      const before = known.get(migration.name);
      if (before === undefined) await apply(connection, migration);
      else if (before.checksum !== migration.checksum) throw changed(migration);
    }
  });
}

async function apply(connection: Connection, { name, text, checksum, breaking }: Migration): Promise<void> {
  await connection.execute(text);
  await connection.execute("insert into entente.migration (name, checksum, breaking) values ($1, $2, $3)", [
    name,
    checksum,
    breaking,
  ]);
}

function changed({ name }: Migration): Failure {
  return new Failure(
    "defect",
    "migration-changed",
    `Migration ${name} was edited after it had been applied. Add a new migration instead.`,
    { fields: { migration: name } },
  );
}

async function appliedMigrations(connection: Connection): Promise<Map<string, AppliedRow>> {
  const rows = await connection.execute<AppliedRow>("select name, checksum, breaking from entente.migration");
  return new Map(rows.map((row) => [row.name, row]));
}

function refuseUnknown(applied: Map<string, AppliedRow>, migrations: readonly Migration[]): void {
  const names = new Set(migrations.map((migration) => migration.name));
  const unknown = [...applied.values()].filter((row) => row.breaking && !names.has(row.name));
  if (unknown.length > 0) {
    throw new Failure(
      "refused",
      "software-too-old",
      `This database was migrated by newer software (${unknown.map((row) => row.name).join(", ")}). Start that version instead.`,
      { fields: { migrations: unknown.map((row) => row.name) } },
    );
  }
}
