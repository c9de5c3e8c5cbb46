import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Value } from "typebox/value";
import { topUpCharged } from "../contract/charge.ts";
import { recordPayBack, topUpPaidBack } from "../contract/pay-back.ts";
import { quotaDebitUndone } from "../contract/quota-debit-undone.ts";
import { topUpRefunded, topUpRefundFailed } from "../contract/refund.ts";
import { type AskedOfProvider, type ChargeHistory, owedCharge } from "./owed-charge.ts";

const { processId } = topUpCharged.example;
type Message = Pick<typeof topUpCharged | typeof quotaDebitUndone | typeof topUpPaidBack, "type" | "example">;
const fact = ({ type, example: data }: Message): ChargeHistory["facts"][number] => ({
  type,
  processId,
  data,
});
const charged = fact(topUpCharged);
const undone = fact(quotaDebitUndone);
const refunded = { ...fact(topUpCharged), type: topUpRefunded.type };
const sentBack = { ...fact(topUpCharged), type: topUpRefundFailed.type };
const paidBack = fact(topUpPaidBack);

const certain = { doubt: false, effectKnown: false, withdrawn: false, released: false, disputed: false };
const charge = (over: Partial<AskedOfProvider> = {}): AskedOfProvider => ({
  ...certain,
  purpose: "charge",
  state: "completed",
  effectKnown: true,
  withdrawn: true,
  ...over,
});
const refund = (state: AskedOfProvider["state"], over: Partial<AskedOfProvider> = {}): AskedOfProvider => ({
  ...certain,
  purpose: "refund",
  state,
  ...over,
});

const shown = { undone: true, charged: true };
const owed = (
  facts: ChargeHistory["facts"],
  asked: readonly AskedOfProvider[] = [charge(), refund("rejected")],
  said: Partial<typeof shown> = {},
  refunds = true,
) => owedCharge({ facts, asked }, { shown: { ...shown, ...said }, refunds });
const codeOf = (...given: Parameters<typeof owed>) => owed(...given).refusal?.code ?? null;
const ofRefund = (one: AskedOfProvider, facts: ChargeHistory["facts"] = [charged, undone]) =>
  codeOf(facts, [charge(), one]);

test("what was charged for an undone top-up is owed when the provider refused to give it back, with the figures of its charge", () => {
  const { payBack, refusal } = owed([charged, undone]);
  assert.equal(refusal, null);
  const { reference: _receipt, by: _by, why: _why, ...example } = recordPayBack.example;
  assert.deepEqual(payBack, example);
  assert.ok(Value.Check(recordPayBack.schema, { ...payBack, reference: "r", by: "olga", why: "ticket" }));
});

test("what it says does not change when it is paid back, so that a repeated request is the same", () => {
  assert.deepEqual(owed([charged, undone, paidBack]).payBack, owed([charged, undone]).payBack);
});

test("nothing is owed of what was not undone, was not charged, or is back", () => {
  assert.equal(codeOf([charged], undefined, { undone: false }), "top-up-not-undone");
  assert.equal(codeOf([], [], { undone: false, charged: false }), "top-up-not-undone");
  assert.equal(codeOf([undone], [], { charged: false }), "top-up-not-charged");
  assert.equal(codeOf([charged, undone, refunded]), "charge-already-given-back");
  assert.equal(codeOf([charged, undone, refunded, sentBack, paidBack]), "charge-already-given-back");
  assert.equal(codeOf([charged, undone, paidBack]), "charge-already-given-back");
});

test("nobody vouches for figures that have left the journal", () => {
  assert.deepEqual([codeOf([], []), owed([], []).payBack], ["debit-unknown", null]);
  assert.equal(codeOf([undone], []), "debit-unknown");
});

describe("the provider's refund comes first", () => {
  test("while it is under way, or nobody knows whether it is", () => {
    for (const state of ["created", "sent", "accepted", "unknown", "retry_wait", "blocked"] as const)
      assert.equal(ofRefund(refund(state)), "refund-unsettled", state);
  });

  test("in a person's hands as long as it may have happened, or is on its way anew", () => {
    for (const state of ["rejected", "fallout"] as const) {
      assert.equal(ofRefund(refund(state)), null, state);
      for (const over of [{ doubt: true }, { effectKnown: true }, { released: true }])
        assert.equal(ofRefund(refund(state, over)), "refund-unsettled", `${state} ${Object.keys(over)}`);
    }
  });

  test("once made, unless the bank sent it back", () => {
    const made = refund("completed", { effectKnown: true });
    assert.equal(ofRefund(made), "refund-unsettled");
    assert.equal(ofRefund(made, [charged, undone, refunded, sentBack]), null);
    // The bank's first word of it may be the only one we have heard.
    assert.equal(ofRefund(made, [charged, undone, sentBack]), null);
  });

  test("not when it was given up, unless the provider says that it was made all the same", () => {
    assert.equal(ofRefund(refund("cancelled")), null);
    assert.equal(ofRefund(refund("cancelled", { disputed: true })), "refund-unsettled");
  });

  test("without its treaty, where it is not over: nobody would withdraw it", () => {
    const without = (one: AskedOfProvider) => codeOf([charged, undone], [charge(), one], {}, false);
    assert.equal(without(refund("rejected")), "refund-unsettled");
    assert.equal(without(refund("cancelled")), null);
  });

  test("also before it is opened; a charge that was left to a person has none", () => {
    assert.equal(codeOf([charged, undone], [charge({ withdrawn: false })]), "refund-unsettled");
    assert.equal(codeOf([charged, undone], []), "refund-unsettled");
    assert.equal(codeOf([charged, undone], [charge()]), null);
  });
});
