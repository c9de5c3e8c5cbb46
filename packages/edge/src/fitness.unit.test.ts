import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { Fitness, StatisticsQuestion } from "@entente/core";
import { Failure } from "@entente/core/model";
import { auditor, operator, startEdge } from "./edge.fixture.ts";
import { fakeId, fakeNow } from "./fake-names.fixture.ts";
import { assertProblem, call } from "./http-client.fixture.ts";

const asked: unknown[] = [];
const incident = {
  incidentId: fakeId(1),
  symptom: "processes-late",
  subject: "top-up",
  says: "Late.",
  count: 1,
  processIds: [fakeId(2)],
  runbook: "docs/operations/incidents.md#processes-late",
  since: fakeNow,
  detectedAt: fakeNow + 1_000,
  timeToDetectMs: 1_000,
  closedAt: null,
  timeToResolveMs: null,
} as const;

const fake: Fitness = {
  async scorecard(tenantId) {
    asked.push(["scorecard", tenantId]);
    return { from: fakeNow - 1, until: fakeNow, functions: [] };
  },
  async incidents(tenantId, open, limit) {
    asked.push(["incidents", tenantId, open, limit]);
    return [incident];
  },
  incident: async (_tenantId, id) => (id === incident.incidentId ? incident : null),
  async reviews(tenantId, open, limit) {
    asked.push(["reviews", tenantId, open, limit]);
    return [];
  },
  async closeReview(tenantId, act) {
    asked.push(["close", tenantId, act]);
    if (act.reviewId !== fakeId(3)) throw new Failure("conflict", "review-not-open", "It is not.");
  },
  async say(tenantId, act) {
    asked.push(["say", tenantId, act]);
    if (act.figure !== "raw-log-days") throw new Failure("refused", "figure-not-said", "It is measured.");
  },
  openIncidents: async () => new Map([["processes-late", 2]]),
  look: async () => {},
  stop: async () => {},
};

describe("fitness over HTTP", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const token = await edge.tokenFor(operator);
  const get = (path: string, as = token) => call(edge.url, "GET", path, { token: as });

  test("a system that keeps none says so", async () => {
    assertProblem(await get("/ops/fitness"), 404, "fitness-not-kept");
    assertProblem(await get("/ops/incidents"), 404, "fitness-not-kept");
  });

  test("operators and auditors read their own tenant's, and only operators close a review item", async () => {
    Object.assign(edge.system, { fitness: fake });
    const reader = await edge.tokenFor(auditor);
    assert.equal((await get("/ops/fitness", reader)).status, 200);
    const { body } = await get("/ops/incidents?open=true&limit=5", reader);
    const [shown] = (body as { incidents: Record<string, unknown>[] }).incidents;
    assert.deepEqual([shown?.processIds, shown?.since], [[fakeId(2)], new Date(fakeNow).toISOString()]);
    assert.equal((await get(`/ops/incidents/${fakeId(1)}`)).status, 200);
    assertProblem(await get(`/ops/incidents/${fakeId(9)}`), 404, "incident-unknown");
    const close = (id: string, as: string) =>
      call(edge.url, "POST", `/ops/reviews/${id}/close`, { token: as, body: { why: "seen" } });
    assert.equal((await close(fakeId(3), reader)).status, 403);
    assert.equal((await close(fakeId(3), token)).status, 202);
    assertProblem(await close(fakeId(4), token), 409, "review-not-open");
    assert.deepEqual(asked, [
      ["scorecard", "demo"],
      ["incidents", "demo", true, 5],
      ["close", "demo", { reviewId: fakeId(3), by: "olga", why: "seen" }],
      ["close", "demo", { reviewId: fakeId(4), by: "olga", why: "seen" }],
    ]);
  });

  test("an operator or an auditor says what only people know, under the name of the token", async () => {
    const say = async (figure: string, as: string, body: object) =>
      call(edge.url, "POST", `/ops/fitness/${figure}/say`, { token: as, body });
    const demand = { value: 3_650, why: "Asked for at the audit of May." };
    asked.length = 0;
    assert.equal((await say("raw-log-days", await edge.tokenFor(auditor), demand)).status, 202);
    assert.deepEqual(asked, [["say", "demo", { figure: "raw-log-days", by: "axel", ...demand }]]);
    assertProblem(await say("top-up-p90", token, demand), 404, "figure-not-said");
    assertProblem(await say("raw-log-days", token, { ...demand, value: -1 }), 422, "body-invalid");
    assertProblem(await say("raw-log-days", token, { value: 1 }), 422, "body-invalid");
    const stranger = await edge.tokenFor({ ...auditor, role: "customer", sub: "carla" });
    assert.equal((await say("raw-log-days", stranger, demand)).status, 403);
  });

  test("statistics default to the last hour by the minute, of the caller's tenant", async () => {
    const questions: StatisticsQuestion[] = [];
    const read = async (question: StatisticsQuestion) => {
      questions.push(question);
      return [];
    };
    Object.assign(edge.system, { statistics: { read } });
    assert.equal((await get("/ops/process-statistics?types=a,b")).status, 200);
    const now = edge.system.clock.now();
    assert.deepEqual(questions, [
      { tenantId: "demo", types: ["a", "b"], from: now - 3_600_000, until: now, resolution: "minute" },
    ]);
    assertProblem(await get("/ops/process-statistics?resolution=second"), 422, "query-invalid");
  });

  test("open incidents are a metric that alerts look at", async () => {
    const { text } = await call(edge.url, "GET", "/metrics");
    assert.match(text, /entente_open_incidents\{symptom="processes-late"\} 2/);
  });
});
