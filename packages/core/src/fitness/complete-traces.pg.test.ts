/** Stories into which batches, other systems, looks and people put something, as the figure of complete traces reads them. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { SystemDefinition } from "../context/definition.ts";
import type { System } from "../context/system.ts";
import { withFitness } from "../context/with-fitness.ts";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { Decider } from "../model/decider.ts";
import type { Entry, JsonObject } from "../model/entry.ts";
import { type FitnessFunction, weekMs, weekOf } from "../model/fitness.ts";
import type { HandOffState } from "../model/hand-off.ts";
import { openDatabase } from "../postgres/database.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { billingTreaty, outside } from "../testing/billing-treaty.fixture.ts";
import { type Counterparty, startCounterparty } from "../testing/counterparty.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import type { Happenings } from "../testing/happenings.fixture.ts";
import { openShelf, stockDecider } from "../testing/shelf.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import type { FollowingTreaty, HandOffTreaty } from "../treaty/treaty.ts";
import { measure } from "./measure.ts";
import type { Fitness } from "./open-fitness.ts";

const bed = await openTestBed();
const quarter = 15 * 60_000;
const ann = { by: "ann", why: "drill" };
const whole: FitnessFunction = {
  name: "complete-traces",
  says: "Stories without a gap.",
  formula: "Of the latest 20.",
  unit: "share",
  better: "higher",
  target: 1,
  limit: 1,
  evidence: "/ops/processes/{id}/timeline",
  decision: "docs/decisions/0001-journals-and-cursors.md",
  read: ({ completeTraces }) => completeTraces,
};

const name = bed.newName();
const shelf = openShelf();
let books: Counterparty;
let payments: Counterparty;
let system: System;
let happenings: Happenings;
let fitness: Fitness;

before(async () => {
  [books, payments] = await Promise.all([startCounterparty(), startCounterparty()]);
  bed.atEnd(() => Promise.all([books.close(), payments.close()]));
  const own: Partial<HandOffTreaty> = {
    factsFrom: ["ledger"],
    request: ({ processId, data }: Entry) => [
      {
        aggregateType: "payment",
        aggregateId: processId,
        line: null,
        data: { amount: Number(data.amount) } as JsonObject,
      },
    ],
    withdraws: () => [],
  };
  const posting = billingTreaty({
    counterparty: books,
    name: "posting",
    target: "books",
    purpose: "post",
    facts: ["bank.deposited"],
    over: { ...own, batch: { rowsAllowed: 20 } },
  });
  const payout = billingTreaty({
    counterparty: payments,
    name: "payout",
    target: "payments",
    purpose: "pay-out",
    facts: ["bank.settled"],
    times: { resultWithinMs: quarter, reconcileEveryMs: quarter, personAfterMs: 4 * quarter },
    over: own,
  });
  /** What lies on the shelf is about one of our processes. */
  const stock: FollowingTreaty = {
    ...shelf.treaty,
    tells(record) {
      const news = shelf.treaty.tells(record);
      return { ...news, command: { ...news.command, processId: news.name } };
    },
  };
  const { contexts } = bank(name);
  const definition: SystemDefinition = {
    name,
    contexts: contexts.map((context) =>
      context.name === "ledger"
        ? {
            ...context,
            treaties: [posting, payout, stock],
            deciders: [
              ...(context.deciders ?? []),
              { decider: stockDecider as Decider<object>, commandsFrom: ["ledger"] },
            ],
          }
        : context,
    ),
  };
  ({ system, happenings } = await bed.start(withFitness(definition, [whole]), {
    settings: { statisticsGatherMs: 5, fitnessEveryMs: 3_600_000 },
    outside: outside([posting, payout]),
  }));
  if (system.fitness === null) throw new Error("no fitness");
  ({ fitness } = system);
  // Mid-week, so that no week ends meanwhile.
  await system.setClock(weekOf(Date.now() + weekMs) + 2 * 86_400_000);
});

/** Accepted and confirmed, each on an account of its own. */
async function done(tenantId: string, type: "deposit" | "settle", count = 1): Promise<string[]> {
  const isTogether = count > 1;
  if (isTogether) await system.setPaused("ledger", true, { tenantId, ...ann });
  const accepted = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      system.accept(submission(type, `a-${n}`, { amount: 5 }, { tenantId })),
    ),
  );
  if (isTogether) await system.setPaused("ledger", false, { tenantId, ...ann });
  const ids = accepted.map(({ processId }) => processId);
  for (const processId of ids)
    await happenings.until(
      `${processId} is confirmed`,
      async () => (await system.processes.read(tenantId, processId))?.state === "confirmed",
    );
  return ids;
}

const all: readonly HandOffState[] = ["created", "sent", "accepted", "completed", "rejected", "unknown"];
const handOffs = (tenantId: string, target: string) =>
  system.treaties.handOffs("ledger", tenantId, all, target, 100);

/** Every hand-off of the tenant to the target is in that state, and there is at least one. */
async function becomes(tenantId: string, target: string, state: HandOffState) {
  await happenings.until(`hand-offs to ${target} are ${state}`, async () => {
    const found = await handOffs(tenantId, target);
    return found.length > 0 && found.every((one) => one.state === state);
  });
  return handOffs(tenantId, target);
}

const complete = async (tenantId: string): Promise<number | null | undefined> =>
  (await fitness.scorecard(tenantId)).functions.find(({ definition }) => definition === whole)?.value;

