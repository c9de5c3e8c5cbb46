/** Databases of before retention: what they hold stays, and is kept as what it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cloneDatabase, createTemplate } from "@entente/testkit";
import { ensurePartitions } from "../journal/partitions.ts";
import { openDatabase } from "../postgres/database.ts";
import { coreMigrations, loadMigrations, migrate } from "../postgres/migrate.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { readKeeping, readMonths } from "./leaving-month.ts";

const bed = await openTestBed();
const template = await createTemplate(bed.adminUrl, "entente_retention", async () => {}, {
  content: "empty",
});

for (const { keptDays, isIntake } of [
  { keptDays: 90, isIntake: true },
  { keptDays: null, isIntake: false },
]) {
  test(`a journal that was kept ${keptDays ?? "for ever"} is one of ${isIntake ? "raw intake" : "evidence"} afterwards, with all its months`, async () => {
    const made = await cloneDatabase(bed.adminUrl, template);
    const database = openDatabase({ url: made.url, applicationName: "retention test", connections: 2 });
    bed.atEnd(async () => {
      await database.close();
      await made.drop();
    });
    const migrations = await loadMigrations([{ label: "core", folder: coreMigrations }]);
    await migrate(
      database,
      migrations.filter(({ name }) => name < "core/019"),
    );
    await database.execute(
      "insert into entente.journal_identity (generation, system_identifier, kept_days) values (gen_random_uuid(), 1, $1)",
      [keptDays],
    );
    await ensurePartitions(database, Date.parse("2030-01-10T12:00Z"));
    await migrate(database, migrations);
    const { historyBegins, ...keeping } = await readKeeping(database);
    assert.deepEqual([keeping.keptDays, keeping.isIntake, historyBegins], [keptDays, isIntake, null]);
    assert.deepEqual(await readMonths(database), [
      { month: "2030-01", endsAt: Date.parse("2030-02-01T00:00Z") },
      { month: "2030-02", endsAt: Date.parse("2030-03-01T00:00Z") },
    ]);
  });
}
