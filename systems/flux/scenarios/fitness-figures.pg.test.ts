/** The scorecard of Flux over known data in its own databases, through two weeks of the business clock. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Database, isFollowingTreaty, type System, startSystem } from "@entente/core";
import { withFitness } from "@entente/core/internal";
import { weekMs, weekOf } from "@entente/core/model";
import { buildEdge } from "@entente/edge";
import { testServer } from "@entente/testkit";
import {
  demoTenant,
  fluxErrors,
  fluxFitness,
  fluxOutside,
  fluxRoutes,
  fluxSnapshot,
  fluxTags,
  fluxWith,
  textOf,
} from "../app/flux.ts";
import { exampleHeard } from "../contexts/entitlement/contract/entitlement.ts";
import { noteCustomer } from "../contexts/entitlement/contract/note-customer.ts";
import { comes } from "./charged-flux.fixture.ts";
import { type Caller, caller } from "./client.fixture.ts";

/** A figure as `GET /ops/fitness` tells it. */
interface Figure {
  readonly name: string;
  readonly value: number | null;
  readonly target: number | null;
  readonly state: string;
  readonly trend: string;
  readonly evidence: string;
  readonly decision: string;
  readonly said: { readonly value: number; readonly by: string; readonly why: string } | null;
  readonly weeks: readonly { readonly week: string; readonly value: number | null; readonly state: string }[];
}

const minute = 60_000;
const day = 86_400_000;
const tenantId = demoTenant;
/** Points a week of the landscape before, so that the cost has a target. */
const costBaseline = 2_000;

let system: System;
let url: string;
let operator: Caller;
let auditor: Caller;
let stop: () => Promise<void>;
/** The week the system begins in. */
let monday: number;

