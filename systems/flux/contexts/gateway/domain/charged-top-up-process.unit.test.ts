import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, type JsonObject, type ProcessView, queuedProcess } from "@entente/core/model";
import { balanceDebited } from "../../subscription/contract/balance-debited.ts";
import { chargeDeclined, topUpCharged } from "../../subscription/contract/charge.ts";
import { declineCodes } from "../../subscription/contract/charge-declines.ts";
import { topUpPaidBack } from "../../subscription/contract/pay-back.ts";
import { quotaDebitUndone } from "../../subscription/contract/quota-debit-undone.ts";
import { topUpRefunded, topUpRefundFailed } from "../../subscription/contract/refund.ts";
import { declinedReason } from "./charge-declined-reasons.ts";
import { chargedTopUpProcess } from "./charged-top-up-process.ts";
import { customerText } from "./customer-text.ts";

const processId = "0199f0e2-7a3b-7c4d-8e5f-0123456789ab";
const definition = chargedTopUpProcess({ from: 0 });

function fact(type: string, data: JsonObject, occurredAt = 1_000): Entry {
  return { type, data, processId, occurredAt } as Entry;
}

const debited = fact(balanceDebited.type, balanceDebited.example);
const byQuotaAlone = fact(balanceDebited.type, {
  ...balanceDebited.example,
  fundedFromQuota: 25,
  fundedOnDemand: 0,
  onDemandAmountMinor: 0,
});
const charged = fact(topUpCharged.type, topUpCharged.example, 2_000);
const declined = fact(chargeDeclined.type, chargeDeclined.example, 2_000);
const undone = (reasonCode: string) =>
  fact(quotaDebitUndone.type, { ...quotaDebitUndone.example, undoneProcessId: processId, reasonCode }, 3_000);

const after = (...facts: readonly Entry[]): ProcessView => facts.reduce(definition.apply, queuedProcess);
const steps = ({ steps: all }: ProcessView) => all.map(({ name, state }) => `${name} ${state}`);

