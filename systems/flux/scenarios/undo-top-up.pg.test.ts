/**
 * An operator undoes confirmed top-ups over HTTP, and tells of charges that were paid back another way: with the real simulators of the payment
 * provider and of SAP, and one query that tells all of it. One file because both begin with the same act, on the same systems.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { withFitness } from "@entente/core/internal";
import { openControlClient, simulators } from "@entente/simulators";
import { fluxFitness } from "../app/flux.ts";
import { comes, startChargedFlux } from "./charged-flux.fixture.ts";

const sap = await (await simulators.sap())({ seed: 11 });
const books = openControlClient(sap.url);
const flux = await startChargedFlux({
  sap: sap.url,
  around: (plain) => withFitness(plain, fluxFitness(plain)),
});
after(async () => {
  await flux.stop();
  await sap.stop();
});
const olga = await flux.callerAs({ role: "operator", sub: "olga" });
const why = "the condenser was not plugged in";
let keys = 0;

/** The quota of a commuter is 100 units; what is beyond costs EUR 0.25 each. */
async function topUp(accountId: string, units: number): Promise<string> {
  const { status, body } = await olga.topUp(accountId, `top-up-${keys++}`, units);
  assert.equal(status, 202, JSON.stringify(body));
  await olga.until(String(body.processId), "confirmed");
  return String(body.processId);
}

const order = (processId: string, key = `undo-${keys++}`, body: object = { why }, as = olga) =>
  as.post(`/ops/top-ups/${processId}/undo`, body, { "idempotency-key": key });

/** The adjustment's process. */
async function undo(processId: string): Promise<string> {
  const { status, body, headers } = await order(processId);
  assert.deepEqual([status, body.state], [202, "queued"], JSON.stringify(body));
  assert.equal(headers.get("location"), `/processes/${body.processId}`);
  assert.notEqual(body.processId, processId);
  return String(body.processId);
}

const balance = async (accountId: string) => {
  const { body } = await olga.get(`/accounts/${accountId}/balance`);
  return [body.quotaUnits, body.usedUnits, body.onDemandMinor];
};
const comesToBalance = (accountId: string, used: number, onDemandMinor: number) =>
  comes(`the balance of ${accountId}`, async () => {
    const [, usedUnits, minor] = await balance(accountId);
    return usedUnits === used && minor === onDemandMinor;
  });

interface Timeline {
  readonly processId: string;
  readonly process: { readonly type: string; readonly state: string };
  readonly about: {
    readonly processId: string;
    readonly state: string;
    readonly title: string;
    readonly text: string;
  };
  readonly steps: readonly {
    readonly processId: string;
    readonly type: string;
    readonly actor: object;
    readonly data: Readonly<Record<string, unknown>>;
  }[];
  readonly handOffs: readonly { readonly treaty: string; readonly target: string; readonly state: string }[];
  readonly tookPart: {
    readonly contexts: string[];
    readonly counterparties: string[];
    readonly people: string[];
  };
}

async function timelineOf(id: string): Promise<Timeline> {
  const { status, body } = await olga.get(`/ops/processes/${id}/timeline`);
  assert.equal(status, 200, JSON.stringify(body));
  return body as unknown as Timeline;
}

/** Until every hand-off of it is done; business time goes on meanwhile. */
async function settled(id: string, count: number): Promise<Timeline> {
  let timeline = await timelineOf(id);
  let looks = 0;
  await comes(
    `${count} hand-offs of ${id} are completed`,
    async () => {
      timeline = await timelineOf(id);
      if (++looks % 20 === 0) await moveTime(60_000);
      return timeline.handOffs.filter(({ state }) => state === "completed").length === count;
    },
    () => JSON.stringify(timeline.handOffs),
  );
  return timeline;
}

async function moveTime(ms: number): Promise<void> {
  await books.advance(`PT${ms / 1_000}S`);
  await flux.moveTime(ms);
}

