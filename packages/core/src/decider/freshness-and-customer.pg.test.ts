import assert from "node:assert/strict";
import { test } from "node:test";
import type { Decider } from "../model/decider.ts";
import { isStale } from "../model/freshness.ts";
import { bank } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { offer, startWorker } from "../testing/worker.fixture.ts";
import { fireDueTimers } from "../timer/timers.ts";
import { deciderConsumer } from "./decider-consumer.ts";

const bed = await openTestBed();
const now = Date.now();
const rule = { parking: "step-aside", schemaVersion: "1.0.0" } as const;

interface Rated {
  readonly customer: string | null;
}

/** Notes exchange rates, as a market tells them, for accounts that may have an owner by then. */
const rates: Decider<Rated> = {
  name: "rates",
  commands: { "bank.own": rule, "bank.rate": rule, "bank.no": rule, "bank.ring": rule },
  facts: [
    { type: "bank.owned", schemaVersion: "1.0.0", ttlMs: "never" },
    { type: "bank.rated", schemaVersion: "1.0.0", ttlMs: 60_000 },
    { type: "bank.converted", schemaVersion: "1.0.0" },
    { type: "bank.refused", schemaVersion: "1.0.0" },
  ],
  refusalType: "bank.refused",
  initial: { customer: null },
  customerOf: ({ customer }) => customer,
  decide(_, { type, data }) {
    if (type === "bank.no") return { refused: true, code: "no-rate", reason: "There is no rate." };
    if (type === "bank.own") return { facts: [{ type: "bank.owned", data }] };
    return {
      facts: [
        { type: "bank.rated", data },
        { type: "bank.converted", data },
      ],
      timers: [{ name: "ring", dueAt: now, type: "bank.ring", data: {} }],
      commands: [
        { target: "front", type: "bank.tell", schemaVersion: "1.0.0", ttlMs: 60_000, data: {} },
        { target: "front", type: "bank.book", schemaVersion: "1.0.0", data: {} },
      ],
    };
  },
  evolve: (state, { type, data }) =>
    type === "bank.owned" ? { customer: String(data.customer ?? "c-9") } : state,
};

/** Everything the ledger has written, by key: type, ttl, customer, time. */
async function written(stage: Stage, key: string) {
  const rows = await stage.database("ledger").execute<{
    type: string;
    ttlMs: number | null;
    customer: string | null;
    at: number;
  }>(
    `select type, ttl_ms::float8 as "ttlMs", customer_id as customer, (extract(epoch from occurred_at) * 1000)::float8 as at
     from entente.journal where key = $1 order by xid, seq`,
    [key],
  );
  return rows;
}

async function rating(...commands: ReturnType<typeof command>[]): Promise<Stage> {
  const stage = await bed.stage(bank(bed.newName()));
  const front = {
    context: "front",
    database: stage.database("front", "reader"),
    reading: "everything",
  } as const;
  const worker = await startWorker(bed, stage, {
    definition: () =>
      deciderConsumer(rates, { context: "ledger", sources: [front], now: () => now, onFacts: () => {} }),
  });
  await offer(stage, commands, worker);
  await worker.happenings.until("all decided", async () => {
    const [row] = await stage
      .database("ledger")
      .execute<{ n: number }>("select count(distinct causation_id)::int as n from entente.journal");
    return row?.n === commands.length;
  });
  await worker.stop();
  return stage;
}

const rate = (key: string, ageMs: number, ttlMs: number | null) =>
  command({ type: "bank.rate", key, ttlMs, occurredAt: now - ageMs });

test("a fact has the time its type declares, and what is left of its cause's when that is less", async () => {
  const stage = await rating(
    rate("fresh", 0, null),
    rate("old", 50_000, 60_000),
    rate("late", 90_000, 60_000),
  );
  const ttls = async (key: string) =>
    Object.fromEntries((await written(stage, key)).map(({ type, ttlMs }) => [type, ttlMs]));
  const lasting = { "bank.converted": null, "bank.book": null };
  assert.deepEqual(await ttls("fresh"), { ...lasting, "bank.rated": 60_000, "bank.tell": 60_000 });
  assert.deepEqual(await ttls("old"), { ...lasting, "bank.rated": 10_000, "bank.tell": 10_000 });
  // Decided now, and old news from its first millisecond on.
  assert.deepEqual(await ttls("late"), { ...lasting, "bank.rated": 1, "bank.tell": 1 });
  const [rated] = await written(stage, "late");
  assert.equal(isStale({ occurredAt: rated?.at ?? 0, ttlMs: rated?.ttlMs ?? null }, now + 2), true);
});

test("facts, refusals, wishes and timers name the customer once the decider knows one, and only then", async () => {
  const stage = await rating(
    command({ type: "bank.no", key: "a-1" }),
    command({ type: "bank.own", key: "a-1", data: { customer: "c-9" } }),
    command({ type: "bank.no", key: "a-1" }),
    rate("a-1", 0, null),
    command({ type: "bank.no", key: "a-2", customerId: "c-said" }),
  );
  await fireDueTimers(stage.database("ledger"), "ledger", now);
  assert.deepEqual(
    (await written(stage, "a-1")).map(({ type, customer }) => [type, customer]),
    [
      ["bank.refused", null],
      ["bank.owned", "c-9"],
      ["bank.refused", "c-9"],
      ["bank.rated", "c-9"],
      ["bank.converted", "c-9"],
      ["bank.tell", "c-9"],
      ["bank.book", "c-9"],
      ["bank.ring", "c-9"],
    ],
  );
  assert.deepEqual(
    (await written(stage, "a-2")).map(({ customer }) => customer),
    ["c-said"],
  );
});
