import assert from "node:assert/strict";
import { test } from "node:test";
import { howReturned, type ReturnedCharges, rememberReturn, returnsRemembered } from "./returned-charges.ts";

test("the newest word of a charge counts, and there is one of each", () => {
  const refunded = rememberReturn(undefined, "a", "refunded");
  const sentBack = rememberReturn(rememberReturn(refunded, "b", "refunded"), "a", "sent-back");
  assert.deepEqual([howReturned(sentBack, "a"), howReturned(sentBack, "b")], ["sent-back", "refunded"]);
  assert.equal(sentBack.length, 2);
  assert.equal(howReturned(rememberReturn(sentBack, "a", "refunded"), "a"), "refunded");
  assert.equal(howReturned(undefined, "a"), null);
  assert.equal(howReturned(sentBack, "c"), null);
});

test("what was paid back stays so, whatever the provider says of its refund", () => {
  const paidBack = rememberReturn([], "a", "paid-back");
  for (const how of ["refunded", "sent-back"] as const)
    assert.equal(rememberReturn(paidBack, "a", how), paidBack);
});

test("as many as are remembered stay, and the next one pushes out the one heard of longest ago", () => {
  const filled = Array.from({ length: returnsRemembered }, (_, n) => `p-${n}`).reduce<ReturnedCharges>(
    (so, processId) => rememberReturn(so, processId, "refunded"),
    [],
  );
  assert.equal(filled.length, returnsRemembered);
  const again = rememberReturn(filled, "p-0", "sent-back");
  const more = rememberReturn(again, "new", "refunded");
  assert.equal(more.length, returnsRemembered);
  assert.deepEqual([howReturned(more, "p-0"), howReturned(more, "p-1")], ["sent-back", null]);
});
