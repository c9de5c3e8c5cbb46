import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ensurePartitions } from "../journal/partitions.ts";
import { bank } from "../testing/bank.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { coreMigrations } from "./migrate.ts";
import { dumpSchema } from "./schema-dump.ts";

const bed = await openTestBed();
const committed = new URL("schema.txt", coreMigrations);

test("the migrated schema is the one in migrations/schema.txt that reviewers read", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  const live = await dumpSchema(stage.database("ledger"), ["entente"]);
  if (process.env.UPDATE_SCHEMA === "1") await writeFile(committed, live);
  const expected = await readFile(committed, "utf8").catch(() => "");
  const how =
    "The schema changed. If that is meant, write it down with: UPDATE_SCHEMA=1 node --test packages/core/src/postgres/schema-dump.pg.test.ts";
  if (live !== expected) console.log(`# ${how}`);
  assert.equal(live, expected, how);
});

test("the dump is the same for every context and system, and whichever months there are", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  await ensurePartitions(stage.database("front"), Date.UTC(2040, 0));
  const [front, ledger] = await Promise.all(
    ["front", "ledger"].map((context) => dumpSchema(stage.database(context), ["entente"])),
  );
  assert.equal(front, ledger);
  assert.match(front ?? "", /^grant entente\.journal: SELECT to reader$/m);
  assert.doesNotMatch(front ?? "", /journal_2\d{3}/);
});

test("a change of any table, column, constraint, index, function or grant shows in the dump", async () => {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const dump = () => dumpSchema(stage.database("ledger"), ["entente"]);
  let before = await dump();
  for (const change of [
    "create table entente.more (n int)",
    "alter table entente.more alter n set not null",
    "alter table entente.more alter n set default 5",
    "alter table entente.more add check (n > 0)",
    "create index on entente.more (n)",
    "create function entente.more() returns int language sql as 'select 1'",
    "create or replace function entente.more() returns int language sql as 'select 2'",
    "alter function entente.more() security definer",
    "alter sequence entente.journal_seq cache 1",
    `grant select on entente.state to ${name}_ledger_reader`,
    `grant delete on entente.journal to ${name}_ledger`,
  ]) {
    await bed.sql(name, "ledger", change);
    const after = await dump();
    assert.notEqual(after, before, change);
    before = after;
  }
});
