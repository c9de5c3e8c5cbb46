import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Flow } from "@entente/core";
import { auditor, startEdge } from "./edge.fixture.ts";
import { assertProblem, call } from "./http-client.fixture.ts";

test("flows are told to auditors, of their tenant alone, with whoever is behind; customers are refused", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const flow: Flow = {
    type: "top-up",
    started: 3,
    inFlight: 1,
    p90Ms: 61_000.4,
    lags: [
      {
        serving: {
          kind: "consumer",
          context: "subscription",
          name: "account",
          journal: "gateway",
          types: [],
          target: null,
        },
        lagMs: 60_000.2,
        open: null,
      },
      {
        serving: { kind: "treaty", context: "ledger", name: "sap", isWaitedFor: false },
        lagMs: null,
        open: null,
      },
    ],
  };
  const asked: unknown[] = [];
  const read = async (...question: unknown[]): Promise<readonly Flow[]> => {
    asked.push(question);
    return [flow];
  };
  Object.assign(edge.system, { flows: { read } });
  const token = await edge.tokenFor(auditor);
  const { status, body } = await call(edge.url, "GET", "/ops/flows?minutes=5", { token });
  assert.equal(status, 200);
  assert.deepEqual(asked, [["demo", 300_000]]);
  const consumer = { kind: "consumer", context: "subscription", name: "account", journal: "gateway" };
  const treaty = { kind: "treaty", context: "ledger", name: "sap", journal: null };
  assert.deepEqual(body.flows, [
    {
      type: "top-up",
      started: 3,
      inFlight: 1,
      p90Ms: 61_000,
      behind: [
        { ...consumer, waitedFor: true, lagMs: 60_000, open: null },
        { ...treaty, waitedFor: false, lagMs: null, open: null },
      ],
    },
  ]);
  const refused = await call(edge.url, "GET", "/ops/flows", { token: await edge.tokenFor() });
  assertProblem(refused, 403, "role-not-allowed");
  const wrong = await call(edge.url, "GET", "/ops/flows?minutes=0", { token });
  assert.equal(wrong.status, 422);
});
