import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@entente/core/model";
import { Value } from "typebox/value";
import { balanceDebited } from "../contract/balance-debited.ts";
import { topUpCharged } from "../contract/charge.ts";
import { quotaDebitUndone } from "../contract/quota-debit-undone.ts";
import { undoTopUp } from "../contract/undo-top-up.ts";
import { type TopUpFact, undoableTopUp } from "./undoable-top-up.ts";

const { processId } = balanceDebited.example;
const fact = (type: string, data: JsonObject, causationId: string = processId): TopUpFact => ({
  id: "0199f0e2-7a3b-7c4d-8e5f-0123456789ac",
  type,
  processId,
  causationId,
  data,
});
const debited = fact(balanceDebited.type, balanceDebited.example);
const charged = fact(topUpCharged.type, topUpCharged.example);
const undone = fact(quotaDebitUndone.type, quotaDebitUndone.example);
const asThingsStand = { confirmed: true, refunds: true };
const codeOf = (facts: readonly TopUpFact[], said = {}) =>
  undoableTopUp(facts, { ...asThingsStand, ...said }).refusal?.code ?? null;

test("a confirmed top-up can be undone, with the figures of its debit and its charge by the provider's name", () => {
  const { undo, refusal } = undoableTopUp([debited, charged], asThingsStand);
  assert.equal(refusal, null);
  const { by: _by, why: _why, ...example } = undoTopUp.example;
  assert.deepEqual(undo, example);
  assert.ok(Value.Check(undoTopUp.schema, { ...undo, by: "olga", why: "ticket" }));
  assert.equal(undoableTopUp([debited], asThingsStand).undo?.charge, null);
});

test("what it says does not change when it is undone, so that a repeated request is the same", () => {
  const before = undoableTopUp([debited, charged], asThingsStand);
  const after = undoableTopUp([debited, charged, undone], { ...asThingsStand, confirmed: false });
  assert.deepEqual(after.undo, before.undo);
});

test("it cannot be while it is under way, after it failed, or a second time", () => {
  assert.equal(codeOf([], { confirmed: false }), "top-up-not-confirmed");
  assert.equal(codeOf([debited], { confirmed: false }), "top-up-not-confirmed");
  assert.equal(codeOf([debited, undone]), "debit-already-undone");
  assert.equal(codeOf([debited, undone], { confirmed: false }), "debit-already-undone");
});

test("it cannot be when its debit has left the journal: nobody vouches for the figures", () => {
  assert.deepEqual([codeOf([]), undoableTopUp([], asThingsStand).undo], ["debit-unknown", null]);
});

test("it cannot be when the authority for customers asked for it, and has it as done", () => {
  const requested = fact(balanceDebited.type, balanceDebited.example, "0199f0e2-7a3b-7c4d-8e5f-0123456789ad");
  assert.equal(codeOf([requested]), "top-up-kept-elsewhere");
});

test("it cannot be when it was charged and nothing gives that back, or nobody knows what the charge is called", () => {
  assert.equal(codeOf([debited, charged], { refunds: false }), "refund-not-possible");
  assert.equal(codeOf([debited], { refunds: false }), null);
  const nameless = fact(topUpCharged.type, { ...topUpCharged.example, reference: null });
  assert.equal(codeOf([debited, nameless]), "refund-not-possible");
});
