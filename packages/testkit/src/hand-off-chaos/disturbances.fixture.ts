/** What is done to the processes and the ways between them while hand-offs are under way. Each lasts until others have taken over. */
import type { SeededRandom } from "../seeded-random.ts";
import type { Counterparty, ShopUnderTest, Worker } from "./shop-under-test.fixture.ts";

export const disturbances = {
  /** A worker ends without a word, wherever it is. */
  async kill(shop: ShopUnderTest, random: SeededRandom) {
    const worker = anyOf(shop, random);
    await worker.process.kill();
    await worker.start();
  },

  /** A worker ends at a place where much is half done. */
  async "kill at a point"(shop: ShopUnderTest, random: SeededRandom) {
    const worker = anyOf(shop, random);
    await worker.process.kill();
    const dying = await worker
      .start(`${points[random.below(points.length)]}@${1 + random.below(10)}`)
      .catch(() => null);
    // Where nothing leads past the point any more, it dies where it is.
    if (dying !== null) await within(2_000, dying.exited);
    await worker.process.kill();
    await worker.start();
  },

  /** A worker is suspended past its leases and past the patience of its own sendings, and then goes on as if nothing had been. */
  async suspend(shop: ShopUnderTest, random: SeededRandom) {
    const worker = anyOf(shop, random);
    await bothAtWork(shop);
    const mark = worker.process.lineCount;
    process.kill(worker.process.pid, "SIGUSR2");
    await worker.process.waitForLine(/^stopping$/, 30_000, mark);
    // It stops itself a moment after it said so. Resumed before, it would stop for good.
    await worker.process.untilPaused();
    await takenOver(shop);
    worker.process.resume();
  },

  /** PostgreSQL ends without a word; its supervisor brings it back. */
  async "kill PostgreSQL"(shop: ShopUnderTest) {
    const { pid } = shop.postgres;
    process.kill(pid, "SIGKILL");
    await until("PostgreSQL is back", async () => {
      // A backend that has not noticed yet still answers.
      if (shop.postgres.pid === pid) return false;
      await shop.database.execute("select 1");
      return true;
    });
  },

  /** One worker does not reach PostgreSQL, and is not told so. The counterparties it reaches. */
  async "part from PostgreSQL"(shop: ShopUnderTest, random: SeededRandom) {
    const { toPostgres } = anyOf(shop, random);
    await bothAtWork(shop);
    await somethingSent(shop);
    toPostgres.blackHole();
    await takenOver(shop);
    toPostgres.clear();
  },

  /** A worker's commit is done, and it is not told. */
  async "lose a commit's answer"(shop: ShopUnderTest, random: SeededRandom) {
    const fault = anyOf(shop, random).toPostgres.resetAfterCommit({ times: 1 + random.below(3) });
    await within(3_000, fault.fired);
    fault.disarm();
  },

  "part from payments": (shop: ShopUnderTest, random: SeededRandom) => part(shop, shop.payments, random),
  "part from the ledger": (shop: ShopUnderTest, random: SeededRandom) => part(shop, shop.ledger, random),

  /** Every connection to both is broken at once. */
  async "reset connections"({ payments, ledger }: ShopUnderTest) {
    payments.proxy.resetAll();
    ledger.proxy.resetAll();
  },

  /** A counterparty is away as a whole: it refuses, hangs, or says so. */
  async outage(shop: ShopUnderTest, random: SeededRandom) {
    const { control } = random.below(2) === 0 ? shop.payments : shop.ledger;
    await control.outage((["refuse", "hang", "unavailable"] as const)[random.below(3)] ?? "hang");
    await troubled(shop);
    await control.outage("none");
  },
} as const;

export type Disturbance = keyof typeof disturbances;

const points = [
  "courier:before-commit",
  "courier:before-send",
  "courier:answered",
  "courier:before-settle",
  "consumer:before-commit",
  "consumer:after-commit",
];

function anyOf({ workers }: ShopUnderTest, random: SeededRandom): Worker {
  return workers[random.below(2) as 0 | 1];
}

/** Nothing passes, in one direction or in both. */
async function part(shop: ShopUnderTest, { proxy }: Counterparty, random: SeededRandom): Promise<void> {
  proxy.blackHole((["both", "to-server", "to-client"] as const)[random.below(3)]);
  await troubled(shop);
  proxy.clear();
}

/** One worker has every lane, and every sending that was under way when this is called has found its end without the other. */
async function takenOver(shop: ShopUnderTest): Promise<void> {
  const sent = await shop.database.execute<{ sending: string }>(
    "select sending from entente.hand_off where state = 'sent'",
  );
  await until("what was under way has been taken over", async () => {
    if ((await couriers(shop)) > 1) return false;
    const [left] = await shop.database.execute<{ n: number }>(
      "select count(*)::int as n from entente.hand_off where state = 'sent' and sending = any($1::uuid[])",
      [sent.map(({ sending }) => sending)],
    );
    return left?.n === 0;
  });
}

/** Processes that have a share of the payments. */
async function couriers(shop: ShopUnderTest): Promise<number> {
  const owners =
    "select distinct owner from entente.lease where consumer = 'courier:payments' and leased_until > clock_timestamp()";
  return count(shop, `(${owners}) o`);
}

async function bothAtWork(shop: ShopUnderTest): Promise<void> {
  await until("both workers have their share", async () => (await couriers(shop)) === 2);
}

/** Several have become unknown since; or not so many were under way. */
async function troubled(shop: ShopUnderTest): Promise<void> {
  const unknown = () => count(shop, "entente.journal where type = 'entente.hand-off-unknown'");
  const before = await unknown();
  const limit = performance.now() + 3_000;
  while (performance.now() < limit && (await unknown()) < before + 5) await pause(50);
}

/** At this moment an answer is waited for; or there is nothing to send. */
async function somethingSent(shop: ShopUnderTest): Promise<void> {
  const limit = performance.now() + 2_000;
  while (performance.now() < limit && (await count(shop, "entente.hand_off where state = 'sent'")) === 0)
    await pause(5);
}

async function count({ database }: ShopUnderTest, what: string): Promise<number> {
  const [row] = await database.execute<{ n: number }>(`select count(*)::int as n from ${what}`);
  return row?.n ?? 0;
}

async function within(ms: number, event: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  await Promise.race([event.catch(() => {}), pause(ms, late.signal)]);
  late.abort();
}

/** Asks again while what it asks is away. */
export async function until(
  what: string,
  condition: () => Promise<boolean>,
  limitMs = 120_000,
): Promise<void> {
  const limit = performance.now() + limitMs;
  let trouble: unknown = null;
  for (;;) {
    try {
      if (await condition()) return;
    } catch (error) {
      trouble = error;
    }
    if (performance.now() > limit) throw new Error(`waited in vain until ${what}`, { cause: trouble });
    await pause(50);
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