/** What SAP has of a top-up and its undo, by account, in minor units. */
interface Item {
  readonly AssignmentReference: string;
  readonly GLAccount: string;
  readonly AmountInTransactionCurrency: string;
  readonly DocumentItemText: string;
}
async function bookedOf(accountId: string): Promise<Readonly<Record<string, readonly number[]>>> {
  const authorization = `Basic ${Buffer.from("ENTENTE_COMM:entente-dev-1").toString("base64")}`;
  const path = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube";
  const answer = await fetch(`${sap.url}${path}?$format=json&$top=1000`, { headers: { authorization } });
  const { d } = (await answer.json()) as { d: { results: Item[] } };
  const own = d.results.filter(({ AssignmentReference }) => AssignmentReference === accountId);
  const amounts = own.map(
    ({ GLAccount, AmountInTransactionCurrency: amount }) =>
      [GLAccount, Math.round(Number(amount) * 100)] as const,
  );
  return Object.fromEntries(
    [...Map.groupBy(amounts, ([account]) => account)].map(([account, all]) => [
      account,
      all.map(([, minor]) => minor),
    ]),
  );
}

test("from the adjustment's id one query returns who, why, the top-up, before and after, and every system that took part", async () => {
  await flux.open("acct-0101");
  const processId = await topUp("acct-0101", 104);
  await settled(processId, 2);
  const adjustment = await undo(processId);
  const confirmed = await olga.until(adjustment, "confirmed");
  assert.equal(confirmed.type, "undo-top-up");
  const story = await settled(adjustment, 4);

  assert.deepEqual(
    [story.processId, story.process.type, story.process.state],
    [adjustment, "undo-top-up", "confirmed"],
  );
  const ordered = story.steps.find(({ type }) => type === "flux.undo-top-up");
  assert.deepEqual(ordered?.actor, { kind: "operator", name: "olga", why });
  const told = story.steps.find(({ type }) => type === "flux.top-up-undone")?.data;
  assert.deepEqual(
    [told?.by, told?.why, told?.undoneProcessId, told?.before, told?.after],
    [
      "olga",
      why,
      processId,
      { cycle: cycleOf(told?.before), quotaRemaining: 0, usedUnits: 104, onDemandMinor: 100 },
      { cycle: cycleOf(told?.before), quotaRemaining: 100, usedUnits: 0, onDemandMinor: 0 },
    ],
  );
  assert.equal(story.about.processId, processId);
  assert.ok(story.steps.some((step) => step.type === "flux.balance-debited" && step.processId === processId));
  assert.deepEqual(story.tookPart, {
    contexts: ["gateway", "ledger", "subscription"],
    counterparties: ["payments", "sap"],
    people: ["olga"],
  });
  assert.deepEqual(story.handOffs.map(({ treaty, state }) => `${treaty} ${state}`).sort(), [
    "payments-charge completed",
    "payments-refund completed",
    "sap-ledger completed",
    "sap-ledger completed",
  ]);
  // Each system's own record says the same: given back once, and the books come to nothing on every account.
  assert.deepEqual(await flux.refundsOf(processId), [{ amount: 100, status: "succeeded" }]);
  const booked = await bookedOf("acct-0101");
  assert.equal(Object.keys(booked).length, 4, JSON.stringify(booked));
  for (const [account, minors] of Object.entries(booked))
    assert.deepEqual([minors.length, minors.reduce((sum, minor) => sum + minor, 0)], [2, 0], account);
  await comesToBalance("acct-0101", 0, 0);

  // What its customer reads, and the story of the top-up itself.
  await comes("the money is back", async () => (await olga.until(processId, "failed")).title === "Undone");
  const read = await olga.get(`/processes/${processId}`);
  assert.match(
    String(read.body.text),
    /^This top-up was undone, and the EUR 1\.00 charged for it was given back;/,
  );
  assert.ok(!JSON.stringify(read.body).includes("olga"));
  const own = await timelineOf(processId);
  assert.deepEqual([own.processId, own.about, own.tookPart.people], [processId, null, ["olga"]]);
  assert.ok(
    own.steps.some(({ type, processId: partOf }) => type === "flux.undo-top-up" && partOf === adjustment),
  );
});

