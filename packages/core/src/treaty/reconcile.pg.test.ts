import assert from "node:assert/strict";
import { test } from "node:test";
import type { SystemOptions } from "../context/system.ts";
import { isFailure } from "../model/failure.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import {
  type BillingOptions,
  billingReady,
  billingTreaty,
  hasty,
} from "../testing/billing-treaty.fixture.ts";
import { type Counterparty, startCounterparty } from "../testing/counterparty.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import { type Orders, startOrders } from "../testing/orders.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import type { FalloutCase } from "./fallout-cases.ts";

const bed = await openTestBed();
const quarter = 15 * 60_000;
const person = { tenantId: "acme", by: "ann", why: "asked them by telephone" };
const calm = {
  resultWithinMs: quarter,
  reconcileEveryMs: quarter,
  personAfterMs: 4 * quarter,
};

async function scene(
  options: Partial<BillingOptions> = {},
  before: (counterparty: Counterparty) => void = () => {},
  how: Partial<SystemOptions> = {},
): Promise<{ counterparty: Counterparty; orders: Orders; later(ms: number): Promise<void> }> {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  before(counterparty);
  const orders = await startOrders(bed, [billingTreaty({ counterparty, times: calm, ...options })], how);
  const { clock } = orders.system;
  return { counterparty, orders, later: (ms) => orders.system.setClock(clock.now() + ms) };
}

const gets = (counterparty: Counterparty) =>
  counterparty.requests.filter(({ method }) => method === "GET").length;
const posts = (counterparty: Counterparty) =>
  counterparty.requests.filter(({ method }) => method === "POST").length;
const results = async (orders: Orders) =>
  (await orders.entries("entente.hand-off-compared")).map(({ data }) => data.result);

async function caseOf(orders: Orders, kind: string): Promise<FalloutCase> {
  await orders.happenings.until(`a case ${kind}`, async () => {
    return (await orders.system.treaties.cases("orders", "acme", 50)).some((open) => open.kind === kind);
  });
  return (await orders.system.treaties.cases("orders", "acme", 50)).find(
    (open) => open.kind === kind,
  ) as FalloutCase;
}

test("a callback that never comes is repaired within a quarter of an hour, with evidence and a report", async () => {
  const { counterparty, orders, later } = await scene({}, (c) => {
    c.behave = () => "accept";
  });
  await orders.facts(billingReady("ord-1"), billingReady("ord-2"), billingReady("ord-3"));
  const accepted = await orders.settled(3, "accepted");
  const [one, two] = accepted;
  counterparty.finish(one?.idempotencyKey ?? "");
  counterparty.finish(two?.idempotencyKey ?? "", "rejected");
  assert.equal(gets(counterparty), 0);
  await later(quarter - 60_000);
  await later(2 * 60_000);
  await orders.settled(1, "completed");
  await orders.settled(1, "rejected");
  await orders.happenings.until("three comparisons", async () => (await results(orders)).length >= 3);
  assert.ok(
    (await results(orders)).includes("external-success") &&
      (await results(orders)).includes("external-failure"),
  );
  assert.equal(posts(counterparty), 3);
  const reports = await orders.entries("entente.reconciliation-run");
  assert.ok(reports.length > 0 && reports.every(({ kind }) => kind === "reconciliation"));
  const [completed] = await orders.entries("entente.hand-off-completed");
  assert.equal(completed?.data.by, "inquiry");
  const corrections = (await orders.system.treaties.figures()).filter(({ name }) => name === "corrections");
  assert.ok(corrections.length >= 2);
});

test("a result due in fifteen minutes is on time at 14:59 and unknown at 15:01; the late callback still settles it", async () => {
  const second = 1_000;
  // A wall clock that stands still, so that a second is a second on the slowest machine.
  const wall = Date.now();
  const { counterparty, orders } = await scene(
    { times: { ...calm, reconcileEveryMs: 10 * quarter } },
    (c) => {
      c.behave = () => "accept";
      c.asked = () => "drop";
    },
    { wallClock: () => wall },
  );
  const hear = async ({ idempotencyKey }: HandOff) => {
    const { headers, rawBody } = counterparty.callback("acme", idempotencyKey, "DONE");
    await orders.system.treaties.receiveCallback("billing-activation", headers, rawBody, "192.0.2.1");
  };
  await orders.facts(billingReady("ord-1"));
  const [late] = await orders.settled(1, "accepted");
  await orders.system.setClock(wall + 2 * second);
  await orders.facts(billingReady("ord-2"));
  const inTime = (await orders.settled(2, "accepted")).find(({ aggregateId }) => aggregateId === "ord-2");
  assert.ok(late && inTime);

  // 15:01 for the one and 14:59 for the other, which the same look at deadlines has passed over.
  await orders.system.setClock(wall + quarter + second);
  const [unknown] = await orders.settled(1, "unknown");
  assert.equal(unknown?.handOffId, late.handOffId);
  assert.deepEqual(await orders.moves(inTime.handOffId), ["dispatch", "take-in"]);
  await hear(inTime);
  await orders.settled(1, "completed");
  await hear(late);
  await orders.settled(2, "completed");
  assert.deepEqual(await orders.moves(inTime.handOffId), ["dispatch", "take-in", "complete"]);
  assert.deepEqual(await orders.moves(late.handOffId), ["dispatch", "take-in", "overdue", "find-completed"]);
});

