import assert from "node:assert/strict";
import { test } from "node:test";
import { topUp } from "../contexts/gateway/contract/top-up.ts";
import { everyCounterparty } from "./contract.ts";
import { fluxWith } from "./flux.ts";
import { refuseOpenInStageA } from "./open-in-stage-a.ts";
import { stages } from "./stage.ts";

const treatiesOf = (...given: Parameters<typeof fluxWith>): string[] =>
  fluxWith(...given).contexts.flatMap(({ treaties = [] }) => treaties.map(({ name }) => name));
const contextsDeciding = (type: string, ...given: Parameters<typeof fluxWith>): string[] =>
  fluxWith(...given)
    .contexts.filter(({ deciders = [] }) => deciders.some(({ decider }) => type in decider.commands))
    .map(({ name }) => name);

test("a top-up of stage B has one context that decides it; where stage A is or was, the one that it is addressed to", () => {
  assert.deepEqual(contextsDeciding(topUp.type, everyCounterparty), ["subscription"]);
  for (const stage of ["A", "A-to-B"] as const)
    assert.deepEqual(contextsDeciding(topUp.type, everyCounterparty, stage), ["subscription", "request"]);
});

test("the crossing has everything of stage A, and posts what is B's as B does; payments and moving quotas come after it", () => {
  const [inA, crossing, inB] = stages.map((stage) => treatiesOf(everyCounterparty, stage));
  assert.deepEqual(crossing?.toSorted(), [...(inA ?? []), "sap-ledger"].toSorted());
  assert.deepEqual(
    inB?.filter((name) => !crossing?.includes(name)),
    ["sap-quota", "payments-charge", "payments-refund"],
  );
});

test("stage B is what is run when nothing is said, and has nothing of stage A", () => {
  const names = (stage?: "B") => fluxWith(everyCounterparty, stage).contexts.map(({ name }) => name);
  assert.deepEqual(names(), ["gateway", "subscription", "ledger", "entitlement"]);
  assert.deepEqual(names("B"), names());
  assert.deepEqual(treatiesOf(everyCounterparty), [
    "sap-quota",
    "payments-charge",
    "payments-refund",
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
    for (const stage of ["A", "A-to-B"] as const)
      assert.throws(() => fluxWith(rest, stage), {
        code: "stage-counterparty-missing",
        fields: { missing: [missing] },
      });
  }
});

test("stage B is refused while anything of stage A is open, with how much and the oldest; and not when nothing is", () => {
  const nothing = { topUps: 0, requests: 0, handOffs: 0, setAside: 0, oldest: null };
  refuseOpenInStageA(nothing);
  const processId = "0199f0e2-7a3b-7c4d-8e5f-0123456789ab";
  const since = Date.UTC(2026, 10, 30, 9);
  assert.throws(
    () => refuseOpenInStageA({ ...nothing, topUps: 2, handOffs: 1, oldest: { processId, since } }),
    {
      kind: "refused",
      code: "stage-a-open",
      message:
        /2 top-ups, 0 requests, 1 hand-offs, 0 entries set aside, .*0199f0e2.* accepted 2026-11-30T09:00:00/,
      fields: {
        topUps: 2,
        requests: 0,
        handOffs: 1,
        setAside: 0,
        oldest: processId,
        since: "2026-11-30T09:00:00.000Z",
      },
    },
  );
});
