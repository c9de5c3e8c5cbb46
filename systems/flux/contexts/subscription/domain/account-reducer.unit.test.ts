import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "@entente/core/model";
import { topUpPaidBack } from "../contract/pay-back.ts";
import { subscriptionFacts } from "../contract/published-language.ts";
import { topUpRefunded, topUpRefundFailed } from "../contract/refund.ts";
import { running } from "./account.fixture.ts";
import { accountReducer } from "./account-reducer.ts";

const replayed = (facts: readonly object[]) =>
  (facts as readonly Entry[]).reduce(
    (state, fact) => accountReducer.steps[fact.type]?.[1]?.evolve(state, fact) ?? state,
    accountReducer.initial,
  );

test("every fact of the subscription has a step of its first version", () => {
  for (const { type } of subscriptionFacts) assert.ok(accountReducer.steps[type]?.[1], type);
});

test("what became of charges leaves the replayed account as it was, so that states pinned before it was remembered stay the same", () => {
  const before = replayed(running);
  const told = [topUpRefunded, topUpRefundFailed, topUpPaidBack].map(({ type, example: data }) => ({
    type,
    data,
  }));
  assert.equal(JSON.stringify(replayed([...running, ...told])), JSON.stringify(before));
});
