/** On-demand charges over HTTP, with the real simulator of the payment provider. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, test } from "node:test";
import { withFitness } from "@entente/core/internal";
import { fluxFitness } from "../app/flux.ts";
import { comes, post, startChargedFlux, type Webhook } from "./charged-flux.fixture.ts";
import { assertEnvelopes } from "./envelopes.fixture.ts";

const flux = await startChargedFlux({ around: (plain) => withFitness(plain, fluxFitness(plain)) });
after(() => flux.stop());
const { customer, provider } = flux;

const sentence = (body: Record<string, unknown>) =>
  body as { reason?: { code: string; message: string }; text?: string };
const stepsOf = (body: Record<string, unknown>) =>
  (body.steps as readonly { name: string; state: string }[]).map(({ name, state }) => `${name} ${state}`);

let keys = 0;
/** The quota of a commuter is 100 units; what is beyond costs EUR 0.25 each. */
async function topUp(accountId: string, units: number): Promise<string> {
  const { status, body } = await customer.topUp(accountId, `top-up-${keys++}`, units);
  assert.equal(status, 202);
  return String(body.processId);
}

const balance = async (accountId: string) => {
  const { body } = await customer.get(`/accounts/${accountId}/balance`);
  const { quotaUnits, usedUnits, onDemandMinor } = body;
  return { quotaUnits, usedUnits, onDemandMinor };
};

test("a top-up paid by quota alone asks the payment provider for nothing, also while the provider hangs", async () => {
  await flux.open("acct-0001");
  await provider.outage("hang");
  const processId = await topUp("acct-0001", 40);
  const { body } = await customer.get(`/processes/${processId}`);
  assert.ok(["queued", "confirmed"].includes(String(body.state)));
  const confirmed = await customer.until(processId, "confirmed");
  assert.deepEqual(stepsOf(confirmed), ["accepted done", "balance-debited done"]);
  await provider.outage("none");
  assert.deepEqual(await provider.calls({ operation: "create-payment-intent" }), []);
});

test("a declined charge ends as failed with the reason in plain words, and the quota is back", async () => {
  await flux.open("acct-0002");
  await customer.until(await topUp("acct-0002", 30), "confirmed");
  const rule = { behaviour: "rejection", reason: "insufficient_funds", times: 1 } as const;
  await provider.rule({ ...rule, when: { operation: "create-payment-intent" } });
  const processId = await topUp("acct-0002", 90);
  const failed = await customer.until(processId, "failed");
  assert.deepEqual(stepsOf(failed), ["accepted done", "balance-debited undone", "charged failed"]);
  const { reason, text } = sentence(failed);
  assert.equal(reason?.code, "insufficient-funds");
  assert.match(text ?? "", /^Your card has too little money.*Nothing was charged, and the units.*are back\./);
  assert.ok(!/stripe|payment_intent|insufficient_funds|hand-off/i.test(JSON.stringify(failed)));
  await comes("the balance is as before", async () => {
    const { usedUnits, onDemandMinor } = await balance("acct-0002");
    return usedUnits === 30 && onDemandMinor === 0;
  });
  assert.equal(await flux.chargesOf(processId), 0);
  await comes("no case is left for a person", async () => {
    return (await flux.system.treaties.cases("subscription", "demo", 10)).length === 0;
  });
  // The account goes on: the same again is charged now.
  const again = await topUp("acct-0002", 90);
  const confirmed = await customer.until(again, "confirmed");
  assert.deepEqual(stepsOf(confirmed), ["accepted done", "balance-debited done", "charged done"]);
  assert.equal(await flux.chargesOf(again), 1);
  assert.deepEqual(await balance("acct-0002"), { quotaUnits: 100, usedUnits: 120, onDemandMinor: 500 });
});

test("an account with nothing to pay with is declined without asking anybody", async () => {
  await flux.open("acct-0997");
  const processId = await topUp("acct-0997", 110);
  const failed = await customer.until(processId, "failed");
  assert.equal(sentence(failed).reason?.code, "payment-method-missing");
  const { idempotencyKey } = await flux.handOff(processId, "rejected");
  assert.deepEqual(await provider.calls({ key: idempotencyKey }), []);
});

test("charged, and we were told that it timed out: it shows as open, then confirmed, and was charged once", async () => {
  await flux.open("acct-0003");
  await provider.rule({
    behaviour: "timeout",
    effect: true,
    times: 1,
    when: { operation: "create-payment-intent" },
  });
  const processId = await topUp("acct-0003", 104);
  await flux.handOff(processId, "unknown");
  const open = await customer.until(processId, "processing");
  assert.equal(open.reason, undefined);
  assert.deepEqual(stepsOf(open), ["accepted done", "balance-debited done", "charged open"]);
  assert.match(String(open.text), /The balance is debited; the charge of EUR 1\.00 is still open\./);
  await flux.moveTime(2 * 60_000 + 1_000);
  const confirmed = await customer.until(processId, "confirmed");
  assert.deepEqual(stepsOf(confirmed), ["accepted done", "balance-debited done", "charged done"]);
  assert.equal(await flux.chargesOf(processId), 1);
  assert.equal((await flux.handOff(processId, "completed")).tries, 1);
});