test("what is open is asked about after fifteen minutes where the treaty does not say how often", async () => {
  const wall = Date.now();
  const { counterparty, orders } = await scene(
    // As it comes from elsewhere: nobody has put the default in its place.
    { times: { ...calm, resultWithinMs: 4 * quarter, reconcileEveryMs: undefined as never } },
    (c) => {
      c.behave = () => "accept";
    },
    { wallClock: () => wall },
  );
  await orders.facts(billingReady("ord-1"));
  const [accepted] = await orders.settled(1, "accepted");
  assert.equal(accepted?.lookAt, wall + 15 * 60_000);
  counterparty.finish(accepted.idempotencyKey);
  await orders.system.setClock(wall + 15 * 60_000);
  await orders.settled(1, "completed");
  const [completed] = await orders.entries("entente.hand-off-completed");
  assert.equal(completed?.data.by, "inquiry");
});

test("both sides agreeing is a checked mark; their silence leaves it unknown and is asked again, then a person's", async () => {
  const { counterparty, orders, later } = await scene(
    { times: { ...calm, ...hasty, resultWithinMs: 10 * quarter } },
    (c) => {
      c.behave = (key) => (key.includes("ord-1") ? "accept" : "silent");
      c.asked = (key) => (key.includes("ord-1") ? "truth" : "busy");
    },
  );
  await orders.facts(billingReady("ord-1"), billingReady("ord-2"));
  await orders.settled(1, "accepted");
  await orders.settled(1, "unknown");
  await orders.happenings.until("asked in vain", async () =>
    (await results(orders)).includes("external-unknown"),
  );
  await later(quarter + 1_000);
  await orders.happenings.until("a match", async () => (await results(orders)).includes("matched"));
  await orders.happenings.until(
    "asked again",
    async () => (await results(orders)).filter((one) => one === "external-unknown").length >= 2,
  );
  assert.deepEqual(await orders.entries("entente.correct-hand-off"), []);
  await later(4 * quarter);
  const [over] = await orders.settled(1, "fallout");
  assert.equal(over?.doubt, true);
  assert.equal((await caseOf(orders, "unknown")).owner, "billing-desk");
  assert.equal(posts(counterparty), 2);
});

test("two instances never ask about or correct one hand-off at once, and one that dies in a run is followed by another", async () => {
  const { counterparty, orders, later } = await scene({}, (c) => {
    c.behave = () => "accept";
  });
  const other = await startOrders(bed, [billingTreaty({ counterparty, times: calm })], { name: orders.name });
  await orders.facts(...Array.from({ length: 40 }, (_, n) => billingReady(`ord-${n}`)));
  for (const { idempotencyKey } of await orders.settled(40, "accepted")) counterparty.finish(idempotencyKey);
  orders.happenings.failAt("reconcile:asked", new Error("killed here"));
  await later(quarter + 1_000);
  await other.system.setClock(orders.system.clock.now());
  await orders.settled(40, "completed");
  const corrected = await orders.entries("entente.correct-hand-off");
  assert.equal(corrected.length, 40);
  assert.equal(new Set(corrected.map(({ data }) => data.handOffId)).size, 40);
  assert.equal((await orders.entries("entente.hand-off-completed")).length, 40);
});

test("what is withdrawn before it was sent is never sent; withdrawn while unknown and done all the same, it is a person's to undo", async () => {
  const { counterparty, orders } = await scene({ times: { ...calm, ...hasty } }, (c) => {
    c.behave = () => "silent-done";
    c.asked = () => "drop";
  });
  const cancel = (orderId: string) =>
    fact({ type: "orders.cancelled", source: "orders", key: orderId, data: { orderId, line: "1" } });
  await orders.system.treaties.setStopped("billing-activation", true, person);
  await orders.facts(billingReady("ord-1"), cancel("ord-1"));
  const [never] = await orders.settled(1, "cancelled");
  assert.deepEqual(await orders.moves(never?.handOffId ?? ""), ["withdraw"]);
  await orders.system.treaties.setStopped("billing-activation", false, person);
  await orders.facts(billingReady("ord-2"));
  const [unknown] = await orders.settled(1, "unknown");
  await orders.facts(cancel("ord-2"));
  await orders.happenings.until("it is withdrawn", async () =>
    (await orders.all()).some(({ state, withdrawn }) => state === "unknown" && withdrawn),
  );
  const message = counterparty.callback("acme", unknown?.idempotencyKey ?? "", "DONE");
  await orders.system.treaties.receiveCallback(
    "billing-activation",
    message.headers,
    message.rawBody,
    "192.0.2.1",
  );
  await orders.settled(1, "completed");
  assert.equal((await caseOf(orders, "unwanted-effect")).handOffId, unknown?.handOffId);
  assert.equal(posts(counterparty), 1);
});

