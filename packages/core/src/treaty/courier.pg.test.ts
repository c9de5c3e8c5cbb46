import assert from "node:assert/strict";
import { test } from "node:test";
import type { SystemOptions } from "../context/system.ts";
import {
  type BillingOptions,
  billingReady,
  billingTreaty,
  hasty,
} from "../testing/billing-treaty.fixture.ts";
import { type Counterparty, startCounterparty } from "../testing/counterparty.fixture.ts";
import { type Orders, startOrders } from "../testing/orders.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import { keyHash } from "./hand-off-entries.ts";

const bed = await openTestBed();

async function scene(
  options: Partial<BillingOptions> = {},
  before: (counterparty: Counterparty) => void = () => {},
  how: Partial<SystemOptions> = {},
): Promise<{ counterparty: Counterparty; orders: Orders }> {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  before(counterparty);
  const orders = await startOrders(bed, [billingTreaty({ counterparty, ...options })], how);
  return { counterparty, orders };
}

const posts = (counterparty: Counterparty) => counterparty.requests.filter(({ method }) => method === "POST");
const gets = (counterparty: Counterparty) => counterparty.requests.filter(({ method }) => method === "GET");

test("a fact becomes a hand-off that is sent once, completed, and written into the journal move by move", async () => {
  const { counterparty, orders } = await scene();
  const ready = billingReady("ord-1");
  await orders.facts(ready);
  const [done] = await orders.settled(1, "completed");
  assert.ok(done);
  assert.equal(done.idempotencyKey, "acme:order:ord-1:=1:billing:activate:1");
  assert.deepEqual([...counterparty.effects], [[done.idempotencyKey, 1]]);
  assert.equal(posts(counterparty).length, 1);
  assert.deepEqual(await orders.moves(done.handOffId), ["dispatch", "take-in", "complete"]);
  const [opening] = await orders.entries("entente.hand-off-opened");
  assert.deepEqual([opening?.id, opening?.causationId], [done.handOffId, ready.id]);
  assert.deepEqual(
    [done.externalReference, done.externalCode, done.tries, done.attempt, done.effectKnown, done.processId],
    [`ext-${done.idempotencyKey}`, "DONE", 1, 1, true, ready.processId],
  );
  assert.match(done.lastResponseHash ?? "", /^[0-9a-f]{32}$/);
  const [sent] = await orders.entries("entente.hand-off-sent");
  assert.equal(sent?.id, posts(counterparty)[0]?.messageId);
  const lines = orders.told.filter((event) => event.event === "hand-off");
  assert.deepEqual(
    lines.map(({ step, state, verdict }) => [step, state, verdict]),
    [
      ["sent", "sent", "moved"],
      ["answered", "completed", "moved"],
    ],
  );
  assert.deepEqual(lines[1], {
    event: "hand-off",
    processId: done.processId,
    step: "answered",
    treaty: "billing-activation",
    verdict: "moved",
    rows: 0,
    correlationId: done.correlationId,
    tenantId: "acme",
    aggregateId: "ord-1",
    handOffId: done.handOffId,
    target: "billing",
    keyHash: keyHash(done.idempotencyKey),
    externalReference: `ext-${done.idempotencyKey}`,
    code: null,
    state: "completed",
  });
});

test("the same request again opens nothing; another request under the same key is a conflict and a case", async () => {
  const { counterparty, orders } = await scene();
  await orders.facts(billingReady("ord-1"), billingReady("ord-1"), billingReady("ord-2"));
  await orders.settled(2, "completed");
  await orders.facts(billingReady("ord-1", {}, { amount: 6 }), billingReady("ord-3"));
  await orders.settled(3, "completed");
  assert.equal(counterparty.effects.size, 3);
  const cases = await orders.system.treaties.cases("orders", "acme", 10);
  assert.deepEqual(
    cases.map(({ kind, code, owner }) => [kind, code, owner]),
    [["key-conflict", "idempotency-conflict", "billing-desk"]],
  );
});