const cycleOf = (standing: unknown): string => String((standing as { cycle?: unknown } | undefined)?.cycle);

test("the same request again is the same adjustment, also after it was done; another one is refused and recorded nowhere", async () => {
  await flux.open("acct-0102");
  const processId = await topUp("acct-0102", 30);
  const first = await order(processId, "the-key");
  const again = await order(processId, "the-key");
  assert.deepEqual([again.status, again.body], [202, first.body]);
  await olga.until(String(first.body.processId), "confirmed");
  await olga.until(processId, "failed");
  const later = await order(processId, "the-key");
  assert.deepEqual(
    [later.status, later.body, later.headers.get("idempotency-replayed")],
    [202, first.body, "true"],
  );
  const other = await order(processId);
  assert.deepEqual([other.status, other.body.code], [409, "debit-already-undone"]);
  const reworded = await order(processId, "the-key", { why: "something else" });
  assert.deepEqual([reworded.status, reworded.body.code], [422, "idempotency-key-reused"]);
  assert.deepEqual(await balance("acct-0102"), [100, 0, 0]);
});

test("two operators at once: one undoes it, the other's is refused by the account and says so", async () => {
  await flux.open("acct-0103");
  const processId = await topUp("acct-0103", 40);
  await topUp("acct-0103", 10);
  await olga.post("/ops/contexts/subscription/pause", { why: "drill" });
  const both = [await undo(processId), await undo(processId)];
  await olga.post("/ops/contexts/subscription/resume", { why: "over" });
  await olga.until(both[0] as string, "confirmed");
  const lost = await olga.until(both[1] as string, "failed");
  assert.equal((lost.reason as { code: string }).code, "debit-already-undone");
  await comesToBalance("acct-0103", 10, 0);
  const story = await timelineOf(both[1] as string);
  assert.deepEqual([story.about.processId, story.tookPart.people], [processId, ["olga"]]);
});

test("SAP away meanwhile: it is confirmed at once and posted when SAP is back, once, behind its top-up", async () => {
  await flux.open("acct-0104");
  await books.outage("refuse");
  const processId = await topUp("acct-0104", 25);
  const adjustment = await undo(processId);
  await olga.until(adjustment, "confirmed");
  await comes("its posting was tried", async () =>
    (await timelineOf(adjustment)).handOffs.some(
      ({ target, state }) => target === "sap" && state !== "created",
    ),
  );
  assert.deepEqual((await timelineOf(adjustment)).process.state, "confirmed");
  await books.outage("none");
  await settledInBooks("acct-0104");
  assert.deepEqual(await bookedOf("acct-0104"), { "0023200000": [475, -475], "0041000000": [-475, 475] });
});

/** Until the books have two entries of the account: a top-up and its undo may share a hand-off. */
async function settledInBooks(accountId: string): Promise<void> {
  let looks = 0;
  await comes(`the books have the undo of ${accountId}`, async () => {
    if (++looks % 20 === 0) await moveTime(60_000);
    const amounts = Object.values(await bookedOf(accountId));
    return amounts.length > 0 && amounts.every((minors) => minors.length >= 2);
  });
}

