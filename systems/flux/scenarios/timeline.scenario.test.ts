/** The timeline of top-ups whose posting went wrong at SAP: one call tells why, and who did what about it. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { type System, startSystem } from "@entente/core";
import { buildEdge, type Edge } from "@entente/edge";
import { openControlClient, simulators } from "@entente/simulators";
import { testServer } from "@entente/testkit";
import { demoAccountId, demoTenant, seedDemoData } from "../app/demo-data.ts";
import { fluxErrors, fluxOutside, fluxRoutes, fluxTags, fluxWith, textOf } from "../app/flux.ts";
import { type Caller, caller } from "./client.fixture.ts";

const accounts = 6;
const secrets: Readonly<Record<string, string>> = { user: "ENTENTE_COMM", password: "entente-dev-1" };

interface Timeline {
  readonly processId: string;
  readonly process: { readonly state: string };
  readonly steps: readonly {
    readonly entryId: string;
    readonly context: string;
    readonly type: string;
    readonly depth: number;
    readonly actor: { readonly kind: string; readonly name: string; readonly why?: string };
    readonly data: Readonly<Record<string, unknown>>;
    readonly customer: { readonly state: string; readonly text?: string } | null;
  }[];
  readonly handOffs: readonly {
    readonly target: string;
    readonly state: string;
    readonly trouble: { readonly code: string; readonly means: string | null } | null;
  }[];
  readonly attempts: readonly {
    readonly what: string;
    readonly attempts: readonly {
      readonly request: Readonly<Record<string, unknown>> | null;
      readonly outcomes: readonly {
        readonly state: string;
        readonly code: string | null;
        readonly means: string | null;
      }[];
    }[];
  }[];
  readonly cases: readonly { readonly caseId: string; readonly owner: string; readonly kind: string }[];
  readonly tookPart: {
    readonly contexts: string[];
    readonly counterparties: string[];
    readonly people: string[];
  };
}

describe("the timeline of a top-up", () => {
  let sap: Awaited<ReturnType<Awaited<ReturnType<typeof simulators.sap>>>>;
  let control: ReturnType<typeof openControlClient>;
  let system: System;
  let edge: Edge;
  let customer: Caller;
  let olga: Caller;
  let rival: Caller;
  let asked = 0;

  before(async () => {
    sap = await (await simulators.sap())({ seed: 11 });
    control = openControlClient(sap.url);
    const counterparties = { sap: { url: sap.url } };
    system = await startSystem({
      definition: { ...fluxWith(counterparties), name: `f${process.pid}` },
      adminUrl: await testServer(),
      outside: fluxOutside(counterparties, (_, name) => secrets[name], ["127.0.0.0/8"]),
    });
    edge = await buildEdge({
      system,
      mode: "dev",
      tokens: { key: { kind: "secret", secret: randomBytes(32) }, issuer: "test", audience: "flux" },
      title: "Flux",
      version: "0.1.0",
      tags: fluxTags,
      errors: fluxErrors,
      textOf: textOf(system),
      routes: [fluxRoutes(system)],
    });
    const url = await edge.listen({ port: 0 });
    const token = async (claims: object): Promise<string> => {
      const answer = await fetch(`${url}/dev/token`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ sub: "scenario", tenant: demoTenant, ...claims }),
      });
      return ((await answer.json()) as { token: string }).token;
    };
    customer = await caller({ url, token }, { role: "operator" });
    olga = await caller({ url, token }, { role: "operator", sub: "olga" });
    rival = await caller({ url, token }, { role: "operator", tenant: "rival" });
    await seedDemoData(system, accounts);
  });
  after(async () => {
    await edge.close();
    await system.stop();
    await sap.stop();
  });
  beforeEach(() => control.removeRules());

  async function topUp(n: number): Promise<string> {
    const { status, body } = await customer.topUp(demoAccountId(n), `t-${++asked}`, 7);
    assert.equal(status, 202, JSON.stringify(body));
    await customer.until(String(body.processId), "confirmed");
    return String(body.processId);
  }
  async function timelineOf(id: string): Promise<Timeline> {
    const { status, body } = await olga.get(`/ops/processes/${id}/timeline`);
    assert.equal(status, 200, JSON.stringify(body));
    return body as unknown as Timeline;
  }
  /** Asks until it holds; minutes of business time go by meanwhile when they are needed. */
  async function until(id: string, what: string, holds: (timeline: Timeline) => boolean, minutes = false) {
    for (let looks = 0; looks < 300; looks++) {
      const timeline = await timelineOf(id);
      if (holds(timeline)) return timeline;
      if (minutes) await system.setClock(system.clock.now() + 60_000);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.fail(`never: ${what}: ${JSON.stringify(await timelineOf(id))}`);
  }

  test("posted by SAP, but told that it timed out: the story says that nobody knew, and that it was found", async () => {
    await control.rule({
      behaviour: "server-error",
      status: 504,
      effect: true,
      when: { operation: "post-journal-entries" },
      times: 1,
    });
    const id = await topUp(1);
    const timeline = await until(
      id,
      "posted",
      ({ handOffs }) => handOffs.some(({ target, state }) => target === "sap" && state === "completed"),
      true,
    );
    const [posting] = timeline.attempts;
    assert.equal(posting?.what, "sap-ledger");
    const outcomes = posting?.attempts.flatMap((one) => one.outcomes) ?? [];
    assert.ok(
      outcomes.some(({ state, code }) => state === "unknown" && code === "504"),
      JSON.stringify(outcomes),
    );
    // A look that compared both sides may have come since.
    assert.equal(outcomes.findLast(({ state }) => state !== "compared")?.state, "completed");
    assert.deepEqual(timeline.tookPart, {
      contexts: ["gateway", "ledger", "subscription"],
      counterparties: ["sap"],
      people: [],
    });
    // The customer never saw any of it.
    assert.deepEqual(
      timeline.steps.flatMap(({ type, customer: seen }) => (seen === null ? [] : [`${type}: ${seen.state}`])),
      ["flux.top-up: queued", "flux.balance-debited: confirmed"],
    );
    const opened = timeline.steps.find(({ type }) => type === "entente.hand-off-opened");
    assert.ok((opened?.depth ?? 0) >= 2, "the posting stands under the debit that led to it");
  });

  test("refused by SAP: the code, what it means and whose case it is; then who acted on it and why", async () => {
    await control.rule({
      behaviour: "rejection",
      reason: "period-closed",
      when: { operation: "post-journal-entries" },
      times: 1,
    });
    const id = await topUp(2);
    const refusalIn = (timeline: Timeline) =>
      timeline.attempts
        .flatMap(({ attempts }) => attempts.flatMap((one) => one.outcomes))
        .find(({ state, code }) => state === "rejected" && code !== null);
    // Cases are read after entries: a case that was opened in between is told without them.
    const refused = await until(id, "a case and its refusal", (timeline) => {
      return timeline.cases.length > 0 && refusalIn(timeline) !== undefined;
    });
    const refusal = refusalIn(refused);
    assert.match(String(refusal?.code), /F5/, JSON.stringify(refused));
    assert.match(String(refusal?.means), /period/i);
    const [one] = refused.cases;
    assert.equal(one?.owner, "Accounting, general ledger");

    const why = "posted by hand in the new period";
    const { status } = await olga.post(`/ops/cases/${one?.caseId}/close`, { context: "ledger", why });
    assert.equal(status, 200);
    const closed = await until(id, "closed", ({ steps }) =>
      steps.some(({ type }) => type === "entente.case-closed"),
    );
    const act = closed.steps.find(({ type }) => type === "entente.case-closed");
    assert.deepEqual(act?.actor, { kind: "operator", name: "olga", why });
    assert.deepEqual(closed.tookPart.people, ["olga"]);
    assert.equal(closed.cases[0]?.caseId, one?.caseId);
  });

  test("of a batch that many share, each story has its own row, and no key of any", async () => {
    // So that the ledger meets all of them at once.
    await olga.post("/ops/contexts/ledger/pause", { why: "drill" });
    const ids = await Promise.all(Array.from({ length: accounts }, (_, n) => topUp(n + 1)));
    await olga.post("/ops/contexts/ledger/resume", { why: "over" });
    const batches = new Set<string>();
    for (const [n, id] of ids.entries()) {
      const timeline = await until(id, "handed off", ({ attempts }) => attempts.length > 0);
      const openings = timeline.steps.filter(({ type }) => type === "entente.hand-off-opened");
      assert.equal(openings.length, 1);
      batches.add(openings[0]?.entryId ?? "");
      const rows = openings[0]?.data.rows as readonly { readonly processId: string }[];
      assert.deepEqual(
        rows.map((row) => row.processId),
        [id],
      );
      const text = JSON.stringify(timeline);
      for (const other of ids) if (other !== id) assert.equal(text.includes(`"processId":"${other}"`), false);
      assert.equal(text.includes(`demo:top-up:${id}`), false, "an idempotency key is shown");
      assert.ok(text.includes(demoAccountId(n + 1)));
    }
    assert.ok(batches.size < ids.length, "no batch was shared");
  });

  test("another tenant's operator is told that there is no such process; a customer may not ask", async () => {
    const id = await topUp(3);
    const { status, body } = await rival.get(`/ops/processes/${id}/timeline`);
    assert.deepEqual([status, body.code], [404, "process-unknown"]);
    const [fact] = (await timelineOf(id)).steps.slice(-1);
    assert.equal((await rival.get(`/ops/processes/${fact?.entryId}/timeline`)).status, 404);
    assert.equal((await olga.get(`/ops/processes/${id}/timeline?limit=1001`)).status, 422);
    assert.equal((await timelineOf(fact?.entryId ?? "")).processId.length, 36);
  });
});