test("a rejection is a business outcome: no retry, and a case with an owner", async () => {
  const { counterparty, orders } = await scene({}, (c) => {
    c.behave = () => "reject";
  });
  await orders.facts(billingReady("ord-1"));
  const [one] = await orders.settled(1, "rejected");
  assert.equal(posts(counterparty).length, 1);
  assert.deepEqual(
    [one?.lastErrorClass, one?.lastErrorCode, one?.nextTryAt],
    ["BUSINESS_REJECTED", "E10", null],
  );
  const [open] = await orders.system.treaties.cases("orders", "acme", 10);
  assert.deepEqual(
    [open?.kind, open?.says, open?.owner],
    ["rejected", "The account is closed.", "billing-desk"],
  );
});

for (const [behaviour, why] of [
  ["silent-done", "answer-late"],
  ["drop-done", "answer-broken"],
  ["malformed-done", "answer-unreadable"],
] as const) {
  test(`an effect whose answer is lost (${behaviour}) becomes unknown, is asked about, and is completed without a second sending`, async () => {
    const { counterparty, orders } = await scene({ times: hasty }, (c) => {
      c.behave = () => behaviour;
    });
    await orders.facts(billingReady("ord-1"));
    const [done] = await orders.settled(1, "completed");
    assert.ok(done);
    assert.deepEqual(await orders.moves(done.handOffId), ["dispatch", "lose", "find-completed"]);
    assert.deepEqual([posts(counterparty).length, [...counterparty.effects.values()]], [1, [1]]);
    const [unknown] = await orders.entries("entente.hand-off-unknown");
    assert.deepEqual([unknown?.data.class, unknown?.data.code], ["UNKNOWN", why], "the journal says why");
    const [found] = await orders.entries("entente.hand-off-completed");
    assert.deepEqual(
      [found?.data.class, found?.data.code],
      [null, "DONE"],
      "what came of it is told by them",
    );
    assert.ok(gets(counterparty).length >= 1);
    const [corrected] = await orders.entries("entente.correct-hand-off");
    assert.equal(corrected?.kind, "command");
    const [compared] = await orders.entries("entente.hand-off-compared");
    assert.deepEqual([compared?.kind, compared?.data.result], ["reconciliation", "external-success"]);
  });
}

for (const behaviour of ["silent", "drop"] as const) {
  test(`silence without effect (${behaviour}) is asked about before it is sent again, under the same key`, async () => {
    const { counterparty, orders } = await scene({ times: hasty }, (c) => {
      c.behave = (_key, nth) => (nth === 1 ? behaviour : "done");
    });
    await orders.facts(billingReady("ord-1"));
    const [done] = await orders.settled(1, "completed");
    assert.ok(done);
    assert.deepEqual(
      counterparty.requests.map(({ method, key }) => [method, key]),
      [
        ["POST", done.idempotencyKey],
        ["GET", done.idempotencyKey],
        ["POST", done.idempotencyKey],
      ],
    );
    assert.deepEqual([done.tries, done.attempt], [2, 1]);
    assert.deepEqual([...counterparty.effects.values()], [1]);
  });
}

