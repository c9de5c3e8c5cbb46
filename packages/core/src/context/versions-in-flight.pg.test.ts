import assert from "node:assert/strict";
import { test } from "node:test";
import type { VersionInFlight } from "../contract/in-flight.ts";
import { appendEntries } from "../journal/append.ts";
import { bank } from "../testing/bank.fixture.ts";
import { command, fact } from "../testing/entries.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { ledgerFacts, offer, putAside, startWorker } from "../testing/worker.fixture.ts";
import { readVersionsInFlight } from "./versions-in-flight.ts";

const bed = await openTestBed();

/** `front command bank.deposit 1.0.0: 6, 0 waiting`, sorted. */
async function found(stage: Stage): Promise<string[]> {
  const databases = new Map(
    ["front", "ledger"].map((name) => [
      name,
      { database: stage.database(name), journal: stage.database(name, "reader") },
    ]),
  );
  const versions = await readVersionsInFlight(bank(stage.name), databases);
  return versions.map(shown).sort();
}

function shown({ journal, kind, type, schemaVersion, entries, waiting }: VersionInFlight): string {
  return `${journal} ${kind} ${type} ${schemaVersion}: ${entries}, ${waiting} waiting`;
}

test("an entry waits until every consumer of its journal has passed it, lane by lane", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  assert.deepEqual(await found(stage), []);
  const commands = Array.from({ length: 6 }, (_, n) => command({ key: `a-${n}`, data: { amount: 1 } }));
  await offer(stage, commands);
  assert.deepEqual(await found(stage), ["front command bank.deposit 1.0.0: 6, 6 waiting"]);
  const decider = await startWorker(bed, stage);
  await decider.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 6);
  await decider.stop();
  // The decider has passed the commands; read model and process view, which follow the facts, were never started.
  const passed = [
    "front command bank.deposit 1.0.0: 6, 0 waiting",
    "ledger event bank.deposited 1.0.0: 6, 6 waiting",
  ];
  assert.deepEqual(await found(stage), passed);
  await offer(stage, [
    command({ key: "a-0", schemaVersion: "0.9.0" }),
    command({ key: "a-1", schemaVersion: "0.9.0" }),
  ]);
  assert.deepEqual(await found(stage), ["front command bank.deposit 0.9.0: 2, 2 waiting", ...passed]);
});

test("an entry that was set aside waits until it is done or given up, though its cursor has passed it", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  const worker = await startWorker(bed, stage, {
    poisoned: new Set(["bad"]),
    retry: { attempts: 1, firstMs: 1, longestMs: 1 },
  });
  await offer(
    stage,
    [command({ key: "a-0", schemaVersion: "1.2.0", data: { amount: 1, mark: "bad" } })],
    worker,
  );
  await worker.happenings.until("parked", async () => (await putAside(stage))[0]?.state === "parked");
  await worker.stop();
  const versions = await found(stage);
  assert.ok(versions.includes("front command bank.deposit 1.2.0: 1, 1 waiting"), versions.join("\n"));
  await stage.database("ledger").execute("update entente.parked set state = 'discarded'");
  assert.ok((await found(stage)).includes("front command bank.deposit 1.2.0: 1, 0 waiting"));
});

test("what is set aside counts even when its month of the journal is gone", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  const entry = {
    ...fact({
      kind: "command",
      type: "bank.deposit",
      schemaVersion: "1.1.0",
      source: "front",
      target: "ledger",
    }),
  };
  await stage.database("ledger").execute(
    `insert into entente.parked (consumer, entry_id, journal, lane, xid, seq, tenant_id, key, process_id, type, entry, state, policy)
     values ('account', $1, 'front', 0, '1', 1, 'acme', 'a-1', $1, $2, $3, 'parked', 'step-aside')`,
    [entry.id, entry.type, JSON.stringify(entry)],
  );
  assert.deepEqual(await found(stage), ["front command bank.deposit 1.1.0: 1, 1 waiting"]);
});

test("entries of one type in two versions are told apart", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  await appendEntries(stage.database("ledger"), [
    fact(),
    fact({ schemaVersion: "2.0.0" }),
    fact({ schemaVersion: "2.0.0" }),
  ]);
  assert.deepEqual(await found(stage), [
    "ledger event bank.deposited 1.0.0: 1, 1 waiting",
    "ledger event bank.deposited 2.0.0: 2, 2 waiting",
  ]);
});
