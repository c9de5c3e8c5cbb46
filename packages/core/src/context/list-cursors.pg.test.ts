import assert from "node:assert/strict";
import { test } from "node:test";
import { journalStart } from "../model/entry.ts";
import { openDatabase } from "../postgres/database.ts";
import { bank } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { ledgerFacts, offer, startWorker } from "../testing/worker.fixture.ts";
import type { ContextDefinition } from "./definition.ts";
import { type CursorSummary, listCursors } from "./list-cursors.ts";

const bed = await openTestBed();

/** The cursors of the ledger; with `front` elsewhere than the stage has it. */
function cursors(stage: Stage, front = stage.database("front", "reader")): Promise<CursorSummary[]> {
  const definition = bank(stage.name).contexts[1] as ContextDefinition;
  const journals = new Map([
    ["front", front],
    ["ledger", stage.database("ledger", "reader")],
  ]);
  return listCursors({ definition, database: stage.database("ledger") }, journals);
}

/** The account decider has executed six commands of different keys. */
async function worked(): Promise<Stage> {
  const stage = await bed.stage(bank(bed.newName()));
  const worker = await startWorker(bed, stage);
  const keys = Array.from({ length: 6 }, (_, n) => `a-${n}`);
  await offer(
    stage,
    keys.map((key) => command({ key, data: { amount: 1 } })),
    worker,
  );
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === keys.length);
  await worker.stop();
  return stage;
}

const generationOf = async (stage: Stage, context: string) => {
  const [row] = await stage
    .database(context)
    .execute<{ generation: string }>("select generation from entente.journal_identity");
  return row?.generation ?? null;
};

test("every consumer is listed with every journal it follows, where it stands, and that the journal is still the same", async () => {
  const stage = await worked();
  const front = await generationOf(stage, "front");
  const ledger = await generationOf(stage, "ledger");
  const [last] = await stage
    .database("front")
    .execute<{ xid: string; seq: string }>(
      "select xid, seq from entente.journal order by xid desc, seq desc limit 1",
    );
  const standing = { generation: ledger, currentGeneration: ledger, replaced: false };
  assert.deepEqual(await cursors(stage), [
    {
      consumer: "account",
      kind: "decider",
      journal: "front",
      generation: front,
      currentGeneration: front,
      replaced: false,
      lowest: journalStart,
      highest: last,
      consumed: 6,
    },
    {
      consumer: "account",
      kind: "decider",
      journal: "ledger",
      ...standing,
      lowest: journalStart,
      highest: journalStart,
      consumed: 0,
    },
    {
      consumer: "balance",
      kind: "projection",
      journal: "ledger",
      generation: null,
      currentGeneration: ledger,
      replaced: false,
      lowest: null,
      highest: null,
      consumed: 0,
    },
  ]);
});

test("a journal of another generation, or behind a cursor, is told as replaced", async () => {
  const stage = await worked();
  const before = await generationOf(stage, "front");
  await bed.sql(stage.name, "front", "update entente.journal_identity set generation = gen_random_uuid()");
  await bed.sql(
    stage.name,
    "ledger",
    "update entente.cursor set xid = '9000000000000000000' where journal = 'ledger' and lane = 5",
  );
  const [onFront, onOwn] = await cursors(stage);
  assert.deepEqual([onFront?.replaced, onOwn?.replaced], [true, true]);
  assert.deepEqual(
    [onFront?.generation, onFront?.currentGeneration],
    [before, await generationOf(stage, "front")],
  );
  assert.equal(onOwn?.generation, onOwn?.currentGeneration);
});

test("of a journal that is away it is told that nothing is known, and of the others what is", async () => {
  const stage = await worked();
  const away = openDatabase({ url: "postgres://nobody:nothing@127.0.0.1:1/none", applicationName: "away" });
  bed.atEnd(() => away.close());
  const [onFront, onOwn] = await cursors(stage, away);
  assert.deepEqual([onFront?.currentGeneration, onFront?.replaced, onFront?.consumed], [null, null, 6]);
  assert.equal(onOwn?.replaced, false);
});