test("a refusal that is withdrawn by a compensation leaves no case open, and is never sent anew", async () => {
  const { counterparty, orders } = await scene({}, (c) => {
    c.behave = () => "reject";
  });
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "rejected");
  const open = await caseOf(orders, "rejected");
  await orders.facts(
    fact({ type: "orders.cancelled", source: "orders", key: "ord-1", data: { orderId: "ord-1", line: "1" } }),
  );
  await orders.happenings.until("its case is closed", async () => {
    const cases = await orders.system.treaties.cases("orders", "acme", 10);
    return cases.every(({ caseId }) => caseId !== open.caseId);
  });
  assert.equal((await orders.one()).state, "rejected");
  assert.equal(posts(counterparty), 1);
});

test("an unwanted effect is undone by the treaty's own counter-act where it has one", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  counterparty.behave = (key) => (key.includes(":release:") ? "done" : "accept");
  const release = billingTreaty({
    counterparty,
    name: "billing-release",
    purpose: "release",
    facts: ["orders.never"],
  });
  const activate = billingTreaty({
    counterparty,
    over: {
      undoes: ({ aggregateType, aggregateId, line }, request) => ({
        treaty: "billing-release",
        aggregateType,
        aggregateId,
        line,
        data: request,
      }),
    },
  });
  const orders = await startOrders(bed, [activate, release]);
  await orders.facts(billingReady("ord-1"));
  const [accepted] = await orders.settled(1, "accepted");
  await orders.facts(
    fact({ type: "orders.cancelled", source: "orders", key: "ord-1", data: { orderId: "ord-1", line: "1" } }),
  );
  await orders.happenings.until("it is withdrawn", async () => (await orders.one()).withdrawn);
  const message = counterparty.callback("acme", accepted?.idempotencyKey ?? "", "DONE");
  await orders.system.treaties.receiveCallback(
    "billing-activation",
    message.headers,
    message.rawBody,
    "192.0.2.1",
  );
  const done = await orders.settled(2, "completed");
  assert.deepEqual(done.map(({ purpose }) => purpose).sort(), ["activate", "release"]);
  assert.equal(counterparty.effects.get("acme:order:ord-1:=1:billing:release:1"), 1);
});

test("a case is claimed, offers its safe acts only, and ends by evidence or a reason; each act says who and why", async () => {
  const { orders } = await scene({ times: { ...calm, ...hasty, personAfterMs: 500 } }, (c) => {
    c.behave = (key) => (key.includes("ord-1") ? "silent-done" : "reject");
    c.asked = () => "drop";
  });
  const { treaties } = orders.system;
  await orders.facts(billingReady("ord-1"), billingReady("ord-2"));
  await orders.settled(1, "fallout");
  const unknown = await caseOf(orders, "unknown");
  const decide = (open: FalloutCase, act: FalloutCase["acts"][number], why = person.why) =>
    treaties.decideCase("orders", { ...person, why, caseId: open.caseId, act });
  await treaties.claimCase("orders", { ...person, caseId: unknown.caseId });
  await assert.rejects(decide(unknown, "resume-treaty"), (error) => isFailure(error, "act-not-safe"));
  await assert.rejects(decide(unknown, "give-up", " "), (error) => isFailure(error, "reason-missing"));
  // In doubt the desk refuses to give it up or to send it anew, whoever asks.
  await decide(unknown, "give-up");
  await decide(unknown, "try-anew");
  await decide(unknown, "prove-completed");
  const [done] = await orders.settled(1, "completed");
  assert.deepEqual([done?.aggregateId, done?.attempt], ["ord-1", 1]);
  assert.deepEqual((await orders.moves(done?.handOffId ?? "")).slice(-2), [
    "hand-to-person",
    "prove-completed",
  ]);
  const rejected = await caseOf(orders, "rejected");
  await treaties.closeCase("orders", { ...person, caseId: rejected.caseId });
  assert.deepEqual(await treaties.cases("orders", "acme", 10), []);
  await assert.rejects(treaties.closeCase("orders", { ...person, caseId: rejected.caseId }), (error) =>
    isFailure(error, "case-not-open"),
  );
  const acts = await databaseOf(orders.system, "orders").execute<{ type: string; by: string; why: string }>(
    `select type, data->>'by' as by, data->>'why' as why from entente.journal where kind = 'control' and type like 'entente.case-%' order by xid, seq`,
  );
  assert.deepEqual(
    acts.map(({ type }) => type.slice(13)),
    ["claimed", "decided", "decided", "decided", "closed"],
  );
  assert.ok(acts.every(({ by, why }) => by === "ann" && why === person.why));
});