test("the provider away: a top-up is done in part and says that it is late; the provider back: it is charged once and confirmed", async () => {
  await flux.open("acct-0004");
  await flux.away();
  const processId = await topUp("acct-0004", 104);
  await flux.handOff(processId, "retry_wait");
  await customer.until(processId, "processing");
  await flux.moveTime(16_000);
  const { body: late } = await customer.get(`/processes/${processId}`);
  assert.deepEqual([late.state, late.delayed, late.title], ["processing", true, "Delayed"]);
  assert.deepEqual(stepsOf(late), ["accepted done", "balance-debited done", "charged open"]);
  assert.match(String(late.text), /not lost.*no need to send it again.*EUR 1\.00 is still open/);
  await flux.back();
  await flux.moveTime(15 * 60_000);
  const confirmed = await customer.until(processId, "confirmed");
  assert.equal(confirmed.delayed, undefined);
  assert.equal(await flux.chargesOf(processId), 1);
});

test("a top-up undone after it was charged: one refund, although the provider made it and we were told that it timed out", async () => {
  await flux.open("acct-0006");
  const processId = await topUp("acct-0006", 104);
  await customer.until(processId, "confirmed");
  const lost = { behaviour: "timeout", effect: true, times: 1 } as const;
  await provider.rule({ ...lost, when: { operation: "create-refund" } });
  await flux.undo(processId);
  const owed = await customer.until(processId, "failed");
  assert.equal(sentence(owed).reason?.code, "charge-to-refund");
  assert.match(sentence(owed).text ?? "", /undone, but a charge was made.*We give it back\./);
  assert.deepEqual(stepsOf(owed), [
    "accepted done",
    "balance-debited undone",
    "charged done",
    "refunded open",
  ]);
  await flux.refund(processId, "unknown");
  await flux.moveTime(2 * 60_000 + 1_000);
  const { tries } = await flux.refund(processId, "completed");
  assert.equal(tries, 1);
  await refunded(processId);
  assert.deepEqual(await balance("acct-0006"), { quotaUnits: 100, usedUnits: 0, onDemandMinor: 0 });
});

test("a charge that turns out made after its top-up was undone is given back once, whatever is said again", async () => {
  await flux.open("acct-0007");
  const lost = { behaviour: "timeout", effect: true, times: 1 } as const;
  await provider.rule({ ...lost, when: { operation: "create-payment-intent" } });
  const processId = await topUp("acct-0007", 104);
  await flux.handOff(processId, "unknown");
  await flux.undo(processId);
  const undone = await customer.until(processId, "failed");
  assert.equal(sentence(undone).reason?.code, "compensated");
  assert.deepEqual(await flux.system.treaties.cases("subscription", "demo", 10), []);
  await flux.moveTime(2 * 60_000 + 1_000);
  await flux.refund(processId, "completed");
  await refunded(processId);
  // The undo once more, and time for every look that is due: nothing is given back twice.
  await flux.undo(processId);
  await flux.moveTime(15 * 60_000);
  await refunded(processId);
});

test("a refund that the bank sends back is owed again: the customer reads it, and a person has the case", async () => {
  await flux.hearOfRefunds();
  await flux.open("acct-0995");
  const processId = await topUp("acct-0995", 104);
  await customer.until(processId, "confirmed");
  await flux.undo(processId);
  await flux.refund(processId, "completed");
  await comes("the customer reads that the money is back", async () => {
    const { body } = await customer.get(`/processes/${processId}`);
    return sentence(body).reason?.code === "refunded";
  });
  await flux.moveTime(15 * 60_000 + 1_000);
  await comes("the customer reads that it is owed again", async () => {
    const { body } = await customer.get(`/processes/${processId}`);
    return sentence(body).reason?.code === "charge-to-refund";
  });
  const { body } = await customer.get(`/processes/${processId}`);
  assert.deepEqual(stepsOf(body).slice(1), ["balance-debited undone", "charged done", "refunded open"]);
  assert.deepEqual(await flux.refundsOf(processId), [{ amount: 100, status: "failed" }]);
  const [open, ...more] = await flux.system.treaties.cases("subscription", "demo", 10);
  assert.deepEqual([open?.kind, open?.treaty, more], ["contradiction", "payments-refund", []]);
  // Nothing is given back a second time by itself, however long it is owed.
  await flux.moveTime(15 * 60_000);
  assert.equal((await flux.refundsOf(processId)).length, 1);
  const { caseId = "" } = open ?? {};
  const why = "paid by transfer";
  const transfer = { reference: "SEPA-1", why };
  const told = await customer.post(`/ops/top-ups/${processId}/paid-back`, transfer, {
    "idempotency-key": "paid-back-1",
  });
  await customer.until(String(told.body.processId), "confirmed");
  await comes("the customer reads that it was paid another way", async () => {
    const { body: now } = await customer.get(`/processes/${processId}`);
    return sentence(now).reason?.code === "paid-back";
  });
  await flux.system.treaties.closeCase("subscription", { tenantId: "demo", caseId, by: "olga", why });
  // The provider's refund is over, and nobody is asked to undo it.
  assert.deepEqual(await flux.system.treaties.cases("subscription", "demo", 10), []);
});

