import { createHash, randomBytes } from "node:crypto";
import pg from "pg";

/** A database of its own for one test file. */
export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Removes it, cutting off sessions that are left. Call it when the tests have passed: a failed test keeps its evidence. */
  drop(): Promise<void>;
}

export interface TemplateOptions {
  /** Everything the setup depends on, such as the text of the migrations. Default: the source text of `setup`. */
  readonly content?: string | readonly string[];
}

/**
 * Makes a template database once per content and returns its name, `<name>_<hash of content>`.
 * `setup` gets the URL of the new, empty database and must close its connections before it resolves.
 * Guarantees: any number of processes may call this at once, one of them runs `setup`; a half-made template is made anew.
 * Nobody can connect to the finished template, so that copying it is never held up.
 * Bounds: `name` is 1..40 of a-z, 0-9 and _. Errors: those of `setup` and of PostgreSQL.
 */
export async function createTemplate(
  adminUrl: string,
  name: string,
  setup: (url: string) => Promise<void>,
  options: TemplateOptions = {},
): Promise<string> {
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(name)) throw new Error(`not a template name: ${JSON.stringify(name)}`);
  const content = [options.content ?? setup.toString()].flat();
  const hash = createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16);
  const template = `${name}_${hash}`;
  await withAdmin(adminUrl, async (admin) => {
    // Held until this session ends; nobody waits inside a transaction for it, CREATE DATABASE allows none.
    await admin.query("select pg_advisory_lock(hashtextextended($1, 0))", [`entente-testkit ${template}`]);
    const found = await admin.query<{ datistemplate: boolean }>(
      "select datistemplate from pg_database where datname = $1",
      [template],
    );
    if (found.rows[0]?.datistemplate === true) return;
    await admin.query(`drop database if exists ${pg.escapeIdentifier(template)} with (force)`);
    await admin.query(`create database ${pg.escapeIdentifier(template)}`);
    await setup(urlOf(adminUrl, template));
    // Last, because the flag says that the setup is complete.
    await admin.query(
      `alter database ${pg.escapeIdentifier(template)} with is_template true allow_connections false`,
    );
  });
  return template;
}

/**
 * Copies a template into a new database with a random name.
 * Waits, up to 30 s, while somebody is still connected to a template that allows connections.
 */
export async function cloneDatabase(adminUrl: string, template: string): Promise<TestDatabase> {
  const name = `${template.slice(0, 50)}_${randomBytes(6).toString("hex")}`;
  const source = pg.escapeIdentifier(template);
  const copy = pg.escapeIdentifier(name);
  await withAdmin(adminUrl, async (admin) => {
    const limit = performance.now() + 30_000;
    for (;;) {
      try {
        // Half the time of wal_log (about 150 ms against 300 for 60 tables; PostgreSQL 18.4, two shared cores, full durability).
        await admin.query(`create database ${copy} template ${source} strategy file_copy`);
        return;
      } catch (error) {
        if (!(error instanceof pg.DatabaseError) || error.code !== objectInUse) throw error;
        if (performance.now() > limit) throw error;
        // PostgreSQL has itself waited 5 s for the other sessions to leave.
      }
    }
  });
  return {
    name,
    url: urlOf(adminUrl, name),
    drop: () =>
      withAdmin(
        adminUrl,
        async (admin) => void (await admin.query(`drop database if exists ${copy} with (force)`)),
      ),
  };
}

const objectInUse = "55006";

async function withAdmin(adminUrl: string, work: (admin: pg.Client) => Promise<void>): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}

function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}
