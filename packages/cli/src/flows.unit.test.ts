import assert from "node:assert/strict";
import { test } from "node:test";
import { flowLines } from "./flows.ts";

const consumer = {
  kind: "consumer",
  context: "entitlement",
  journal: "gateway",
  waitedFor: true,
  open: null,
} as const;

test("each flow is a line, and who serves it stands below with its lag; what nobody waits for and what nobody knows is said", () => {
  const behind = [
    { ...consumer, name: "prospect", lagMs: 180_000 },
    { ...consumer, name: "process-view", lagMs: null },
    {
      kind: "treaty",
      context: "ledger",
      name: "sap",
      journal: null,
      waitedFor: false,
      lagMs: 0,
      open: 0,
    } as const,
  ];
  const flow = { type: "convert-prospect", started: 3, inFlight: 2, p90Ms: 178_912, behind };
  const idle = { type: "top-up", started: 0, inFlight: 0, p90Ms: null, behind: [] };
  assert.deepEqual(flowLines({ at: "2026-03-07T10:00:00.000Z", minutes: 15, flows: [flow, idle] }), [
    "What nine of ten customers wait, of the last 15 min before 2026-03-07T10:00:00.000Z; below it how far those are behind that serve them.",
    "",
    "Flow                                   P90 / lag",
    "convert-prospect                       178.9 s    3 started, 2 in flight",
    "  entitlement prospect <- gateway      180 s",
    "  entitlement process-view <- gateway  not known",
    "  ledger sap                           0 s        0 hand-offs without a result; customers do not wait for it",
    "top-up                                 -          0 started, 0 in flight",
  ]);
});