test("the sums of both sides are equal when the day is over", async () => {
  const dayMs = 86_400_000;
  const now = flux.system.clock.now();
  const day = new Date(now).toISOString().slice(0, 10);
  await moveTime((Math.floor(now / dayMs) + 1) * dayMs + 3_601_000 - now);
  const ledger = flux.system.contexts.get("ledger")?.database;
  let report: { readonly equal?: boolean; readonly counted?: number } = {};
  await comes("the day is compared", async () => {
    const runs = await ledger?.execute<{ totals: { day: string; equal: boolean; counted: number } | null }>(
      "select data->'totals' as totals from entente.journal where type = 'entente.reconciliation-run' order by xid, seq",
    );
    report = runs?.map(({ totals }) => totals).findLast((totals) => totals?.day === day) ?? {};
    return report.equal !== undefined;
  });
  assert.deepEqual([report.equal, (report.counted ?? 0) >= 6], [true, true], JSON.stringify(report));
});

const transfer = { reference: "SEPA-2026-4711", why: "their card is gone; ticket 4712" };
const payBack = (processId: string, key = `pay-back-${keys++}`, body: object = transfer, as = olga) =>
  as.post(`/ops/top-ups/${processId}/paid-back`, body, { "idempotency-key": key });
const openCases = () => flux.system.treaties.cases("subscription", "demo", 100);
const reasonOf = async (processId: string): Promise<string | undefined> => {
  const { body } = await olga.get(`/processes/${processId}`);
  return (body.reason as { code?: string } | undefined)?.code;
};
const reads = (processId: string, code: string) =>
  comes(`${processId} reads ${code}`, async () => (await reasonOf(processId)) === code);

/** A top-up that was charged and undone, and whose refund the provider refuses. */
async function refusedRefund(accountId: string): Promise<string> {
  await flux.open(accountId);
  const processId = await topUp(accountId, 104);
  const rule = { behaviour: "rejection", reason: "charge_disputed", times: 1 } as const;
  await flux.provider.rule({ ...rule, when: { operation: "create-refund" } });
  await undo(processId);
  await flux.refund(processId, "rejected");
  await reads(processId, "charge-to-refund");
  return processId;
}