describe("a top-up that is charged", () => {
  test("is processing once debited, with the charge as its open step, and says so", () => {
    const view = after(debited);
    assert.equal(view.state, "processing");
    assert.deepEqual(steps(view), ["accepted done", "balance-debited done", "charged open"]);
    const context = { processId, acceptedAt: 0, delayed: false, expectedWaitSeconds: null };
    assert.equal(
      customerText(view, context).text,
      "Your top-up is being carried out. The balance is debited; the charge of EUR 1.25 is still open.",
    );
    assert.match(customerText(view, { ...context, delayed: true }).text, /not lost.*EUR 1\.25 is still open/);
  });

  test("is confirmed by its charge, with the funding split", () => {
    const view = after(debited, charged);
    assert.equal(view.state, "confirmed");
    assert.deepEqual(steps(view), ["accepted done", "balance-debited done", "charged done"]);
    assert.equal(view.outcome?.fundedOnDemand, 5);
  });

  test("is open while the undo is on its way, and failed with the decline's reason once it is back", () => {
    const underWay = after(debited, declined);
    assert.deepEqual([underWay.state, underWay.reason], ["processing", null]);
    const view = after(debited, declined, undone("card-declined"));
    assert.deepEqual([view.state, view.reason?.code, view.outcome], ["failed", "card-declined", null]);
    assert.deepEqual(steps(view), ["accepted done", "balance-debited undone", "charged failed"]);
  });

  test("is failed and owes nothing when it is undone for another reason before it was charged", () => {
    const view = after(debited, undone("delivery-failed"));
    assert.deepEqual([view.state, view.reason?.code], ["failed", "compensated"]);
    assert.deepEqual(steps(view), ["accepted done", "balance-debited undone"]);
  });

  test("says that money is to be given back, whichever came first, the charge or the undo", () => {
    for (const view of [
      after(debited, charged, undone("delivery-failed")),
      after(debited, undone("delivery-failed"), charged),
      after(debited, declined, undone("card-declined"), charged),
    ]) {
      assert.deepEqual([view.state, view.reason?.code], ["failed", "charge-to-refund"]);
      assert.ok(steps(view).includes("charged done"));
      assert.equal(steps(view).at(-1), "refunded open");
    }
  });

  test("undone by an operator says so, that the charge is on its way back, and then that it is there", () => {
    const view = after(debited, charged, undone("undone-by-operator"));
    assert.deepEqual([view.state, view.reason?.code, view.outcome], ["failed", "charge-to-refund", null]);
    assert.deepEqual(steps(view), [
      "accepted done",
      "balance-debited undone",
      "charged done",
      "refunded open",
    ]);
    const context = { processId, acceptedAt: 0, delayed: false, expectedWaitSeconds: null };
    assert.deepEqual(customerText(view, context), {
      title: "Undone",
      text: `This top-up was undone. We give back the EUR 1.25 charged for it. Quote process ${processId} to support.`,
    });
    const back = definition.apply(view, fact(topUpRefunded.type, topUpRefunded.example, 4_000));
    assert.deepEqual([back.reason?.code, customerText(back, context).title], ["refunded", "Undone"]);
    const uncharged = after(byQuotaAlone, undone("undone-by-operator"));
    assert.deepEqual([uncharged.state, uncharged.reason?.code], ["failed", "undone"]);
  });

  test("says that the money is back, with the amount, and owes nothing any more", () => {
    const refunded = fact(topUpRefunded.type, topUpRefunded.example, 4_000);
    const view = after(debited, charged, undone("delivery-failed"), refunded);
    assert.deepEqual([view.state, view.reason?.code, view.outcome], ["failed", "refunded", null]);
    assert.deepEqual(steps(view), [
      "accepted done",
      "balance-debited undone",
      "charged done",
      "refunded done",
    ]);
    assert.match(
      view.reason?.message ?? "",
      /^This top-up was undone, and the EUR 1\.25 charged for it was given back;/,
    );
    // The same facts read again, after a journal was restored, owe nothing anew.
    for (const again of [charged, undone("delivery-failed"), refunded])
      assert.deepEqual(definition.apply(view, again).reason, view.reason);
    // A charge that we only heard of when its refund was made has no step of its own.
    const unheard = after(debited, undone("delivery-failed"), refunded);
    assert.deepEqual([unheard.reason?.code, steps(unheard).at(-1)], ["refunded", "refunded done"]);
  });

  test("says that the money is owed again when the bank sent it back, and that it is back once it is", () => {
    const refunded = fact(topUpRefunded.type, topUpRefunded.example, 4_000);
    const sentBack = fact(topUpRefundFailed.type, topUpRefundFailed.example, 5_000);
    const owed = after(debited, charged, undone("delivery-failed"), refunded, sentBack);
    assert.deepEqual([owed.state, owed.reason?.code], ["failed", "charge-to-refund"]);
    assert.equal(steps(owed).at(-1), "refunded open");
    assert.deepEqual(definition.apply(owed, sentBack), owed);
    const back = definition.apply(owed, refunded);
    assert.deepEqual([back.reason?.code, steps(back).at(-1)], ["refunded", "refunded done"]);
  });

  test("says that the money was paid back another way, with the amount, and owes nothing any more", () => {
    const paidBack = fact(topUpPaidBack.type, topUpPaidBack.example, 4_000);
    const view = after(debited, charged, undone("delivery-failed"), paidBack);
    assert.deepEqual([view.state, view.reason?.code], ["failed", "paid-back"]);
    assert.deepEqual(steps(view).slice(1), ["balance-debited undone", "charged done", "refunded done"]);
    const context = { processId, acceptedAt: 0, delayed: false, expectedWaitSeconds: null };
    assert.deepEqual(customerText(view, context), {
      title: "Undone",
      text: `This top-up was undone, and the EUR 1.25 charged for it was paid back to you another way. Quote process ${processId} to support.`,
    });
    // Also where the bank had sent the refund back before.
    const refunded = fact(topUpRefunded.type, topUpRefunded.example, 5_000);
    const sentBack = fact(topUpRefundFailed.type, topUpRefundFailed.example, 6_000);
    const later = after(debited, charged, undone("undone-by-operator"), refunded, sentBack, paidBack);
    assert.deepEqual([later.reason, steps(later).at(-1)], [view.reason, "refunded done"]);
    // Whatever is heard of its refund after that, or read again, it stays so.
    for (const late of [refunded, sentBack, charged, undone("delivery-failed"), paidBack])
      assert.deepEqual(definition.apply(view, late).reason, view.reason, late.type);
    assert.equal(steps([refunded, sentBack].reduce(definition.apply, view)).at(-1), "refunded done");
  });

  test("of archives from before refunds, and from before pay-backs, is folded as it was then", () => {
    const before = chargedTopUpProcess({ from: 0 }, { refunds: false, payBacks: false });
    const view = [debited, charged, undone("delivery-failed")].reduce(before.apply, queuedProcess);
    assert.deepEqual(steps(view), ["accepted done", "balance-debited undone", "charged done"]);
    assert.deepEqual(before.foldedBy?.terms, { from: 0 });
    const withRefunds = chargedTopUpProcess({ from: 0 }, { refunds: true, payBacks: false });
    assert.deepEqual(withRefunds.foldedBy?.terms, { from: 0, refunds: true });
    assert.deepEqual(
      definition.facts.filter((type) => !withRefunds.facts.includes(type)),
      [topUpPaidBack.type],
    );
    assert.deepEqual(definition.foldedBy?.terms, { from: 0, refunds: true, payBacks: true });
  });

  test("is not moved by a refused repeat of its undo, nor by facts after its end", () => {
    const end = after(debited, declined, undone("card-declined"));
    const refused = fact("flux.top-up-refused", { code: "debit-already-undone", reason: "Undone." });
    for (const late of [refused, debited, declined, undone("card-expired")])
      assert.deepEqual(definition.apply(end, late), end);
  });
});

test("a top-up paid by quota alone is confirmed by its debit and waits for no charge", () => {
  const view = after(byQuotaAlone);
  assert.equal(view.state, "confirmed");
  assert.deepEqual(steps(view), ["accepted done", "balance-debited done"]);
});

test("debits from before charging began are confirmed as they were then", () => {
  const view = chargedTopUpProcess({ from: 1_001 }).apply(queuedProcess, debited);
  assert.equal(view.state, "confirmed");
});

test("every decline has one plain sentence, and says what became of money and quota", () => {
  const back = { restoredToQuota: 20, lapsedFromQuota: 0 };
  for (const code of declineCodes) {
    const reason = declinedReason(code, back);
    assert.equal(reason?.code, code);
    assert.match(
      reason.message,
      /^[A-Z].*\. Nothing was charged, and the units taken from the quota are back\.$/,
    );
  }
  const ended = declinedReason("card-declined", { restoredToQuota: 0, lapsedFromQuota: 20 });
  assert.match(ended?.message ?? "", /belonged to a month that has ended\.$/);
  const onDemandAlone = declinedReason("card-declined", { restoredToQuota: 0, lapsedFromQuota: 0 });
  assert.equal(onDemandAlone?.message, "Your card was declined. Nothing was charged.");
  assert.equal(declinedReason("constructor", back), null);
});