test("what certainly did not happen is retried with growing pauses, bounded, and ends with a person; the next try is visible", async () => {
  const minute = 60_000;
  // A wall clock that stands still: a hand-off waits until the test moves the time, and its pauses are read exactly.
  const wall = Date.now();
  const { counterparty, orders } = await scene(
    {
      times: { retryFirstMs: minute, retryLongestMs: 4 * minute },
      limits: { triesAllowed: 5, circuitFailures: 100 },
    },
    (c) => {
      c.behave = () => "busy";
    },
    { wallClock: () => wall },
  );
  await orders.facts(billingReady("ord-1"));
  const pauses: number[] = [];
  for (let tries = 1; tries < 5; tries++) {
    await orders.happenings.until(`it waits after ${tries} tries`, async () => {
      const [one] = await orders.all();
      return one?.state === "retry_wait" && one.tries === tries;
    });
    const { nextTryAt, updatedAt } = await orders.one();
    assert.ok(nextTryAt !== null);
    assert.equal(posts(counterparty).length, tries);
    pauses.push(nextTryAt - updatedAt);
    await orders.system.setClock(nextTryAt);
  }
  const [over] = await orders.settled(1, "fallout");
  // Each twice as long as the one before it, up to the longest, spread by a quarter to either side: the first three cannot meet.
  for (const [n, full] of [1, 2, 4, 4].entries()) {
    const pause = pauses[n] as number;
    assert.ok(pause >= 0.75 * full * minute && pause <= 1.25 * full * minute, `pauses of ${pauses} ms`);
  }
  const [first = 0, second = 0, third = 0] = pauses;
  assert.ok(first < second && second < third, `pauses of ${pauses} ms`);
  // What was shown is what was done: the journal has each sending at the time that was promised.
  const sent = await databaseOf(orders.system, "orders").execute<{ at: number }>(
    `select (extract(epoch from occurred_at) * 1000)::float8 as at from entente.journal
     where type = 'entente.hand-off-sent' order by xid, seq`,
  );
  assert.deepEqual(
    sent.slice(1).map(({ at }, n) => at - (sent[n]?.at as number)),
    pauses,
  );
  assert.equal(posts(counterparty).length, 5);
  assert.deepEqual([over?.doubt, over?.tries, over?.lastErrorClass], [false, 5, "TECHNICAL_RETRYABLE"]);
  const [open] = await orders.system.treaties.cases("orders", "acme", 10);
  assert.deepEqual([open?.kind, open?.owner], ["tries-used-up", "billing-desk"]);
});

test("a counterparty that is not there costs nothing but time", async () => {
  // Tried again so late that it can be looked at while it waits.
  const times = { retryFirstMs: 60_000, retryLongestMs: 60_000 };
  const { counterparty, orders } = await scene({ limits: { triesAllowed: 50 }, times });
  await counterparty.close();
  await orders.facts(billingReady("ord-1"));
  const [waiting] = await orders.settled(1, "retry_wait");
  assert.deepEqual([waiting?.lastErrorCode, waiting?.doubt], ["request-not-sent", false]);
});

test("a code that is not on the map goes to a person with the task to extend it", async () => {
  const { counterparty, orders } = await scene({}, (c) => {
    c.behave = () => "unmapped";
  });
  await orders.facts(billingReady("ord-1"));
  const [over] = await orders.settled(1, "fallout");
  assert.ok(over);
  assert.deepEqual(await orders.moves(over.handOffId), ["dispatch", "lose", "hand-to-person"]);
  assert.equal(posts(counterparty).length, 1);
  const [open] = await orders.system.treaties.cases("orders", "acme", 10);
  assert.equal(open?.kind, "unclassified");
  assert.match(open?.says ?? "", /E99/);
  assert.ok(open?.acts.includes("extend-error-map"));
});

test("refused credentials stop the treaty at once, without a storm, and it goes on when an operator says so", async () => {
  const { counterparty, orders } = await scene({ limits: { concurrency: 1 } }, (c) => {
    c.behave = (_key, nth) => (nth === 1 && c.effects.size === 0 ? "unauthorized" : "done");
  });
  await orders.facts(...Array.from({ length: 20 }, (_, n) => billingReady(`ord-${n}`)));
  const [blocked] = await orders.settled(1, "blocked");
  assert.equal(posts(counterparty).length, 1);
  const [state] = await orders.system.treaties.states("orders");
  assert.deepEqual([state?.stopped, state?.code], [true, "401"]);
  await orders.system.treaties.setStopped("billing-activation", false, {
    tenantId: "acme",
    by: "ann",
    why: "token renewed",
  });
  counterparty.behave = () => "done";
  await orders.settled(20, "completed");
  assert.ok(blocked);
  assert.deepEqual(await orders.moves(blocked.handOffId), [
    "dispatch",
    "block",
    "unblock",
    "take-in",
    "complete",
  ]);
  assert.ok([...counterparty.effects.values()].every((n) => n === 1));
});

test("acts of one key are sent one after the other in the order of their facts, other keys beside them", async () => {
  const { counterparty, orders } = await scene({ over: { order: "per-key" } }, (c) => {
    c.behave = (key, nth) => (nth === 1 && key.includes("=1:") ? "busy" : "done");
  });
  const lines = Array.from({ length: 5 }, (_, n) => billingReady("ord-1", {}, { line: String(n + 1) }));
  await orders.facts(...lines, billingReady("ord-2", {}, { line: "7" }));
  await orders.settled(6, "completed");
  const sent = posts(counterparty).map(({ key }) => /=(\d):/.exec(key)?.[1]);
  assert.deepEqual(
    sent.filter((line) => line !== "7"),
    ["1", "1", "2", "3", "4", "5"],
  );
});