describe("a refund that was paid past the provider", () => {
  test("is told by an operator: the customer reads that the money is back, and nobody can have the refund sent anew", async () => {
    const processId = await refusedRefund("acct-0107");
    const { handOffId } = await flux.refund(processId, "rejected");
    const open = (await openCases()).find((one) => one.handOffId === handOffId);
    assert.equal(open?.kind, "rejected");

    const { status, body } = await payBack(processId, "told-once");
    assert.deepEqual([status, body.state], [202, "queued"], JSON.stringify(body));
    const told = await olga.until(String(body.processId), "confirmed");
    assert.equal(told.text, "The EUR 1.00 charged for the top-up was paid back another way.");
    await reads(processId, "paid-back");
    const { body: read } = await olga.get(`/processes/${processId}`);
    assert.match(
      String(read.text),
      /^This top-up was undone, and the EUR 1\.00 charged for it was paid back to you/,
    );
    const steps = read.steps as readonly { name: string; state: string }[];
    assert.deepEqual([steps.at(-1)?.name, steps.at(-1)?.state], ["refunded", "done"]);
    for (const shown of [told, read]) assert.doesNotMatch(JSON.stringify(shown), /olga|SEPA|ticket|pi_/);

    await comes("its case is closed", async () =>
      (await openCases()).every(({ caseId }) => caseId !== open?.caseId),
    );
    const again = { tenantId: "demo", caseId: open?.caseId ?? "", by: "olga", why: "once more" };
    await assert.rejects(flux.system.treaties.decideCase("subscription", { ...again, act: "try-anew" }), {
      code: "case-not-open",
    });
    await assert.rejects(
      flux.system.treaties.askRecovery({
        ...{ treaty: "payments-refund", tenantId: "demo", by: "olga", why: "once more" },
        handOffIds: [handOffId],
      }),
      { code: "hand-off-not-in-fallout" },
    );
    assert.deepEqual(await flux.refundsOf(processId), []);

    const story = await timelineOf(String(body.processId));
    const ordered = story.steps.find(({ type }) => type === "flux.record-pay-back");
    assert.deepEqual(ordered?.actor, { kind: "operator", name: "olga", why: transfer.why });
    const recorded = story.steps.find(({ type }) => type === "flux.pay-back-recorded")?.data;
    assert.deepEqual(
      [recorded?.topUpProcessId, recorded?.amountMinor, recorded?.reference, recorded?.refund],
      [processId, 100, transfer.reference, "not-made"],
    );
    assert.equal(story.about.processId, processId);
    assert.ok(story.steps.some(({ type }) => type === "flux.balance-debited"));
    const own = await timelineOf(processId);
    assert.ok(
      own.steps.some(({ type, processId: of }) => type === "flux.record-pay-back" && of !== processId),
    );

    // The same request again is the same; another one is refused and recorded nowhere.
    const repeated = await payBack(processId, "told-once");
    assert.deepEqual([repeated.status, repeated.body], [202, body]);
    const other = await payBack(processId);
    assert.deepEqual([other.status, other.body.code], [409, "charge-already-given-back"]);
  });

  test("is refused for what is not owed, and while the provider may still give it back", async () => {
    const codeOf = async (...given: Parameters<typeof payBack>) =>
      (({ status, body }) => [status, body.code])(await payBack(...given));
    assert.deepEqual(await codeOf("0199f0e2-7a3b-7c4d-8e5f-0123456789ab"), [404, "process-unknown"]);
    await flux.open("acct-0109");
    const confirmed = await topUp("acct-0109", 60);
    assert.deepEqual(await codeOf(confirmed), [409, "top-up-not-undone"]);
    await olga.until(await undo(confirmed), "confirmed");
    await olga.until(confirmed, "failed");
    assert.deepEqual(await codeOf(confirmed), [409, "top-up-not-charged"]);

    const owed = await topUp("acct-0109", 104);
    await flux.provider.rule({
      behaviour: "timeout",
      effect: true,
      times: 1,
      when: { operation: "create-refund" },
    });
    await undo(owed);
    await flux.refund(owed, "unknown");
    assert.deepEqual(await codeOf(owed), [409, "refund-unsettled"]);
    await moveTime(2 * 60_000 + 1_000);
    await flux.refund(owed, "completed");
    await reads(owed, "refunded");
    assert.deepEqual(await codeOf(owed), [409, "charge-already-given-back"]);

    const rival = await flux.callerAs({ role: "operator", tenant: "rival" });
    assert.deepEqual(await codeOf(owed, undefined, transfer, rival), [404, "process-unknown"]);
    for (const claims of [{ role: "customer", accounts: ["acct-0109"] }, { role: "auditor" }] as const) {
      const other = await flux.callerAs(claims);
      assert.deepEqual(await codeOf(owed, undefined, transfer, other), [403, "role-not-allowed"]);
    }
    const { why: reason, reference } = transfer;
    for (const wrong of [
      { why: reason },
      { reference },
      { reference: " ", why: reason },
      { reference: "x".repeat(256), why: reason },
      { ...transfer, amountMinor: 1 },
    ])
      assert.deepEqual(await codeOf(owed, undefined, wrong), [422, "body-invalid"]);
    const keyless = await olga.post(`/ops/top-ups/${owed}/paid-back`, transfer);
    assert.deepEqual([keyless.status, keyless.body.code], [400, "idempotency-key-missing"]);
  });

  test("and made over there all the same is a person's: the customer reads on that it is back, and the case says that it went twice", async () => {
    await flux.hearOfRefunds();
    const processId = await refusedRefund("acct-0108");
    const { idempotencyKey, handOffId } = await flux.refund(processId, "rejected");
    const { body } = await payBack(processId);
    await olga.until(String(body.processId), "confirmed");
    await reads(processId, "paid-back");
    await comes("it is withdrawn", async () => (await flux.refund(processId, "rejected")).withdrawn);

    // Their dispute is over, and they make the refund that they had refused.
    const { externalReference } = await flux.handOff(processId, "completed");
    const made = await fetch(`${flux.provider.url}/v1/refunds`, {
      method: "POST",
      headers: { authorization: "Bearer sk_test_entente" },
      body: new URLSearchParams({
        payment_intent: externalReference ?? "",
        "metadata[entente_key]": idempotencyKey,
        "metadata[tenant]": "demo",
      }),
    });
    assert.equal(made.status, 200);
    const caseOf = async (kind: string) =>
      (await openCases()).find((one) => one.handOffId === handOffId && one.kind === kind);
    await comes("a person has the contradiction", async () => (await caseOf("contradiction")) !== undefined);
    const { caseId = "" } = (await caseOf("contradiction")) ?? {};
    const ask = { tenantId: "demo", caseId, by: "olga", why: "their dashboard shows it" };
    await flux.system.treaties.decideCase("subscription", { ...ask, act: "ask-again" });
    await flux.refund(processId, "completed");
    await comes("a person has what to undo", async () => (await caseOf("unwanted-effect")) !== undefined);
    await comes("the fact is recorded", async () =>
      (await timelineOf(processId)).steps.some(({ type }) => type === "flux.top-up-refunded"),
    );
    assert.equal(await reasonOf(processId), "paid-back");
  });
});