/** The customer reads it, and the provider's own record says the same: charged once, given back once, nothing left for a person. */
async function refunded(processId: string): Promise<void> {
  await comes("the customer reads that the money is back", async () => {
    const { body } = await customer.get(`/processes/${processId}`);
    return sentence(body).reason?.code === "refunded";
  });
  const { body } = await customer.get(`/processes/${processId}`);
  assert.match(sentence(body).text ?? "", /undone, and the EUR 1\.00 charged for it was given back;/);
  assert.deepEqual(stepsOf(body).slice(1), ["balance-debited undone", "charged done", "refunded done"]);
  assert.equal(await flux.chargesOf(processId), 1);
  assert.deepEqual(await flux.refundsOf(processId), [{ amount: 100, status: "succeeded" }]);
  assert.deepEqual(await flux.system.treaties.cases("subscription", "demo", 10), []);
}

test("hostile and strange messages change nothing and are recorded; the genuine one confirms", async () => {
  await flux.open("acct-0005");
  await flux.open("acct-0996");
  const endpoint = await flux.listen();
  // A charge that is done, and one that a bank takes a while for: what hostile messages would like to settle.
  const done = await topUp("acct-0005", 104);
  await customer.until(done, "confirmed");
  const open = await topUp("acct-0996", 104);
  const handOff = await flux.handOff(open, "accepted");
  await customer.until(open, "processing");
  const ofDone = await flux.handOff(done, "completed");
  await comes("both have had their first webhook", async () => {
    const judged = await flux.system.treaties.callbacks("subscription", "demo", 100);
    return [handOff, ofDone].every(({ idempotencyKey }) =>
      judged.some(({ reference, status }) => reference === idempotencyKey && status !== "received"),
    );
  });
  const genuine = flux.webhooks.find(({ body }) => body.includes(done)) as Webhook;
  const target = `${flux.url}/callbacks/payments-charge`;
  const seen = async () => ({
    done: (await customer.get(`/processes/${done}`)).body,
    open: (await customer.get(`/processes/${open}`)).body,
    charge: await flux.system.treaties.handOff("subscription", {
      tenantId: "demo",
      handOffId: handOff.handOffId,
    }),
    effects: await provider.effects(),
  });
  const before = await seen();

  const succeeded = (tenant: string, id: string) =>
    JSON.stringify({
      id,
      type: "payment_intent.succeeded",
      data: {
        object: {
          id: handOff.externalReference,
          object: "payment_intent",
          amount: 100,
          currency: "eur",
          status: "succeeded",
          metadata: { entente_key: handOff.idempotencyKey, tenant },
        },
      },
    });
  const signed = (body: string, secret: string): Webhook => {
    const seconds = Math.floor((flux.system.clock.now() - flux.system.clock.offsetMs()) / 1_000);
    const hex = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
    return { headers: { "stripe-signature": `t=${seconds},v1=${hex}` }, body };
  };
  const refused = async (webhook: Webhook, problem: string) => {
    const { status, body } = await post(target, webhook);
    assert.equal(body.code, problem);
    assert.ok(status >= 400 && status < 500);
  };
  await refused({ headers: {}, body: succeeded("demo", "evt_unsigned") }, "callback-signature-missing");
  await refused(signed(succeeded("demo", "evt_forged"), "whsec_guess"), "callback-signature-wrong");
  // The signing secret of another treaty, and of another endpoint of the same provider.
  await refused(
    signed(succeeded("demo", "evt_other"), "whsec_of_another_treaty"),
    "callback-signature-wrong",
  );
  const altered = genuine.body.replaceAll(done, open);
  assert.notEqual(altered, genuine.body);
  await refused({ ...genuine, body: altered }, "callback-signature-wrong");
  for (const variant of ["wrong-secret", "old-timestamp", "tampered-body", "unsigned"]) {
    const answer = await fetch(`${provider.url}/_control/payments/forged-webhooks`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ endpoint, variant, object: JSON.parse(succeeded("demo", "x")).data.object }),
    });
    assert.ok(((await answer.json()) as { status: number }).status >= 400, variant);
  }
  const replayed = await post(target, genuine);
  assert.deepEqual([replayed.status, replayed.body.outcome], [200, "repeated"]);
  const rivals = await post(target, signed(succeeded("rival", "evt_rival"), flux.webhookSecret()));
  assert.equal(
    rivals.status,
    202,
    "signed by the provider, in the name of another tenant: taken, and judged after",
  );
  await comes("it is refused for what it says of another tenant's charge", async () => {
    const [record] = await flux.system.treaties.callbacks("subscription", "rival", 10);
    return record?.status === "refused" && record.errorCode === "tenant-mismatch";
  });
  assert.deepEqual(await seen(), before);
  const database = flux.system.contexts.get("subscription")?.database;
  const counted = await database?.execute<{ code: string; total: number }>(
    "select code, sum(total)::int as total from entente.callback_refusal group by code order by code",
  );
  assert.deepEqual(counted, [
    { code: "callback-signature-missing", total: 2 },
    { code: "callback-signature-wrong", total: 5 },
    { code: "callback-timestamp-outside", total: 1 },
  ]);
  const own = await flux.system.treaties.callbacks("subscription", "demo", 100);
  assert.equal(own.find(({ repeats }) => repeats > 0)?.repeats, 1);

  // A quarter of an hour later the bank has paid; a recording of an old message is as old as it is.
  await flux.moveTime(15 * 60_000 + 1_000);
  await customer.until(open, "confirmed");
  await refused(genuine, "callback-timestamp-outside");
  assert.equal((await flux.handOff(open, "completed")).tries, 1);
});

