import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { cloneDatabase, createTemplate, type TestDatabase } from "@entente/testkit";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { type Database, openDatabase } from "./database.ts";
import { coreMigrations, loadMigrations, type Migration, migrate } from "./migrate.ts";

const bed = await openTestBed();
const template = await createTemplate(bed.adminUrl, "entente_migrate", async () => {}, { content: "empty" });

async function emptyDatabase(): Promise<Database> {
  const made: TestDatabase = await cloneDatabase(bed.adminUrl, template);
  const database = openDatabase({ url: made.url, applicationName: "migrate test", connections: 5 });
  bed.atEnd(async () => {
    await database.close();
    await made.drop();
  });
  return database;
}

function migration(name: string, text: string): Migration {
  const checksum = createHash("sha256").update(text).digest("hex");
  return { name, text, checksum, breaking: text.startsWith("-- breaking") };
}

const applied = async (database: Database) =>
  (await database.execute<{ name: string }>("select name from entente.migration order by name")).map(
    (row) => row.name,
  );

const tables = async (database: Database) =>
  (
    await database.execute<{ name: string }>(
      "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1",
    )
  ).map((row) => row.name);

const first = migration(
  "bank/001-first.sql",
  "create table public.first (n int); insert into public.first values (1)",
);
const second = migration("bank/002-second.sql", "create table public.second (n int)");

test("each migration is applied once, in order, however often and from however many processes it is asked for", async () => {
  const database = await emptyDatabase();
  await Promise.all(Array.from({ length: 5 }, () => migrate(database, [first])));
  await Promise.all(Array.from({ length: 5 }, () => migrate(database, [first, second])));
  assert.deepEqual(await applied(database), [first.name, second.name]);
  assert.deepEqual(await database.execute("select n from public.first"), [{ n: 1 }]);
});

test("an applied migration that was edited afterwards is refused, and nothing after it is applied", async () => {
  const database = await emptyDatabase();
  await migrate(database, [first]);
  const edited = migration(first.name, `${first.text} -- a harmless remark`);
  await assert.rejects(migrate(database, [edited, second]), {
    code: "migration-changed",
    kind: "defect",
    fields: { migration: first.name },
  });
  assert.deepEqual(await applied(database), [first.name]);
});

test("software that does not know a breaking migration of the database refuses to run", async () => {
  const database = await emptyDatabase();
  const breaking = migration("bank/003-third.sql", "-- breaking\ncreate table public.third (n int)");
  await migrate(database, [first, breaking]);
  await assert.rejects(migrate(database, [first, second]), {
    code: "software-too-old",
    kind: "refused",
    fields: { migrations: [breaking.name] },
  });
  assert.deepEqual(await applied(database), [first.name, breaking.name]);
});

test("a migration the software does not know is no obstacle as long as it breaks nothing", async () => {
  const database = await emptyDatabase();
  await migrate(database, [first, second]);
  await migrate(database, [first]);
  assert.deepEqual(await applied(database), [first.name, second.name]);
});

test("a migration that fails leaves the database as it was, and its mended version is applied with those before it", async () => {
  const database = await emptyDatabase();
  const failing = migration(
    second.name,
    "create table public.second (n int); insert into public.second values (1 / 0)",
  );
  await assert.rejects(migrate(database, [first, failing]), { code: "data-rejected" });
  assert.deepEqual(await tables(database), []);
  await migrate(database, [first, second]);
  assert.deepEqual(await applied(database), [first.name, second.name]);
  assert.deepEqual(await tables(database), ["first", "second"]);
});

const folder = await mkdtemp(join(tmpdir(), "entente-migrations-"));
after(() => rm(folder, { recursive: true }));

test("migrations are the numbered files of each folder in order, under the folder's label", async () => {
  for (const [name, text] of [
    ["002-b.sql", "select 2"],
    ["001-a.sql", "-- breaking\nselect 1"],
    ["grants.sql", "select 3"],
    ["notes.md", ""],
  ] as const) {
    await writeFile(join(folder, name), text);
  }
  const loaded = await loadMigrations([{ label: "bank", folder: pathToFileURL(`${folder}/`) }]);
  assert.deepEqual(
    loaded.map(({ name, breaking }) => [name, breaking]),
    [
      ["bank/001-a.sql", true],
      ["bank/002-b.sql", false],
    ],
  );
  const own = await loadMigrations([{ label: "core", folder: coreMigrations }]);
  assert.equal(own[0]?.name, "core/001-journal.sql");
});
