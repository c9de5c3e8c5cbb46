/** What the system knows of itself, measured in databases with known data in them. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { weekMs, weekOf } from "../model/fitness.ts";
import type { Database } from "../postgres/database.ts";
import { openDatabase } from "../postgres/database.ts";
import { openProcessStatistics } from "../statistics/read-statistics.ts";
import { bank, bankProcesses } from "../testing/bank.fixture.ts";
import { billingTreaty } from "../testing/billing-treaty.fixture.ts";
import type { Counterparty } from "../testing/counterparty.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { type MeasureSources, measure } from "./measure.ts";
import { countSharedStores } from "./shared-stores.ts";

const bed = await openTestBed();
const name = bed.newName();
const minute = 60_000;
const day = 86_400_000;
const monday = weekOf(Date.UTC(2026, 2, 4));
const types = bankProcesses.map(({ type }) => type);
const billing = billingTreaty({
  counterparty: { port: 1 } as Counterparty,
  over: { budgets: [{ name: "calls", perDay: 1_000, warnAtShare: 0.8 }] },
});
let stage: Stage;
let front: Database;
let ledger: Database;

before(async () => {
  const { contexts } = bank(name);
  const definition = {
    name,
    contexts: contexts.map((one) => (one.name === "ledger" ? { ...one, treaties: [billing] } : one)),
  };
  stage = await bed.stage(definition);
  front = stage.connect("front");
  ledger = stage.connect("ledger");
});

/** Of the week; `away`: a context whose database does not answer. */
async function measured(tenantId: string, away: string | null = null, from = monday, until = from + weekMs) {
  // Nothing listens there.
  const nowhere = openDatabase({ url: "postgres://nobody@127.0.0.1:1/none", applicationName: "test" });
  try {
    const reached = (context: string, database: Database, treaties: readonly (typeof billing)[]) => {
      const own = context === away ? nowhere : database;
      return [context, { definition: { name: context, treaties }, database: own, journal: own }] as const;
    };
    const sources: MeasureSources = {
      database: front,
      records: front,
      processes: bankProcesses,
      statistics: openProcessStatistics(front, types),
      contexts: new Map([reached("front", front, []), reached("ledger", ledger, [billing])]),
      status: () => ({ contexts: [{ name: "ledger", state: "up", lagMs: 70 }] }),
      offsetMs: () => 0,
    };
    return await measure(sources, tenantId, from, until, false);
  } finally {
    await nowhere.close();
  }
}

const started = (tenantId: string, at: number, count: number, type = "deposit", shard = 0) =>
  front.execute(
    `insert into entente.process_minute (tenant_id, type, minute, shard, started)
     values ($1, $2, to_timestamp($3::float8 / 1000), $4, $5)`,
    [tenantId, type, at, shard, count],
  );

test("the busiest ten minutes are any ten in a row, over all types and shards, and they are named", async () => {
  const tuesday = monday + day + 10 * 3_600_000;
  // A rush across the full hour, which is in two halves by the clock.
  for (let n = -5; n < 5; n++) await started("rush", tuesday + n * minute, 500);
  await started("rush", tuesday, 400, types.at(-1));
  await started("rush", tuesday, 600, "deposit", 1);
  // More in a minute, and less in ten.
  await started("rush", tuesday + 3_600_000, 5_900);
  // Another week, and somebody else.
  await started("rush", monday + weekMs, 90_000);
  await started("others", tuesday, 90_000);
  assert.deepEqual((await measured("rush")).busiest, { perSecond: 10, from: tuesday - 5 * minute });
  assert.equal((await measured("nobody")).busiest, null);
});

const called = (tenantId: string, at: number, operation: string, total: number, budget = "calls") =>
  ledger.execute(
    `insert into entente.treaty_call (tenant_id, day, target, budget, treaty, operation, total)
     values ($1, $2::date, $3, $4, $5, $6, $7)`,
    [
      tenantId,
      new Date(at).toISOString().slice(0, 10),
      billing.target,
      budget,
      billing.name,
      operation,
      total,
    ],
  );

test("a week's calls are those of its seven days, and its share that of the day with most", async () => {
  await called("caller", monday - day, "send", 5_000);
  await called("caller", monday, "send", 200);
  await called("caller", monday + 3 * day, "send", 300);
  await called("caller", monday + 3 * day, "ask", 150);
  await called("caller", monday + 6 * day, "ask", 100);
  await called("caller", monday + 6 * day, "copy", 7, "answered-here");
  // The first day of the next week.
  await called("caller", monday + weekMs, "send", 5_000);
  const { busiestDays, calls } = await measured("caller");
  const thursday = new Date(monday + 3 * day).toISOString().slice(0, 10);
  assert.deepEqual([...(busiestDays ?? [])], [["billing calls", { share: 0.45, day: thursday }]]);
  assert.deepEqual(Object.fromEntries(calls ?? []), {
    "billing-activation calls send": 500,
    "billing-activation calls ask": 250,
    "billing-activation answered-here copy": 7,
  });
  assert.equal((await measured("nobody")).busiestDays?.size, 0);
});

