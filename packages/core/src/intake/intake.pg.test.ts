import assert from "node:assert/strict";
import { before, test } from "node:test";
import { seededRandom } from "@entente/testkit";
import type { JsonObject } from "../model/entry.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { type Happenings, openHappenings } from "../testing/happenings.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { type Acceptance, type Intake, type IntakeOptions, openIntake } from "./intake.ts";

const bed = await openTestBed();
const name = bed.newName();
const random = seededRandom(Number(process.env.TEST_SEED ?? 7));
let stage: Stage;

before(async () => {
  stage = await bed.stage(bank(name));
});

/** An intake of its own, as one process has it. */
function open(said: Partial<IntakeOptions> = {}): { intake: Intake; happenings: Happenings } {
  const happenings = openHappenings();
  const intake = openIntake({
    context: "front",
    database: stage.database("front"),
    clock: { now: Date.now },
    onAccepted: () => {},
    random: () => random.next(),
    probe: happenings.probe,
    ...said,
  });
  bed.atEnd(() => intake.close());
  return { intake, happenings };
}

const deposit = (
  tenantId: string,
  idempotencyKey: string,
  data: JsonObject = { amount: 1 },
  said: object = {},
) => submission("deposit", "a-1", data, { tenantId, idempotencyKey, ...said });

async function stored(tenantId: string) {
  const front = stage.database("front");
  const [row] = await front.execute<{ entries: number; keys: number; transactions: number }>(
    `select (select count(*)::int from entente.journal where tenant_id = $1) as entries,
       (select count(*)::int from entente.idempotency where tenant_id = $1) as keys,
       (select count(distinct xid)::int from entente.journal where tenant_id = $1) as transactions`,
    [tenantId],
  );
  return row;
}

const outcomes = (all: readonly Acceptance[], outcome: Acceptance["outcome"]) =>
  all.filter((one) => one.outcome === outcome).length;

test("an accepted command is one journal entry and one key, with all the submission said", async () => {
  const { intake } = open();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const said = submission(
    "deposit",
    "a-7",
    { amount: 3 },
    { tenantId: "whole", customerId: "c-1", traceparent },
  );
  const before_ = Date.now();
  const accepted = await intake.accept(said);
  assert.ok(accepted.outcome === "accepted");
  assert.ok(accepted.acceptedAt >= before_ && accepted.acceptedAt <= Date.now());
  const [entry] = await stage.database("front").execute(
    `select id, kind, type, schema_version, source, target, key, process_id, correlation_id, causation_id, customer_id,
       traceparent, occurred_at, data from entente.journal where tenant_id = 'whole'`,
  );
  assert.deepEqual(entry, {
    id: accepted.processId,
    kind: "command",
    type: "bank.deposit",
    schema_version: "1.0.0",
    source: "front",
    target: "ledger",
    key: "a-7",
    process_id: accepted.processId,
    correlation_id: accepted.processId,
    causation_id: null,
    customer_id: "c-1",
    traceparent,
    occurred_at: accepted.acceptedAt,
    data: { amount: 3 },
  });
  assert.deepEqual(await stored("whole"), { entries: 1, keys: 1, transactions: 1 });
  assert.equal(intake.acceptedCount(), 1);
});

test("requests that arrive while a commit is under way share the next one", async () => {
  const { intake, happenings } = open();
  const parked = happenings.park("intake:before-commit");
  const first = intake.accept(deposit("shared", "k-first"));
  await parked.reached;
  const rest = Array.from({ length: 300 }, (_, n) => intake.accept(deposit("shared", `k-${n}`)));
  parked.release();
  const all = await Promise.all([first, ...rest]);
  assert.equal(outcomes(all, "accepted"), 301);
  assert.deepEqual(await stored("shared"), { entries: 301, keys: 301, transactions: 2 });
  assert.equal(happenings.passed("intake:after-commit"), 2);
});

test("a commit takes a bounded number of commands, and every request gets its own answer", async () => {
  const { intake } = open({ perCommit: 50 });
  const all = await Promise.all(
    Array.from({ length: 120 }, (_, n) => intake.accept(deposit("bounded", `k-${n}`, { n }))),
  );
  assert.deepEqual(await stored("bounded"), { entries: 120, keys: 120, transactions: 3 });
  const entries = await stage
    .database("front")
    .execute<{ id: string; n: number }>(
      "select id, (data->>'n')::int as n from entente.journal where tenant_id = 'bounded'",
    );
  const idOf = new Map(entries.map((row) => [row.n, row.id]));
  assert.deepEqual(
    all.map((one) => one.processId),
    all.map((_, n) => idOf.get(n)),
  );
});