describe("is refused", () => {
  test("to customers, auditors and operators of other tenants, and without a reason or a key", async () => {
    await flux.open("acct-0105");
    const processId = await topUp("acct-0105", 5);
    const as = async (claims: Parameters<typeof flux.callerAs>[0]) =>
      (({ status, body }) => [status, body.code])(
        await order(processId, undefined, { why }, await flux.callerAs(claims)),
      );
    assert.deepEqual(await as({ role: "customer", accounts: ["acct-0105"] }), [403, "role-not-allowed"]);
    assert.deepEqual(await as({ role: "auditor" }), [403, "role-not-allowed"]);
    assert.deepEqual(await as({ role: "operator", tenant: "rival" }), [404, "process-unknown"]);
    for (const body of [{}, { why: "  " }, { why: "x".repeat(501) }, { why, units: 1 }]) {
      const { status, body: problem } = await order(processId, undefined, body);
      assert.deepEqual([status, problem.code], [422, "body-invalid"], JSON.stringify(body).slice(0, 40));
    }
    const keyless = await olga.post(`/ops/top-ups/${processId}/undo`, { why });
    assert.deepEqual([keyless.status, keyless.body.code], [400, "idempotency-key-missing"]);
    assert.deepEqual((await olga.get(`/processes/${processId}`)).body.state, "confirmed");
  });

  test("for what is no top-up of theirs, and for one that is not confirmed", async () => {
    await flux.open("acct-0106");
    const codeOf = async (id: string) => (({ status, body }) => [status, body.code])(await order(id));
    assert.deepEqual(await codeOf("0199f0e2-7a3b-7c4d-8e5f-0123456789ab"), [404, "process-unknown"]);
    assert.deepEqual(await codeOf("nonsense"), [404, "process-unknown"]);
    const adjustment = await undo(await topUp("acct-0106", 1));
    assert.deepEqual(await codeOf(adjustment), [404, "process-unknown"]);
    const { body: none } = await olga.topUp("acct-0106", `top-up-${keys++}`, 5, "car-9999");
    await olga.until(String(none.processId), "failed");
    assert.deepEqual(await codeOf(String(none.processId)), [409, "top-up-not-confirmed"]);
    // Debited, and its charge hangs: whatever comes of that comes first.
    await flux.provider.outage("hang");
    const { body } = await olga.topUp("acct-0106", `top-up-${keys++}`, 104);
    await olga.until(String(body.processId), "processing");
    assert.deepEqual(await codeOf(String(body.processId)), [409, "top-up-not-confirmed"]);
    await flux.provider.outage("none");
  });
});
