import assert from "node:assert/strict";
import { test } from "node:test";
import { topUp } from "../contexts/gateway/contract/top-up.ts";
import { everyCounterparty } from "./contract.ts";
import { fluxWith } from "./flux.ts";

const treatiesOf = (...given: Parameters<typeof fluxWith>): string[] =>
  fluxWith(...given).contexts.flatMap(({ treaties = [] }) => treaties.map(({ name }) => name));
const contextsDeciding = (type: string, ...given: Parameters<typeof fluxWith>): string[] =>
  fluxWith(...given)
    .contexts.filter(({ deciders = [] }) => deciders.some(({ decider }) => type in decider.commands))
    .map(({ name }) => name);

test("a top-up has one context that decides it: the subscription in stage B, the request in stage A", () => {
  assert.deepEqual(contextsDeciding(topUp.type, everyCounterparty), ["subscription"]);
  assert.deepEqual(contextsDeciding(topUp.type, everyCounterparty, "A"), ["request"]);
});

test("stage B is what is run when nothing is said, and has nothing of stage A", () => {
  const names = (stage?: "B") => fluxWith(everyCounterparty, stage).contexts.map(({ name }) => name);
  assert.deepEqual(names(), ["gateway", "subscription", "ledger", "entitlement"]);
  assert.deepEqual(names("B"), names());
  assert.deepEqual(treatiesOf(everyCounterparty), [
    "sap-quota",
    "payments-charge",
    "sap-ledger",
    "salesforce-entitlement",
    "salesforce-case",
    "salesforce-lead",
    "salesforce-entitlement-changes",
    "salesforce-entitlement-now",
  ]);
});

test("SAP is asked about quotas where that is being moved, and nowhere else", () => {
  assert.deepEqual(treatiesOf({ sap: { url: "https://sap.example" } }), ["sap-ledger"]);
  assert.ok(!treatiesOf(everyCounterparty, "A").includes("sap-quota"));
});

test("stage A leads through Salesforce and SAP, charges nothing itself, and does not start without either", () => {
  assert.deepEqual(treatiesOf(everyCounterparty, "A"), [
    "sap-posting",
    "salesforce-entitlement",
    "salesforce-case",
    "salesforce-lead",
    "salesforce-entitlement-changes",
    "salesforce-entitlement-now",
    "salesforce-top-up",
    "salesforce-top-up-requests",
    "salesforce-top-up-outcome",
  ]);
  for (const missing of ["salesforce", "sap"] as const) {
    const { [missing]: _missing, ...rest } = everyCounterparty;
    assert.throws(() => fluxWith(rest, "A"), {
      code: "stage-counterparty-missing",
      fields: { missing: [missing] },
    });
  }
});
