import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { System } from "../context/system.ts";
import type { Acceptance } from "../intake/intake.ts";
import type { JsonObject } from "../model/entry.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import type { Happenings } from "../testing/happenings.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";

const bed = await openTestBed();
const name = bed.newName();
const poisoned = new Set<string>();
let system: System;
let happenings: Happenings;

before(async () => {
  const started = await bed.start(bank(name, poisoned), {
    settings: { retryAttempts: 2, retryFirstMs: 5, retryLongestMs: 5 },
  });
  ({ system, happenings } = started);
});

const ann = { tenantId: "acme", by: "ann", why: "the cause is mended" };
let keys = 0;
const newKey = () => `a-${++keys}`;

const submit = (type: "deposit" | "settle", key: string, data: JsonObject): Promise<Acceptance> =>
  system.accept(submission(type, key, data));

/** A command that cannot be executed, brought to its parking. */
async function parked(type: "deposit" | "settle", key: string, mark: string, amount = 1): Promise<string> {
  poisoned.add(mark);
  const { processId } = await submit(type, key, { amount, mark });
  await happenings.heard("parked", (event) => event.entryId === processId);
  return processId;
}

async function facts(key: string): Promise<{ type: string; amount: number | null; process: string }[]> {
  return bed.sql(
    name,
    "ledger",
    `select type, (data->>'amount')::int as amount, process_id as process from entente.journal
     where key = $1 and kind = 'event' order by xid, seq`,
    [key],
  );
}

const amounts = async (key: string) =>
  (await facts(key)).flatMap(({ amount }) => (amount === null ? [] : [amount]));

async function stateOf(processId: string) {
  const record = await system.processes.read("acme", processId);
  return { state: record?.state, reason: record?.reason?.code ?? null };
}

const becomes = (processId: string, state: string) =>
  happenings.until(`${processId} is ${state}`, async () => (await stateOf(processId)).state === state);

async function acts(entryId: string): Promise<Record<string, unknown>[]> {
  const rows = await bed.sql<{ kind: string; type: string; tenant: string; data: JsonObject }>(
    name,
    "ledger",
    `select kind, type, tenant_id as tenant, data from entente.journal where causation_id = $1 and kind = 'control' order by xid, seq`,
    [entryId],
  );
  return rows.map(({ kind, type, tenant, data }) => ({ kind, type, tenant, ...data }));
}

test("a parked command's process fails openly and names itself; an operator sees the entry with its cause", async () => {
  const key = newKey();
  const processId = await parked("deposit", key, "shown");
  await becomes(processId, "failed");
  const record = await system.processes.read("acme", processId);
  assert.deepEqual(record?.reason, { code: "processing-failed", message: `Quote ${processId}.` });
  const summary = (await system.listParked("ledger", "acme", 100)).find((one) => one.entryId === processId);
  const { parkedAt, ...rest } = summary ?? {};
  assert.deepEqual(rest, {
    consumer: "account",
    entryId: processId,
    tenantId: "acme",
    key,
    processId,
    type: "bank.deposit",
    state: "parked",
    policy: "step-aside",
    attempts: 2,
    causeCode: "decider-threw",
    causeText: "Error: poisoned by shown",
    waiting: 0,
  });
  assert.ok(Math.abs((parkedAt ?? 0) - Date.now()) < 60_000);
  assert.deepEqual(await system.listParked("ledger", "somebody-else", 100), []);
});

test("redrive: a command that stepped aside is executed once more, and its process ends as what really happened", async () => {
  const key = newKey();
  const processId = await parked("deposit", key, "aside", 5);
  await submit("deposit", key, { amount: 7 });
  await becomes(processId, "failed");
  poisoned.delete("aside");
  await system.redrive("ledger", { ...ann, entryId: processId });
  await becomes(processId, "confirmed");
  assert.deepEqual(await amounts(key), [7, 5]);
  assert.deepEqual((await system.processes.read("acme", processId))?.outcome, { amount: 5, balance: 12 });
});

test("redrive: with hold-key the head is executed first and its successors after it, in order", async () => {
  const key = newKey();
  const head = await parked("settle", key, "head", 1);
  await becomes(head, "processing");
  const successors: string[] = [];
  for (let amount = 2; amount <= 30; amount++) {
    successors.push((await submit(amount % 2 === 0 ? "deposit" : "settle", key, { amount })).processId);
  }
  await happenings.until("all wait behind it", async () => {
    return (await system.listParked("ledger", "acme", 100)).some(
      (one) => one.entryId === head && one.waiting === 29,
    );
  });
  assert.deepEqual(await amounts(key), []);
  poisoned.delete("head");
  await system.redrive("ledger", { ...ann, entryId: head });
  const last = (await submit("deposit", key, { amount: 31 })).processId;
  for (const processId of [head, ...successors, last]) await becomes(processId, "confirmed");
  assert.deepEqual(
    await amounts(key),
    Array.from({ length: 31 }, (_, n) => n + 1),
  );
});

test("redrive: an entry that fails again is parked again at once, and may be redriven as often as needed", async () => {
  const key = newKey();
  const processId = await parked("settle", key, "stubborn");
  const parkings = () =>
    happenings.events.filter((one) => one.event === "parked" && one.entryId === processId).length;
  for (let round = 2; round <= 4; round++) {
    await system.redrive("ledger", { ...ann, entryId: processId });
    await happenings.until("parked again", () => parkings() === round);
  }
  assert.equal((await facts(key)).filter((one) => one.type === "entente.command-parked").length, 4);
  poisoned.delete("stubborn");
  await system.redrive("ledger", { ...ann, entryId: processId });
  await becomes(processId, "confirmed");
  assert.deepEqual(await amounts(key), [1]);
  assert.equal((await acts(processId)).length, 4);
});