test("no more requests are under way at once than the treaty allows", async () => {
  const { counterparty, orders } = await scene(
    { limits: { concurrency: 3 }, times: { answerWithinMs: 2_000 } },
    (c) => {
      c.behave = (key) => (key.includes("ord-1") ? "slow-done" : "done");
    },
  );
  await orders.facts(...Array.from({ length: 24 }, (_, n) => billingReady(`ord-${n}`)));
  await orders.settled(24, "completed");
  assert.equal(counterparty.busiest(), 3);
});

test("one slow counterparty does not slow another's", async () => {
  const slow = await startCounterparty();
  const quick = await startCounterparty();
  bed.atEnd(() => slow.close());
  bed.atEnd(() => quick.close());
  slow.behave = () => "silent";
  const orders = await startOrders(bed, [
    billingTreaty({
      counterparty: slow,
      name: "slow",
      target: "slow",
      times: { answerWithinMs: 10_000, inFlightMs: 60_000 },
      limits: { concurrency: 2 },
    }),
    billingTreaty({ counterparty: quick, name: "quick", target: "quick" }),
  ]);
  await orders.facts(...Array.from({ length: 50 }, (_, n) => billingReady(`ord-${n}`)));
  const done = await orders.settled(50, "completed");
  assert.ok(done.every(({ target }) => target === "quick"));
  assert.equal(quick.effects.size, 50);
  assert.ok(slow.requests.length <= 2);
});

test("an open circuit spends no tries, and what waited is resumed gradually", async () => {
  const { counterparty, orders } = await scene(
    {
      limits: { circuitFailures: 3, circuitOpenMs: 300, concurrency: 16, triesAllowed: 10 },
      times: { retryFirstMs: 400, retryLongestMs: 400 },
    },
    (c) => {
      c.behave = () => "busy";
    },
  );
  await orders.facts(...Array.from({ length: 60 }, (_, n) => billingReady(`ord-${n}`)));
  await orders.happenings.until("the circuit is open", () =>
    orders.told.some((event) => event.event === "circuit" && event.state === "open"),
  );
  const sentBefore = posts(counterparty).length;
  assert.ok(sentBefore <= 32, `${sentBefore} requests before it opened`);
  counterparty.behave = () => "done";
  await orders.settled(60, "completed");
  const states = orders.told.flatMap((event) => (event.event === "circuit" ? [event.state] : []));
  assert.ok(states.includes("resuming") && states.at(-1) === "closed", states.join(" "));
  assert.ok((await orders.all()).every(({ tries }) => tries <= 4));
});

test("a batch is one sending of many rows, each with its key and outcome; refused rows have a case", async () => {
  const { counterparty, orders } = await scene({ over: { batch: { rowsAllowed: 500 } } }, (c) => {
    c.refusedRows.add("acme:order:ord-3:=1:billing:activate:1");
  });
  await orders.facts(...Array.from({ length: 300 }, (_, n) => billingReady(`ord-${n}`)));
  await orders.happenings.until("all rows have outcomes", async () => {
    const batches = await orders.all();
    return (
      batches.reduce((sum, { rows }) => sum + rows, 0) === 300 &&
      batches.every(({ state }) => state === "completed")
    );
  });
  const batches = await orders.all();
  assert.ok(batches.length < 30, `${batches.length} batches`);
  assert.equal(posts(counterparty).length, batches.length);
  const rows = [...counterparty.effects].filter(([key]) => key.includes(":order:"));
  assert.deepEqual([rows.length, rows.every(([, n]) => n === 1)], [299, true]);
  const cases = await orders.system.treaties.cases("orders", "acme", 10);
  assert.deepEqual(
    cases.map(({ kind, says }) => [kind, says]),
    [["rows-rejected", "1 rows were refused."]],
  );
});
