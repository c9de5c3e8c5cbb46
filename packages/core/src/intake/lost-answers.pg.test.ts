import assert from "node:assert/strict";
import { test } from "node:test";
import { type FaultProxy, startFaultProxy } from "@entente/testkit";
import { bank, submission } from "../testing/bank.fixture.ts";
import { openHappenings } from "../testing/happenings.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { type Intake, type IntakeOptions, openIntake } from "./intake.ts";

const bed = await openTestBed();
const stage = await bed.stage(bank(bed.newName()));
const { hostname, port } = new URL(bed.adminUrl);

/** An intake whose store is behind a proxy that fails on demand. */
async function scene(
  said: Partial<IntakeOptions> = {},
  statementTimeoutMs = 5_000,
): Promise<{ proxy: FaultProxy; intake: Intake }> {
  const proxy = await startFaultProxy({ target: { host: hostname, port: Number(port) } });
  bed.atEnd(() => proxy.close());
  const database = stage.connect("front", "app", {
    through: (url) => proxy.urlFor(url),
    connections: 2,
    statementTimeoutMs,
  });
  const intake = openIntake({
    context: "front",
    database,
    clock: { now: Date.now },
    onAccepted: () => {},
    random: Math.random,
    ...said,
  });
  bed.atEnd(() => intake.close());
  return { proxy, intake };
}

const accepting = /insert into entente\.idempotency/;

async function stored(tenantId: string): Promise<{ entries: number; keys: number; counted: boolean }> {
  const [row] = await stage.database("front").execute<{ entries: number; keys: number; counted: boolean }>(
    `select (select count(*)::int from entente.journal where tenant_id = $1) as entries,
       (select count(*)::int from entente.idempotency where tenant_id = $1) as keys,
       (select coalesce(sum(total), 0) from entente.tally where name = 'accepted') = (select count(*) from entente.journal) as counted`,
    [tenantId],
  );
  return row ?? { entries: -1, keys: -1, counted: false };
}

const batch = (tenantId: string, count = 10) =>
  Array.from({ length: count }, (_, n) =>
    submission("deposit", `a-${n}`, { amount: 1 }, { tenantId, idempotencyKey: `k-${n}` }),
  );

for (const [when, truth] of [
  ["after", "stored, and the answer lost"],
  ["before", "never stored"],
] as const) {
  test(`a commit whose connection broke (${truth}) is resolved to the true outcome, and each command is stored once`, async () => {
    const { proxy, intake } = await scene();
    const tenantId = `lost-${when}`;
    for (let round = 1; round <= 3; round++) {
      const fault = proxy.onStatement(accepting, when);
      const one = submission("deposit", "a-1", { amount: round }, { tenantId, idempotencyKey: `r-${round}` });
      const answers = await Promise.all([one, one, one].map((same) => intake.accept(same)));
      await fault.fired;
      assert.deepEqual(
        answers.map((answer) => answer.outcome),
        ["accepted", "repeated", "repeated"],
      );
      const again = await intake.accept(one);
      assert.deepEqual([again.outcome, again.processId], ["repeated", answers[0]?.processId]);
    }
    const answers = await Promise.all(batch(tenantId).map((one) => intake.accept(one)));
    assert.ok(answers.every((answer) => answer.outcome === "accepted"));
    assert.deepEqual(await stored(tenantId), { entries: 13, keys: 13, counted: true });
    assert.equal(intake.acceptedCount(), 13);
  });

  test(`when the store stays away (${truth}), the outcome is unknown; the same request with the same key finds it`, async () => {
    const { proxy, intake } = await scene({ resolveMs: 200 });
    const tenantId = `unknown-${when}`;
    const [one] = batch(tenantId, 1) as [ReturnType<typeof submission>];
    const fault = proxy.onStatement(accepting, when);
    const pending = intake.accept(one);
    await fault.fired;
    proxy.refuse();
    proxy.resetAll();
    await assert.rejects(pending, { code: "acceptance-unknown", kind: "unknown-outcome" });
    proxy.clear();
    const again = await intake.accept(one);
    assert.equal(again.outcome, when === "after" ? "repeated" : "accepted");
    assert.deepEqual(await stored(tenantId), { entries: 1, keys: 1, counted: true });
  });
}

test("an answer lost for a batch that met accepted keys and another body says for each request what is true", async () => {
  const { proxy, intake } = await scene();
  const tenantId = "mixed";
  const [first, second, third] = batch(tenantId, 3) as [
    ReturnType<typeof submission>,
    ReturnType<typeof submission>,
    ReturnType<typeof submission>,
  ];
  const before = await intake.accept(first);
  const fault = proxy.onStatement(accepting, "after");
  const answers = await Promise.all(
    [first, { ...first, data: { amount: 9 } }, second, third].map((one) => intake.accept(one)),
  );
  await fault.fired;
  assert.deepEqual(
    answers.map((answer) => answer.outcome),
    ["repeated", "key-reused", "accepted", "accepted"],
  );
  assert.deepEqual([answers[0]?.processId, answers[1]?.processId], [before.processId, before.processId]);
  assert.deepEqual(await stored(tenantId), { entries: 3, keys: 3, counted: true });
});

test("a store that cannot be reached is said at once, and nothing is stored; the same key works when it is back", async () => {
  const { proxy, intake } = await scene();
  proxy.refuse();
  for (const one of batch("away", 3)) {
    await assert.rejects(intake.accept(one), { code: "database-unavailable", kind: "unavailable" });
  }
  assert.deepEqual(await stored("away"), { entries: 0, keys: 0, counted: true });
  proxy.clear();
  const answers = await Promise.all(batch("away", 3).map((one) => intake.accept(one)));
  assert.ok(answers.every((answer) => answer.outcome === "accepted"));
});

test("a store that swallows everything is given up after the time limit, without a false yes or no", async () => {
  const { proxy, intake } = await scene({ resolveMs: 100 }, 300);
  const [one, other] = batch("swallowed", 2) as [
    ReturnType<typeof submission>,
    ReturnType<typeof submission>,
  ];
  await intake.find(one);
  proxy.blackHole("to-client");
  await assert.rejects(intake.accept(other), { code: "acceptance-unknown", kind: "unknown-outcome" });
  proxy.clear();
  const happenings = openHappenings();
  await happenings.until(
    "the store answers again",
    async () => (await intake.find(one).catch(() => "away")) !== "away",
  );
  assert.ok(["accepted", "repeated"].includes((await intake.accept(other)).outcome));
  assert.deepEqual(await stored("swallowed"), { entries: 1, keys: 1, counted: true });
});

test("connections cut at random under load cost time and never a command", async () => {
  const { proxy, intake } = await scene();
  const commands = batch("stormy", 400);
  const sent = (async () => {
    const answers = [];
    for (let n = 0; n < commands.length; n += 20) {
      answers.push(...(await Promise.all(commands.slice(n, n + 20).map((one) => intake.accept(one)))));
    }
    return answers;
  })();
  for (let cut = 0; cut < 5; cut++) {
    const fault = proxy.onStatement(accepting, cut % 2 === 0 ? "after" : "before");
    await fault.fired;
  }
  const answers = await sent;
  assert.ok(answers.every((answer) => answer.outcome === "accepted"));
  assert.deepEqual(await stored("stormy"), { entries: 400, keys: 400, counted: true });
});