test("discard: the entry is never executed, its process fails openly, and its successors go on in order", async () => {
  const key = newKey();
  const head = await parked("settle", key, "given-up", 1);
  const second = await submit("settle", key, { amount: 2 });
  const third = await submit("settle", key, { amount: 3 });
  await system.discard("ledger", { ...ann, entryId: head, why: "ordered twice" });
  poisoned.delete("given-up");
  await becomes(third.processId, "confirmed");
  await becomes(head, "failed");
  assert.deepEqual(await stateOf(head), { state: "failed", reason: "discarded" });
  assert.deepEqual(await stateOf(second.processId), { state: "confirmed", reason: null });
  assert.deepEqual(await amounts(key), [2, 3]);
});

test("correct: the entry is executed with the new data, while the journal keeps what was submitted", async () => {
  const key = newKey();
  const processId = await parked("settle", key, "wrong-data", 1_000);
  await system.redrive("ledger", { ...ann, entryId: processId }, { amount: 10 });
  await becomes(processId, "confirmed");
  assert.deepEqual(await amounts(key), [10]);
  const [submitted] = await bed.sql<{ data: JsonObject }>(
    name,
    "front",
    "select data from entente.journal where id = $1",
    [processId],
  );
  assert.deepEqual(submitted?.data, { amount: 1_000, mark: "wrong-data" });
});

test("every act leaves a control entry: what, on which entry, who and why", async () => {
  const key = newKey();
  const redriven = await parked("deposit", key, "audit-1");
  const corrected = await parked("deposit", key, "audit-2");
  const discarded = await parked("deposit", key, "audit-3");
  await system.redrive("ledger", { ...ann, entryId: redriven, by: "ann", why: "try again" });
  await system.redrive(
    "ledger",
    { ...ann, entryId: corrected, by: "bob", why: "a typing mistake" },
    { amount: 1 },
  );
  await system.discard("ledger", { ...ann, entryId: discarded, by: "eve", why: "withdrawn" });
  const control = { kind: "control", tenant: "acme", consumer: "account" };
  assert.deepEqual(await acts(redriven), [
    { ...control, type: "entente.parked-redriven", entryId: redriven, by: "ann", why: "try again" },
  ]);
  assert.deepEqual(await acts(corrected), [
    {
      ...control,
      type: "entente.parked-corrected",
      entryId: corrected,
      by: "bob",
      why: "a typing mistake",
      corrected: { amount: 1 },
    },
  ]);
  assert.deepEqual(await acts(discarded), [
    { ...control, type: "entente.parked-discarded", entryId: discarded, by: "eve", why: "withdrawn" },
  ]);
});

test("an act on an entry that is not parked is refused as such and leaves no trace", async () => {
  const key = newKey();
  const done = await submit("deposit", key, { amount: 1 });
  await becomes(done.processId, "confirmed");
  const elsewhere = await parked("deposit", key, "elsewhere");
  const gone = await parked("deposit", key, "gone");
  await system.discard("ledger", { ...ann, entryId: gone });
  for (const act of [
    { ...ann, entryId: done.processId },
    { ...ann, entryId: gone },
    { ...ann, entryId: "0199a3c4-7e00-7abc-8def-0123456789ab" },
    { ...ann, entryId: "not-an-id" },
    { ...ann, entryId: elsewhere, tenantId: "somebody-else" },
  ]) {
    const notParked = { code: "not-parked", kind: "conflict", fields: { entryId: act.entryId } };
    await assert.rejects(system.redrive("ledger", act), notParked);
    await assert.rejects(system.discard("ledger", act), notParked);
  }
  assert.deepEqual(
    [await acts(done.processId), await acts(elsewhere), (await acts(gone)).length],
    [[], [], 1],
  );
  await assert.rejects(system.redrive("warehouse", { ...ann, entryId: gone }), { code: "context-unknown" });
});

test("of two operators who act at once on the same entry one wins, and the other is told", async () => {
  const processId = await parked("deposit", newKey(), "contested");
  poisoned.delete("contested");
  const outcomes = await Promise.allSettled([
    system.redrive("ledger", { ...ann, entryId: processId }),
    system.discard("ledger", { ...ann, entryId: processId }),
    system.redrive("ledger", { ...ann, entryId: processId }, { amount: 2 }),
  ]);
  assert.equal(outcomes.filter((outcome) => outcome.status === "fulfilled").length, 1);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") assert.equal((outcome.reason as { code: string }).code, "not-parked");
  }
  assert.equal((await acts(processId)).length, 1);
});

test("a redrive ordered while the deciding context is off line is carried out when it is back", async () => {
  const key = newKey();
  const processId = await parked("settle", key, "off-line");
  await system.setPaused("ledger", true, ann);
  poisoned.delete("off-line");
  await system.redrive("ledger", { ...ann, entryId: processId });
  const successor = await submit("settle", key, { amount: 2 });
  assert.deepEqual(await amounts(key), []);
  await system.setPaused("ledger", false, ann);
  await becomes(successor.processId, "confirmed");
  assert.deepEqual(await amounts(key), [1, 2]);
});