/** Rows the administrator changes, whom no trigger stops. */
async function tamper(text: string, values: readonly unknown[]): Promise<void> {
  await bed.sql(name, "ledger", "set session_replication_role = replica");
  await bed.sql(name, "ledger", text, values);
}

test("processes that share a batch are complete, each by its own fact among the rows", async () => {
  const ids = await done("batch", "deposit", 6);
  const batches = await becomes("batch", "books", "completed");
  assert.ok(
    batches.some(({ rows }) => rows > 1),
    "several processes in one batch",
  );
  assert.equal(
    batches.reduce((sum, { rows }) => sum + rows, 0),
    ids.length,
  );
  assert.equal(await complete("batch"), 1);
});

test("a process that a callback moved is complete", async () => {
  payments.behave = () => "accept";
  await done("callback", "settle");
  const [{ idempotencyKey = "" } = {}] = await becomes("callback", "payments", "accepted");
  payments.finish(idempotencyKey);
  const { headers, rawBody } = payments.callback("callback", idempotencyKey, "DONE");
  const receipt = await system.treaties.receiveCallback("payout", headers, rawBody, "192.0.2.7");
  assert.equal(receipt.outcome, "received");
  await becomes("callback", "payments", "completed");
  assert.equal(await complete("callback"), 1);
});

test("a process that a look of reconciliation moved is complete", async () => {
  payments.behave = () => "accept";
  await done("look", "settle");
  const [{ idempotencyKey = "" } = {}] = await becomes("look", "payments", "accepted");
  payments.finish(idempotencyKey);
  await system.setClock(system.clock.now() + quarter + 60_000);
  await becomes("look", "payments", "completed");
  assert.equal(await complete("look"), 1);
});

test("a process whose hand-off two people had sent anew is complete", async () => {
  payments.behave = () => "reject";
  const tenantId = "people";
  await done(tenantId, "settle");
  const [{ handOffId = "" } = {}] = await becomes(tenantId, "payments", "rejected");
  payments.behave = () => "done";
  const ask = { tenantId, treaty: "payout", handOffIds: [handOffId], ...ann };
  const { requestId } = await system.treaties.askRecovery(ask);
  await system.treaties.approveRecovery("ledger", { tenantId, requestId, by: "bob", why: "agreed" });
  await becomes(tenantId, "payments", "completed");
  assert.equal(await complete(tenantId), 1);
});

test("a process about which something was heard in a followed feed is complete", async () => {
  const [processId = ""] = await done("acme", "deposit");
  shelf.put(processId, 3);
  await happenings.until("what was heard is noted", async () => {
    const story = await system.timelines.read("acme", processId, 100);
    return story?.steps.some(({ type }) => type === "shop.stock-noted") ?? false;
  });
  await becomes("acme", "books", "completed");
  assert.equal(await complete("acme"), 1);
});

test("an entry that names a cause nobody has is counted", async () => {
  const tenantId = "forged";
  const [one = ""] = await done(tenantId, "deposit");
  await done(tenantId, "deposit");
  await becomes(tenantId, "books", "completed");
  assert.equal(await complete(tenantId), 1);
  const now = system.clock.now();
  const forged = { tenantId, processId: one, correlationId: one, causationId: newId(now) };
  await appendEntries(databaseOf(system, "ledger"), [fact({ type: "bank.noted", ...forged }, now)]);
  assert.equal(await complete(tenantId), 0.5);
});

test("an entry from which others followed and that is gone is counted", async () => {
  payments.behave = () => "done";
  const tenantId = "deleted";
  const [one = ""] = await done(tenantId, "settle", 2);
  await becomes(tenantId, "payments", "completed");
  assert.equal(await complete(tenantId), 1);
  await tamper("delete from entente.journal where process_id = $1 and type = 'bank.settled'", [one]);
  assert.equal(await complete(tenantId), 0.5);
});

test("a batch with a row that names another fact than the process's is counted for that process alone", async () => {
  const tenantId = "forged-row";
  const [one = ""] = await done(tenantId, "deposit", 2);
  await becomes(tenantId, "books", "completed");
  assert.equal(await complete(tenantId), 1);
  const [{ id = "" } = {}] = await databaseOf(system, "ledger").execute<{ id: string }>(
    "select id from entente.journal where process_id = $1 and type = 'bank.deposited'",
    [one],
  );
  await tamper(
    `update entente.journal set data = replace(data::text, $1, $2)::json
     where type = 'entente.hand-off-opened' and tenant_id = $3 and data::text like '%' || $1 || '%'`,
    [id, newId(system.clock.now()), tenantId],
  );
  assert.equal(await complete(tenantId), 0.5);
});

test("while a context's database is away nobody can tell whether stories are complete", async () => {
  // Nothing listens there.
  const nowhere = openDatabase({ url: "postgres://nobody@127.0.0.1:1/none", applicationName: "test" });
  bed.atEnd(() => nowhere.close());
  const now = system.clock.now();
  const said = async (away: string | null) => {
    const contexts = [...system.contexts].map(
      ([context, reached]) =>
        [context, context === away ? { ...reached, database: nowhere, journal: nowhere } : reached] as const,
    );
    const { database } = system.contexts.get("front") ?? { database: nowhere };
    const sources = {
      database,
      records: database,
      processes: [],
      statistics: system.statistics,
      contexts: new Map(contexts),
      status: () => system.status(),
      offsetMs: () => system.clock.offsetMs(),
    };
    return (await measure(sources, "batch", now - weekMs, now, false)).completeTraces;
  };
  assert.deepEqual([await said(null), await said("ledger")], [1, null]);
});