before(async () => {
  // Nothing listens there: what Salesforce would say is not what this is about.
  const counterparties = { salesforce: { url: "http://127.0.0.1:1", tenantId } };
  const declared = fluxWith(counterparties);
  const contexts = declared.contexts.map(({ treaties = [], ...context }) => ({
    ...context,
    treaties: treaties.filter((treaty) => !isFollowingTreaty(treaty)),
  }));
  const plain = { name: `f_${randomBytes(4).toString("hex")}`, contexts };
  system = await startSystem({
    adminUrl: await testServer(),
    definition: withFitness(plain, fluxFitness(plain, { costBaseline, commandsPerSecond: 1_000 })),
    // Looks are taken when a test asks for one, and when the clock moves.
    settings: { statisticsGatherMs: 25, fitnessEveryMs: 3_600_000 },
    outside: fluxOutside(counterparties, () => "secret", ["127.0.0.0/8"]),
  });
  const edge = await buildEdge({
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
  url = await edge.listen({ port: 0 });
  stop = async () => {
    await edge.close();
    await system.stop();
  };
  const token = async (claims: object): Promise<string> => {
    const answer = await fetch(`${url}/dev/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ tenant: tenantId, ...claims }),
    });
    return ((await answer.json()) as { token: string }).token;
  };
  operator = await caller({ url, token }, { role: "operator", sub: "olga" });
  auditor = await caller({ url, token }, { role: "auditor", sub: "axel" });
  monday = weekOf(Date.now() + weekMs);
  await system.setClock(monday + 2 * day);
});
after(() => stop());

function databaseOf(context: string): Database {
  const found = system.contexts.get(context);
  if (found === undefined) throw new Error(`no context ${context}`);
  return found.database;
}

async function figures(): Promise<Readonly<Record<string, Figure>>> {
  const { body } = await operator.get("/ops/fitness");
  return Object.fromEntries((body.functions as Figure[]).map((one) => [one.name, one]));
}

async function figure(name: string): Promise<Figure> {
  const found = (await figures())[name];
  if (found === undefined) throw new Error(`no figure ${name}`);
  return found;
}

/** The week that began on this Monday is over, and is written down. */
async function ends(week: number): Promise<void> {
  await system.setClock(week + weekMs + 5 * minute);
  await system.fitness?.look();
  const name = new Date(week).toISOString().slice(0, 10);
  await comes(`the week ${name} is written down`, async () =>
    (await figure("maintenance-cost")).weeks.some((one) => one.week === name),
  );
}

async function started(at: number, count: number): Promise<void> {
  await databaseOf("gateway").execute(
    `insert into entente.process_minute (tenant_id, type, minute, shard, started)
     values ($1, 'top-up', to_timestamp($2::float8 / 1000), 0, $3)`,
    [tenantId, at, count],
  );
}

/** Calls of a day as treaties count them. */
async function called(at: number, treaty: string, operation: string, total: number): Promise<void> {
  await databaseOf("entitlement").execute(
    `insert into entente.treaty_call (tenant_id, day, target, budget, treaty, operation, total)
     values ($1, $2::date, 'salesforce', 'api-calls', $3, $4, $5)`,
    [tenantId, new Date(at).toISOString().slice(0, 10), treaty, operation, total],
  );
}

async function closedCase(at: number, kind: string): Promise<void> {
  await databaseOf("entitlement").execute(
    `insert into entente.fallout_case (tenant_id, case_id, hand_off_id, treaty, target, kind, says, owner, opened_at, closed_by,
        closed_at, closed_why)
     values ($1, gen_random_uuid(), gen_random_uuid(), 'salesforce-case', 'salesforce', $2, 'Says.', 'crm',
       to_timestamp($3::float8 / 1000), 'olga', to_timestamp($3::float8 / 1000), 'Done.')`,
    [tenantId, kind, at],
  );
}

/** An incident that ended then. */
async function incident(at: number, timeToDetectMs: number, timeToResolveMs: number): Promise<void> {
  await databaseOf("fitness").execute(
    `insert into entente.fitness_record (tenant_id, kind, id, opened_at, closed_at, data)
     values ($1, 'incident', gen_random_uuid()::text, to_timestamp($2::float8 / 1000), to_timestamp($3::float8 / 1000), $4::json)`,
    [tenantId, at - timeToResolveMs, at, JSON.stringify({ timeToDetectMs, timeToResolveMs })],
  );
}

/** What is promised, and the integrations of this system: what its upkeep costs in a week in which nothing is mended. */
function upkeep(): number {
  const { messages } = JSON.parse(readFileSync(fluxSnapshot, "utf8")) as { messages: object };
  return Object.keys(messages).length + 5 * system.treaties.list().length;
}

test("before anything was counted there is no data, and nothing that was not measured is good", async () => {
  const all = await figures();
  for (const name of [
    "commands-per-second",
    "crm-calls",
    "crm-reads-saved",
    "time-to-detect",
    "time-to-resolve",
    "incidents-in-time",
    "raw-log-days",
    "pricing-field-days",
    "top-up-p90",
    "complete-traces",
  ]) {
    const { value, state, trend, weeks } = all[name] ?? {};
    assert.deepEqual([name, value, state, trend, weeks], [name, null, "no-data", "unknown", []]);
  }
  // What needs nobody to have done anything.
  assert.deepEqual([all["shared-stores"]?.value, all["shared-stores"]?.state], [0, "within-target"]);
  assert.equal(all["maintenance-cost"]?.value, upkeep());
});

test("a first week is written down as it was measured", async () => {
  const tuesday = monday + day;
  // Half before the full hour and half after it.
  for (let n = -5; n < 5; n++) await started(tuesday + 10 * 3_600_000 + n * minute, 24_000);
  await called(tuesday, "salesforce-entitlement-changes", "read-changed", 20_000);
  await called(tuesday, "salesforce-case", "open-case", 10_000);
  await called(tuesday + day, "salesforce-case", "open-case", 29_000);
  await closedCase(tuesday, "rejected");
  await closedCase(tuesday, "tries-used-up");
  await incident(tuesday, 60_000, 20 * minute);
  await incident(tuesday + day, 120_000, 36 * minute);
  // The first day of the next week is not of this one.
  await called(monday + weekMs, "salesforce-case", "open-case", 90_000);
  await ends(monday);
  const all = await figures();
  const inFirst = Object.fromEntries(
    Object.values(all).map(({ name, weeks }) => [name, [weeks.length, weeks[0]?.value, weeks[0]?.state]]),
  );
  assert.deepEqual(
    {
      "commands-per-second": inFirst["commands-per-second"],
      "crm-calls": inFirst["crm-calls"],
      "maintenance-cost": inFirst["maintenance-cost"],
      "shared-stores": inFirst["shared-stores"],
      "incidents-in-time": inFirst["incidents-in-time"],
      "time-to-detect": inFirst["time-to-detect"],
      "time-to-resolve": inFirst["time-to-resolve"],
      "raw-log-days": inFirst["raw-log-days"],
      "pricing-field-days": inFirst["pricing-field-days"],
    },
    {
      "commands-per-second": [1, 400, "within-target"],
      "crm-calls": [1, 0.3, "within-target"],
      "maintenance-cost": [1, upkeep() + 2 * 2, "within-target"],
      "shared-stores": [1, 0, "within-target"],
      "incidents-in-time": [1, 0.5, "over-limit"],
      "time-to-detect": [1, 90_000, "within-target"],
      "time-to-resolve": [1, 28 * minute, "within-target"],
      "raw-log-days": [1, null, "no-data"],
      "pricing-field-days": [1, null, "no-data"],
    },
  );
});

test("a second week shows which way each figure goes, past which bound, and where the numbers are", async () => {
  const second = monday + weekMs;
  const tuesday = second + day;
  for (let n = 0; n < 10; n++) await started(tuesday + n * minute, 75_000);
  await closedCase(tuesday, "unclassified");
  await incident(tuesday, 400_000, 90 * minute);
  await system.setClock(second + 6 * day);
  await system.fitness?.look();
  const now = await figures();
  const shown = (name: string) => {
    const { value, target, state, trend, evidence, decision } = now[name] as Figure;
    return { value, target, state, trend, evidence, decision };
  };
  assert.deepEqual(shown("commands-per-second"), {
    value: 1_250,
    target: 500,
    state: "over-limit",
    trend: "worse",
    evidence: `/ops/process-statistics?resolution=minute&from=${new Date(tuesday).toISOString()}&until=${new Date(tuesday + 10 * minute).toISOString()}`,
    decision: "docs/decisions/0004-durable-acceptance.md",
  });
  assert.deepEqual(shown("crm-calls"), {
    value: 0.9,
    target: 0.5,
    state: "over-limit",
    trend: "worse",
    evidence: `/ops/treaties?day=${new Date(second).toISOString().slice(0, 10)}`,
    decision: "docs/decisions/0030-crm-footprint-order.md",
  });
  assert.deepEqual(shown("maintenance-cost"), {
    value: upkeep() + 2 + 10,
    target: 200,
    state: "within-target",
    trend: "worse",
    evidence: "docs/reference/fitness.md",
    decision: "docs/decisions/0009-treaties-and-hand-offs.md",
  });
  assert.deepEqual(shown("shared-stores"), {
    value: 0,
    target: 0,
    state: "within-target",
    trend: "steady",
    evidence: "docs/reference/configuration.md",
    decision: "docs/decisions/0001-journals-and-cursors.md",
  });
  assert.deepEqual(
    ["time-to-detect", "time-to-resolve"].map((name) => [
      now[name]?.value,
      now[name]?.state,
      now[name]?.trend,
    ]),
    [
      [400_000, "over-limit", "worse"],
      [90 * minute, "over-limit", "worse"],
    ],
  );
  // The evidence is of exactly what the figure is about.
  const { body } = await operator.get(now["commands-per-second"]?.evidence ?? "");
  const [topUps] = (body.types as { type: string; total: { started: number } }[]).filter(
    ({ type }) => type === "top-up",
  );
  assert.equal(topUps?.total.started, 750_000);
  const treaties = (await operator.get(now["crm-calls"]?.evidence ?? "")).body;
  const [calls] = treaties.budgets as { name: string; share: number; callers: object[] }[];
  assert.deepEqual(
    [calls?.name, calls?.share, calls?.callers],
    ["api-calls", 0.9, [{ treaty: "salesforce-case", operation: "open-case", total: 90_000 }]],
  );
  await ends(second);
  const then = await figures();
  const courseOf = (name: string) => then[name]?.weeks.map(({ value }) => value);
  assert.deepEqual(courseOf("commands-per-second"), [400, 1_250]);
  assert.deepEqual(courseOf("crm-calls"), [0.3, 0.9]);
  assert.deepEqual(courseOf("maintenance-cost"), [upkeep() + 4, upkeep() + 12]);
  assert.deepEqual(courseOf("time-to-detect"), [90_000, 400_000]);
  assert.deepEqual(courseOf("time-to-resolve"), [28 * minute, 90 * minute]);
  const { body: listed } = await operator.get("/ops/reviews?open=true");
  const reviews = listed.reviews as { figure: string; value: number; decision: string; evidence: string }[];
  const trigger = reviews.filter(({ figure: name }) => name === "commands-per-second");
  assert.deepEqual(
    trigger.map(({ value, decision, evidence }) => [value, decision, evidence]),
    [[1_250, then["commands-per-second"]?.decision, now["commands-per-second"]?.evidence]],
  );
});

test("a question about an entitlement that our copy answers is a read of Salesforce saved", async () => {
  const accountId = "acct-0001";
  await system.accept({
    type: noteCustomer.type,
    schemaVersion: noteCustomer.schemaVersion,
    target: "entitlement",
    tenantId,
    key: accountId,
    customerId: null,
    caller: "test",
    idempotencyKey: accountId,
    traceparent: null,
    data: { accountId, standing: "customer", heard: exampleHeard },
  });
  const path = `/accounts/${accountId}/entitlement`;
  await comes("the account is known", async () => (await operator.get(path)).status === 200);
  // Whom nobody knows we cannot answer about.
  assert.equal((await operator.get("/accounts/acct-9999/entitlement")).status, 404);
  for (let n = 1; n < 99; n++) await operator.get(path);
  // Passed on, and not answered there: no read of theirs, and none saved.
  assert.equal((await operator.get(`${path}?fresh=true`)).body.stale, true);
  const counted = async () => {
    // Writes what this program has counted.
    await system.treaties.budgets("entitlement", tenantId);
    return figure("crm-reads-saved");
  };
  assert.equal((await counted()).state, "no-data", "99 questions");
  await operator.get(path);
  const now = system.clock.now();
  await called(now, "salesforce-entitlement-changes", "read-changed", 5);
  const { value, state, target } = await counted();
  assert.deepEqual([value, state, target], [0.95, "within-target", 0.8]);
  await called(now, "salesforce-entitlement-now", "ask-entitlement", 100);
  // Every second question passed on.
  assert.deepEqual([(await counted()).value, (await counted()).state], [0.475, "over-limit"]);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(
    metrics,
    /^entente_treaty_answered_here\{treaty="salesforce-entitlement-now",label="copy"\} 100$/m,
  );
});

test("what only people know is shown as they said it, and a demand of auditors past 90 days fires its trigger once", async () => {
  const said = (name: string) => comes(`${name} is said`, async () => (await figure(name)).said !== null);
  const field = { value: 4, why: "Peak price: asked for on Monday, sold on Friday." };
  assert.equal((await operator.post("/ops/fitness/pricing-field-days/say", field)).status, 202);
  await said("pricing-field-days");
  const days = await figure("pricing-field-days");
  assert.deepEqual([days.value, days.state], [4, "within-target"]);
  assert.deepEqual([days.said?.by, days.said?.why], ["olga", field.why]);

  const demand = { value: 3_650, why: "Asked for at the audit of May." };
  assert.equal((await auditor.post("/ops/fitness/raw-log-days/say", demand)).status, 202);
  await said("raw-log-days");
  const reviews = async () => {
    const { body } = await operator.get("/ops/reviews");
    const all = body.reviews as { figure: string; value: number; limit: number; decision: string }[];
    return all.filter(({ figure: name }) => name === "raw-log-days");
  };
  for (let look = 0; look < 3; look++) {
    await system.setClock(system.clock.now() + 6 * minute);
    await system.fitness?.look();
    await comes("the trigger has fired", async () => (await reviews()).length > 0);
  }
  const [fired, ...more] = await reviews();
  assert.equal(more.length, 0);
  assert.deepEqual(
    [fired?.value, fired?.limit, fired?.decision],
    [3_650, 90, "docs/decisions/0004-durable-acceptance.md"],
  );
  const shown = await figure("raw-log-days");
  assert.deepEqual([shown.state, shown.said?.by, shown.said?.why], ["over-limit", "axel", demand.why]);
  // Nobody says what the system measures.
  assert.equal((await operator.post("/ops/fitness/crm-calls/say", { value: 0, why: "Wish." })).status, 404);
  await ends(weekOf(system.clock.now()));
  assert.deepEqual(
    (await figure("raw-log-days")).weeks.map(({ value }) => value),
    [null, null, 3_650],
  );
});