test("a person may have them asked again: once, and what they say settles it or clears the doubt", async () => {
  const { counterparty, orders } = await scene({ times: { ...calm, ...hasty, personAfterMs: 500 } }, (c) => {
    c.behave = (key) => (key.includes("ord-1") ? "silent-done" : "silent");
    c.asked = () => "drop";
  });
  await orders.facts(billingReady("ord-1"), billingReady("ord-2"));
  const stuck = await orders.settled(2, "fallout");
  counterparty.asked = () => "truth";
  for (const open of await orders.system.treaties.cases("orders", "acme", 10)) {
    await orders.system.treaties.decideCase("orders", { ...person, caseId: open.caseId, act: "ask-again" });
  }
  const [done] = await orders.settled(1, "completed");
  assert.equal(done?.aggregateId, "ord-1");
  await orders.happenings.until("the doubt is gone", async () =>
    (await orders.all()).some(({ state, doubt, lookAt }) => state === "fallout" && !doubt && lookAt === null),
  );
  const other = stuck.find(({ aggregateId }) => aggregateId === "ord-2");
  const [open] = await orders.system.treaties.cases("orders", "acme", 10);
  assert.equal(open?.handOffId, other?.handOffId);
  await orders.system.treaties.decideCase("orders", {
    ...person,
    caseId: open?.caseId ?? "",
    act: "give-up",
  });
  const [over] = await orders.settled(1, "cancelled");
  assert.equal(over?.handOffId, other?.handOffId);
  assert.deepEqual(await orders.system.treaties.cases("orders", "acme", 10), []);
  assert.equal(posts(counterparty), 2);
});

test("a person's new attempt after a rejection has a new key and is one effect", async () => {
  const { counterparty, orders } = await scene({}, (c) => {
    c.behave = (key) => (key.endsWith(":1") ? "reject" : "done");
  });
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "rejected");
  const open = await caseOf(orders, "rejected");
  await orders.system.treaties.decideCase("orders", { ...person, caseId: open.caseId, act: "try-anew" });
  const [done] = await orders.settled(1, "completed");
  assert.deepEqual([done?.attempt, done?.tries], [2, 1]);
  assert.deepEqual([...counterparty.effects], [["acme:order:ord-1:=1:billing:activate:2", 1]]);
  assert.deepEqual(await orders.moves(done?.handOffId ?? ""), [
    "dispatch",
    "refuse",
    "escalate",
    "try-anew",
    "take-in",
    "complete",
  ]);
});

test("a recovery needs a second person and is bounded; what it sends anew is one effect each", async () => {
  const { counterparty, orders } = await scene(
    { limits: { triesAllowed: 1, circuitFailures: 1_000 } },
    (c) => {
      c.behave = () => "busy";
    },
  );
  const { treaties } = orders.system;
  await orders.facts(...Array.from({ length: 5 }, (_, n) => billingReady(`ord-${n}`)));
  const handOffIds = (await orders.settled(5, "fallout")).map(({ handOffId }) => handOffId);
  counterparty.behave = () => "done";
  const ask = { treaty: "billing-activation", tenantId: "acme", by: "ann", why: "they are back" };
  const many = Array.from({ length: 201 }, () => crypto.randomUUID());
  await assert.rejects(treaties.askRecovery({ ...ask, handOffIds: many }), (error) =>
    isFailure(error, "recovery-too-large"),
  );
  await assert.rejects(treaties.askRecovery({ ...ask, tenantId: "globex", handOffIds }), (error) =>
    isFailure(error, "hand-off-not-in-fallout"),
  );
  const { requestId } = await treaties.askRecovery({ ...ask, handOffIds });
  const approve = (by: string, tenantId = "acme") =>
    treaties.approveRecovery("orders", { tenantId, requestId, by, why: "seen in their status page" });
  await assert.rejects(approve("ann"), (error) => isFailure(error, "second-person-needed"));
  await assert.rejects(approve("bob", "globex"), (error) => isFailure(error, "recovery-not-open"));
  assert.equal(await approve("bob"), 5);
  await assert.rejects(approve("bob"), (error) => isFailure(error, "recovery-not-open"));
  const done = await orders.settled(5, "completed");
  assert.ok(done.every(({ attempt }) => attempt === 2));
  assert.deepEqual([...counterparty.effects.values()], [1, 1, 1, 1, 1]);
  const [approved] = await orders.entries("entente.recovery-approved");
  assert.deepEqual([approved?.data.askedBy, approved?.data.by], ["ann", "bob"]);
});