test("commands of one process enter the journal in the order they were offered", async () => {
  const { intake } = open({ perCommit: 7 });
  await Promise.all(
    Array.from({ length: 60 }, (_, n) => intake.accept(deposit("ordered", `k-${60 - n}`, { n }))),
  );
  const rows = await stage
    .database("front")
    .execute<{ n: number }>(
      "select (data->>'n')::int as n from entente.journal where tenant_id = 'ordered' order by xid, seq",
    );
  assert.deepEqual(
    rows.map((row) => row.n),
    Array.from({ length: 60 }, (_, n) => n),
  );
});

test("fifty times the same request at once is one process: one accepted, all others repeated", async () => {
  const { intake } = open();
  const all = await Promise.all(Array.from({ length: 50 }, () => intake.accept(deposit("same", "k"))));
  assert.deepEqual([outcomes(all, "accepted"), outcomes(all, "repeated")], [1, 49]);
  assert.equal(new Set(all.map((one) => one.processId)).size, 1);
  const later = await intake.accept(deposit("same", "k"));
  assert.deepEqual(
    { ...later, outcome: "accepted" },
    all.find((one) => one.outcome === "accepted"),
  );
  assert.deepEqual(await stored("same"), { entries: 1, keys: 1, transactions: 1 });
});

test("the same request at several processes at once is one process as well", async () => {
  const intakes = Array.from({ length: 5 }, () => open().intake);
  for (let round = 0; round < 10; round++) {
    const all = await Promise.all(
      intakes.flatMap((intake) =>
        Array.from({ length: 4 }, () => intake.accept(deposit("everywhere", `k-${round}`))),
      ),
    );
    assert.deepEqual([outcomes(all, "accepted"), outcomes(all, "repeated")], [1, 19]);
    assert.equal(new Set(all.map((one) => one.processId)).size, 1);
  }
  assert.deepEqual((await stored("everywhere"))?.entries, 10);
});

test("member order and white space of the body make no other request", async () => {
  const { intake } = open();
  const first = await intake.accept(
    deposit("spelling", "k", JSON.parse('{"amount":1,"by":{"x":1,"y":[2]}}')),
  );
  const again = await intake.accept(
    deposit("spelling", "k", JSON.parse(' {"by":{"y":[2.0],"x":1e0}, "amount":1}')),
  );
  assert.deepEqual([again.outcome, again.processId], ["repeated", first.processId]);
});

test("a key used for another body is told which process has it, and nothing is stored", async () => {
  const { intake } = open();
  const first = await intake.accept(deposit("reused", "k", { amount: 1 }));
  for (const other of [
    deposit("reused", "k", { amount: 2 }),
    { ...deposit("reused", "k", { amount: 1 }), key: "a-2" },
  ]) {
    assert.deepEqual(await intake.accept(other), { outcome: "key-reused", processId: first.processId });
  }
  assert.deepEqual(await stored("reused"), { entries: 1, keys: 1, transactions: 1 });
});

test("two bodies under one key at the same moment: the first is accepted, the other is told", async () => {
  const { intake } = open();
  const all = await Promise.all(
    [1, 2, 1, 2, 2].map((amount) => intake.accept(deposit("race", "k", { amount }))),
  );
  assert.deepEqual(
    all.map((one) => one.outcome),
    ["accepted", "key-reused", "repeated", "key-reused", "key-reused"],
  );
  assert.equal(new Set(all.map((one) => one.processId)).size, 1);
  assert.deepEqual((await stored("race"))?.entries, 1);
});

test("repeats among new requests in one commit are told apart: in the batch that meets the first, and in all after it", async () => {
  const { intake } = open();
  const said = (n: number) => deposit("mixed", `k-${n}`, { amount: n });
  const first = await intake.accept(said(0));
  for (let round = 1; round <= 40; round++) {
    // Later rounds are free of repeats: the statement that assumes so gets its turn again before the last repeat.
    const numbers = round <= 20 || round === 40 ? [0, round] : [round];
    const answers = await Promise.all(numbers.map((n) => intake.accept(said(n))));
    assert.deepEqual(
      answers.map(({ outcome, processId }) => [outcome, processId === first.processId]),
      numbers.map((n) => (n === 0 ? ["repeated", true] : ["accepted", false])),
    );
  }
  const { entries, keys } = (await stored("mixed")) ?? {};
  assert.deepEqual({ entries, keys }, { entries: 41, keys: 41 });
});

