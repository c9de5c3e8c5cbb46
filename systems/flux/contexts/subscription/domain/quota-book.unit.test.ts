import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Decision, type Entry, isRefusal } from "@entente/core/model";
import { topUp } from "../../gateway/contract/top-up.ts";
import { carryOutTopUp } from "../../request/contract/carry-out-top-up.ts";
import { takeBackTopUp } from "../../request/contract/take-back-top-up.ts";
import { reportRefusal } from "../contract/report-refusal.ts";
import { undoQuotaDebit } from "../contract/undo-quota-debit.ts";
import { type AccountState, unopenedAccount } from "./account.ts";
import { accountDecider } from "./account-decider.ts";
import { quotaBook } from "./quota-book.ts";

const processId = "0199f0e2-7a3b-7c4d-8e5f-0123456789ab";
const context = {
  now: 0,
  tenantId: "demo",
  key: "acct-0001",
  processId,
  commandId: processId,
  version: 0,
};
const command = (type: string, data: object): Entry => ({ type, data, occurredAt: 0 }) as unknown as Entry;

const opened: AccountState = {
  opened: true,
  customerId: "cust-0001",
  timeZone: "Europe/Madrid",
  currency: "EUR",
  plan: { planId: "commuter", monthlyQuotaUnits: 100, monthlyPriceMinor: 1_900, onDemandUnitPriceMinor: 25 },
  condensers: ["car-0001"],
  cycle: {
    month: "2026-11",
    endsAt: Number.MAX_SAFE_INTEGER,
    quotaUnits: 100,
    onDemandUnitPriceMinor: 25,
    quotaRemaining: 60,
    usedUnits: 40,
    onDemandMinor: 0,
  },
  undone: [],
};

describe("the quota book", () => {
  test("decides what the request asks for exactly as the account decides the same of a customer", () => {
    const debit = { cycle: "2026-11", fundedFromQuota: 5, fundedOnDemand: 0, onDemandAmountMinor: 0 };
    const undo = { accountId: "acct-0001", processId, reasonCode: "posting-given-up", debit };
    for (const [asked, same, data] of [
      [carryOutTopUp.type, topUp.type, topUp.example],
      [carryOutTopUp.type, topUp.type, { ...topUp.example, units: 100 }],
      [takeBackTopUp.type, undoQuotaDebit.type, undo],
    ] as const) {
      const expected = accountDecider.decide(opened, command(same, data), context);
      assert.ok(!isRefusal(expected));
      assert.deepEqual(quotaBook.decide(opened, command(asked, data), context), expected);
    }
  });

  test("says a refusal to whoever asked, beside the fact that tells of it", () => {
    const asked = command(carryOutTopUp.type, { ...topUp.example, condenserId: "car-0999" });
    const decision = quotaBook.decide(opened, asked, context) as Decision;
    assert.deepEqual(
      decision.facts.map(({ type, data }) => [type, data.code]),
      [["flux.top-up-refused", "condenser-unknown"]],
    );
    assert.deepEqual(decision.commands, [
      {
        target: "request",
        type: reportRefusal.type,
        schemaVersion: reportRefusal.schemaVersion,
        data: { requestId: processId, accountId: "acct-0001", code: "condenser-unknown" },
      },
    ]);
    const unopened = quotaBook.decide(unopenedAccount, asked, context) as Decision;
    assert.equal(unopened.commands?.[0]?.data.code, "account-unknown");
  });

  test("leaves every command of the account as it is, a customer's top-up that has crossed to stage B included", () => {
    for (const [type, rule] of Object.entries(accountDecider.commands))
      assert.deepEqual(quotaBook.commands[type], rule, type);
    for (const data of [topUp.example, { ...topUp.example, condenserId: "car-0999" }]) {
      const crossed = command(topUp.type, data);
      assert.deepEqual(
        quotaBook.decide(opened, crossed, context),
        accountDecider.decide(opened, crossed, context),
      );
    }
  });
});