test("declined, and charged over there all the same: an operator has it asked about, and it is given back once", async () => {
  await flux.open("acct-0008");
  await provider.rule({
    behaviour: "rejection",
    reason: "do_not_honor",
    times: 1,
    when: { operation: "create-payment-intent" },
  });
  const processId = await topUp("acct-0008", 104);
  const declined = await customer.until(processId, "failed");
  assert.equal(sentence(declined).reason?.code, "card-declined");
  const { externalReference } = await flux.handOff(processId, "rejected");
  // Somebody pays the same payment with another card, in the provider's dashboard.
  const paid = await fetch(`${provider.url}/v1/payment_intents/${externalReference}/confirm`, {
    method: "POST",
    headers: { authorization: "Bearer sk_test_entente" },
    body: new URLSearchParams({ payment_method: "pm_card_visa" }),
  });
  assert.equal(paid.status, 200);
  await flux.handOff(processId, "fallout");
  const [open, ...more] = await flux.system.treaties.cases("subscription", "demo", 10);
  assert.deepEqual([open?.kind, open?.treaty, more], ["contradiction", "payments-charge", []]);
  assert.deepEqual(await flux.refundsOf(processId), [], "one word against another moves no money");
  await flux.system.treaties.decideCase("subscription", {
    tenantId: "demo",
    caseId: open?.caseId ?? "",
    act: "ask-again",
    by: "olga",
    why: "their dashboard shows it paid",
  });
  await flux.refund(processId, "completed");
  await comes("the customer reads that the money is back", async () => {
    const { body } = await customer.get(`/processes/${processId}`);
    return sentence(body).reason?.code === "refunded";
  });
  assert.deepEqual(await flux.refundsOf(processId), [{ amount: 100, status: "succeeded" }]);
});

test("after all of that no story has a gap: what the provider told in callbacks counts as what it is", async () => {
  const scorecard = await flux.system.fitness?.scorecard("demo");
  const traces = scorecard?.functions.find(({ definition }) => definition.name === "complete-traces");
  assert.deepEqual([traces?.value, traces?.state], [1, "within-target"]);
});

test("after all of that every entry says process, source, customer and time as it is declared to", async () => {
  const ask = (context: string, text: string) => {
    const database = flux.system.contexts.get(context)?.database;
    assert.ok(database);
    return database.execute(text);
  };
  const { entries, ofCustomers, types } = await assertEnvelopes(ask, ["gateway", "subscription"]);
  assert.ok(entries > 100 && ofCustomers > entries / 3, `${ofCustomers} of ${entries}`);
  for (const type of [
    "flux.top-up",
    "flux.balance-debited",
    "flux.charge-declined",
    "entente.hand-off-completed",
    "entente.callback-received",
  ])
    assert.ok(types.has(type), type);
});