interface CaseGiven {
  readonly kind?: string;
  readonly openedAt?: number;
  readonly claimedBy?: string;
  readonly closedBy?: string;
  readonly closedAt?: number;
}

const aCase = ({ kind = "rejected", openedAt = monday - day, claimedBy, closedBy, closedAt }: CaseGiven) =>
  ledger.execute(
    `insert into entente.fallout_case (tenant_id, case_id, hand_off_id, treaty, target, kind, says, owner, opened_at, claimed_by,
        closed_by, closed_at, closed_why)
     values ('worker', gen_random_uuid(), gen_random_uuid(), $1, $2, $3, 'Says.', 'team', to_timestamp($4::float8 / 1000), $5, $6,
       to_timestamp($7::float8 / 1000), case when $6::text is null then null else 'Done.' end)`,
    [
      billing.name,
      billing.target,
      kind,
      openedAt,
      claimedBy ?? null,
      closedBy ?? null,
      closedBy === undefined ? null : (closedAt ?? monday + day),
    ],
  );

const parked = (causeCode: string, parkedAt: number | null, closedAt: number | null) =>
  ledger.execute(
    `insert into entente.parked (consumer, entry_id, journal, lane, xid, seq, tenant_id, key, process_id, type, entry, state, policy,
        cause_code, parked_at, closed_at)
     values ('account', gen_random_uuid(), 'front', 0, '1', 1, 'worker', 'a-1', gen_random_uuid(), 'bank.deposit', '{}',
       case when $3::float8 is null then 'parked' else 'done' end, 'step-aside', $1, to_timestamp($2::float8 / 1000),
       to_timestamp($3::float8 / 1000))`,
    [causeCode, parkedAt, closedAt],
  );

test("a repair is what a person did; what came right by itself is none, and neither is what was done in another week", async () => {
  const inside = monday + 2 * day;
  await aCase({ closedBy: "olga" });
  await aCase({ kind: "sums-differ", closedBy: "olga" });
  // A person worked on it, and then the answer came.
  await aCase({ claimedBy: "olga", closedBy: "callback" });
  for (const closedBy of ["answer", "callback", "inquiry", "reconciliation", "domain"])
    await aCase({ closedBy });
  await aCase({ closedBy: "olga", closedAt: monday + weekMs });
  await aCase({});
  await parked("decider-threw", inside - day, inside);
  await parked("decider-threw", inside, null);
  // Tried again by itself, and done.
  await parked("database-unavailable", null, inside);
  // What nobody could read: agreements about content that did not hold.
  await aCase({ kind: "unclassified", openedAt: inside });
  await aCase({ kind: "record-unreadable", openedAt: inside });
  await aCase({ kind: "unclassified", openedAt: monday - day });
  for (const code of ["command-type-unknown", "data-rejected", "request-invalid"])
    await parked(code, inside, null);
  await parked("request-invalid", monday + weekMs, null);
  const { repairs, failedChanges } = await measured("worker");
  assert.deepEqual({ repairs, failedChanges }, { repairs: 4, failedChanges: 5 });
  const nobody = await measured("nobody");
  assert.deepEqual([nobody.repairs, nobody.failedChanges], [0, 0]);
});

test("contexts that have one database are found whatever it is called, and those beside each other are none", async () => {
  assert.equal((await measured("nobody")).sharedStores, 0);
  const byName = new URL(ledger.url);
  byName.hostname = byName.hostname === "localhost" ? "127.0.0.1" : "localhost";
  const again = openDatabase({ url: byName.href, applicationName: "test" });
  // The login that reads its journal comes to the same place.
  const reader = stage.connect("ledger", "reader");
  try {
    assert.equal(await countSharedStores([front, ledger]), 0);
    assert.equal(await countSharedStores([front, ledger, again]), 1);
    assert.equal(await countSharedStores([front, ledger, again, reader]), 2);
  } finally {
    await again.close();
  }
});

test("what a database that is away would say is not known, and the rest is", async () => {
  const { calls, busiestDays, repairs, failedChanges, sharedStores, busiest, lagMs } = await measured(
    "rush",
    "ledger",
  );
  assert.deepEqual(
    { calls, busiestDays, repairs, failedChanges, sharedStores },
    { calls: null, busiestDays: null, repairs: null, failedChanges: null, sharedStores: null },
  );
  assert.deepEqual([busiest?.perSecond, lagMs], [10, 70]);
});