test("keys of different tenants, callers and command types never meet", async () => {
  const { intake } = open();
  const mine = deposit("mine", "k");
  const all = await Promise.all([
    intake.accept(mine),
    intake.accept({ ...mine, tenantId: "theirs" }),
    intake.accept({ ...mine, caller: "robot" }),
    intake.accept({ ...mine, type: "bank.withdraw" }),
    intake.accept({ ...mine, idempotencyKey: "K" }),
    // Not even where their texts run into each other.
    intake.accept({ ...mine, caller: "teller\u0000bank.deposit", type: "k", idempotencyKey: "" }),
  ]);
  assert.equal(outcomes(all, "accepted"), 6);
  assert.equal(new Set(all.map((one) => one.processId)).size, 6);
});

test("asking what became of a request stores nothing", async () => {
  const { intake } = open();
  assert.equal(await intake.find(deposit("asked", "k")), null);
  const { processId } = await intake.accept(deposit("asked", "k"));
  assert.deepEqual((await intake.find(deposit("asked", "k")))?.outcome, "repeated");
  assert.deepEqual(await intake.find(deposit("asked", "k", { amount: 9 })), {
    outcome: "key-reused",
    processId,
  });
  assert.equal(await intake.find(deposit("asked-elsewhere", "k")), null);
  assert.deepEqual(await stored("asked"), { entries: 1, keys: 1, transactions: 1 });
});

test("a request the store refuses fails alone; its neighbours in the commit are accepted", async () => {
  const { intake } = open();
  const wrong = [
    { ...deposit("neighbours", "no-key"), key: "" },
    { ...deposit("neighbours", "nul"), key: "a\u0000b" },
    { ...deposit("neighbours", "no-type"), type: "" },
  ];
  const good = Array.from({ length: 20 }, (_, n) => deposit("neighbours", `k-${n}`));
  const settled = await Promise.allSettled(
    [...good.slice(0, 10), ...wrong, ...good.slice(10)].map((one) => intake.accept(one)),
  );
  const failed = settled.filter((one) => one.status === "rejected");
  assert.deepEqual(
    failed.map((one) => one.reason.code),
    ["data-rejected", "data-rejected", "data-rejected"],
  );
  assert.deepEqual([settled.length - failed.length, (await stored("neighbours"))?.entries], [20, 20]);
});

test("two processes whose requests overlap in opposite order wait for each other, without a deadlock", async () => {
  const [one, other] = [open(), open()];
  for (let round = 0; round < 8; round++) {
    const keys = Array.from({ length: 200 }, (_, n) => `r-${round}-${n}`);
    const all = await Promise.all([
      ...keys.map((key) => one.intake.accept(deposit("overlap", key))),
      ...keys.toReversed().map((key) => other.intake.accept(deposit("overlap", key))),
    ]);
    assert.deepEqual([outcomes(all, "accepted"), outcomes(all, "repeated")], [200, 200]);
  }
  const [statistics] = await bed.sql<{ deadlocks: string }>(
    name,
    "front",
    "select deadlocks from pg_stat_database where datname = current_database()",
  );
  assert.deepEqual([statistics?.deadlocks, (await stored("overlap"))?.entries], ["0", 1_600]);
});

test("an intake that has as many waiting as it may have refuses more, and stores nothing of them", async () => {
  const { intake, happenings } = open({ waitingAllowed: 5, perCommit: 2 });
  const parked = happenings.park("intake:before-commit");
  const first = intake.accept(deposit("full", "k-0"));
  await parked.reached;
  const waiting = [1, 2, 3, 4, 5].map((n) => intake.accept(deposit("full", `k-${n}`)));
  await assert.rejects(intake.accept(deposit("full", "k-6")), { code: "intake-full", kind: "unavailable" });
  parked.release();
  assert.equal(outcomes(await Promise.all([first, ...waiting]), "accepted"), 6);
  assert.equal((await intake.accept(deposit("full", "k-6"))).outcome, "accepted");
});

test("an intake that closes finishes what it has begun and refuses what comes after", async () => {
  const { intake } = open();
  const begun = [1, 2, 3].map((n) => intake.accept(deposit("closing", `k-${n}`)));
  const closed = intake.close();
  await assert.rejects(intake.accept(deposit("closing", "k-4")), {
    code: "intake-closed",
    kind: "unavailable",
  });
  await closed;
  assert.equal(outcomes(await Promise.all(begun), "accepted"), 3);
  assert.deepEqual((await stored("closing"))?.entries, 3);
});
