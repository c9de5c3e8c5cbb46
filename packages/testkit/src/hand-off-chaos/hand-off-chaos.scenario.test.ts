import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { NewEntry } from "@entente/core";
import { appendEntries, newId } from "@entente/core/internal";
import { checkHandOffs, type HandOffRun, type HandOffViolationCode } from "../hand-off-check.ts";
import { seededRandom } from "../seeded-random.ts";
import { type Disturbance, disturbances, until } from "./disturbances.fixture.ts";
import { ledgerMisbehaves, paymentsMisbehave } from "./misbehaviour.fixture.ts";
import { entryKey, paymentKey, readRun, tenantId } from "./shop-run.fixture.ts";
import { type ShopUnderTest, startShop } from "./shop-under-test.fixture.ts";

/**
 * The promise of treaties: whatever is killed, suspended or parted while counterparties misbehave, every hand-off ends completed,
 * rejected, cancelled or with a person, and what we believe is what happened, once.
 * `ENTENTE_CHAOS_HAND_OFFS` sets how many acts (default 500; the long run uses 10,000), `ENTENTE_CHAOS_DISTURBANCES` how many
 * disturbances (default 5; ten are one of each kind), `ENTENTE_CHAOS_SEED` the seed.
 */
const acts = Number(process.env.ENTENTE_CHAOS_HAND_OFFS ?? 500);
const times = Number(process.env.ENTENTE_CHAOS_DISTURBANCES ?? 5);
const seed = Number(process.env.ENTENTE_CHAOS_SEED ?? Date.now() % 1_000_000);
const random = seededRandom(seed);
/** A kill, a suspension and a partition first, then the others by the luck of the seed. */
const order = shuffled(Object.keys(disturbances) as Disturbance[], [
  "kill",
  "suspend",
  "part from PostgreSQL",
]);
const opened: ShopUnderTest[] = [];

after(async () => {
  for (const shop of opened) await shop.stop();
});

test(`${acts} hand-offs, alone and in batches, to counterparties that misbehave at random, through ${times} kills, suspensions and partitions: each ends as one, and both sides agree (seed ${seed})`, async () => {
  const shop = await startShop(seed);
  opened.push(shop);
  for (const rule of paymentsMisbehave) await shop.payments.control.rule(rule);
  for (const rule of ledgerMisbehaves) await shop.ledger.control.rule(rule);

  const asked: string[] = [];
  const done: Partial<Record<Disturbance, number>> = {};
  for (let n = 0; n < times; n++) {
    const kind = order[n % order.length] as Disturbance;
    await ask(shop, asked, Math.round((acts * (n + 0.5)) / times));
    await Promise.all([
      disturbances[kind](shop, random),
      ask(shop, asked, Math.round((acts * (n + 1)) / times)),
    ]);
    done[kind] = (done[kind] ?? 0) + 1;
    await letTheBlockedGoOn(shop);
    // Bank debits settle, and callbacks nobody was there to take come again.
    await shop.payments.control.advance("PT16M");
  }
  await comeToRest(shop);

  const run = await readRun(shop, asked);
  const count = await countCases(shop, run);
  console.log(`disturbances ${JSON.stringify(done)}; ${JSON.stringify(count)}`);
  assert.deepEqual(checkHandOffs(run).slice(0, 10), []);
  assert.equal(run.asked.length, acts);
  // A run without these cases would prove nothing.
  for (const [what, n] of Object.entries(count)) assert.ok(n > 0, `no ${what}`);
  checkTheChecker(run);
});

function shuffled(kinds: readonly Disturbance[], first: readonly Disturbance[]): readonly Disturbance[] {
  const others = kinds.filter((kind) => !first.includes(kind));
  for (let n = others.length - 1; n > 0; n--) {
    const other = random.below(n + 1);
    [others[n], others[other]] = [others[other] as Disturbance, others[n] as Disturbance];
  }
  return [...first, ...others];
}

/** Asks for acts until there are so many: payments alone and entries in batches, some of them withdrawn at once. */
async function ask(shop: ShopUnderTest, asked: string[], count: number): Promise<void> {
  const facts: NewEntry[] = [];
  const day = new Date().toISOString().slice(0, 10);
  const methods = [
    "pm_card_visa",
    "pm_card_visa",
    "pm_usBankAccount",
    "pm_usBankAccount_accountClosed",
  ] as const;
  while (asked.length < count) {
    const n = asked.length;
    const amountMinor = 50 + random.below(10_000);
    if (random.below(5) < 2) {
      facts.push(fact("shop.booked", `e-${n}`, { entryId: `e-${n}`, amountMinor, day }));
      asked.push(entryKey(`e-${n}`));
      continue;
    }
    const method = methods[random.below(methods.length)] as string;
    facts.push(fact("shop.paid", `p-${n}`, { paymentId: `p-${n}`, amountMinor, method }));
    asked.push(paymentKey(`p-${n}`));
    if (random.below(12) === 0) facts.push(fact("shop.cancelled", `p-${n}`, { paymentId: `p-${n}` }));
  }
  for (let n = 0; n < facts.length; n += 500) await append(shop, facts.slice(n, n + 500));
}

/** While PostgreSQL is away, what became of a commit is found out before it is tried again. */
async function append({ database }: ShopUnderTest, facts: readonly NewEntry[]): Promise<void> {
  const ids = facts.map(({ id }) => id);
  await until("the facts are in the journal", async () => {
    const found = await database.execute("select 1 from entente.journal where id = any($1::uuid[])", [ids]);
    if (found.length === 0) await appendEntries(database, facts);
    return true;
  });
}

function fact(type: string, key: string, data: NewEntry["data"]): NewEntry {
  const id = newId(Date.now());
  return {
    id,
    kind: "event",
    type,
    schemaVersion: "1.0.0",
    source: "shop",
    target: null,
    tenantId,
    key,
    keyVersion: null,
    processId: id,
    correlationId: id,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: Date.now(),
    data,
  };
}

/** The operator's part: the key is sound, and what was stopped for it may go on. */
async function letTheBlockedGoOn({ system }: ShopUnderTest): Promise<void> {
  for (const { treaty, stopped } of await system.treaties.states("shop")) {
    if (stopped)
      await system.treaties.setStopped(treaty, false, { tenantId, by: "operator", why: "key is sound" });
  }
}

/** Counterparties and ways are sound from here on; what is still open must come to an end by itself. */
async function comeToRest(shop: ShopUnderTest): Promise<void> {
  await Promise.all([shop.payments.control.removeRules(), shop.ledger.control.removeRules()]);
  let advances = 0;
  let last = "";
  await until(
    "every hand-off has ended",
    async () => {
      await letTheBlockedGoOn(shop);
      const open = await shop.database.execute<{ state: string; n: number }>(
        `select state, count(*)::int as n from entente.hand_off
         where state not in ('completed', 'rejected', 'cancelled', 'fallout') group by 1`,
      );
      // Keys are remembered over there for a day, and the day must not end here.
      if (open.some(({ state }) => state === "accepted") && advances++ < 20)
        await shop.payments.control.advance("PT16M");
      if (open.length > 0) last = JSON.stringify(open);
      return open.length === 0;
    },
    150_000,
  ).catch(async (error: unknown) => {
    const some = await shop.database.execute(
      `select h.*, clock_timestamp() as present from entente.hand_off h
       where state not in ('completed', 'rejected', 'cancelled', 'fallout') limit 3`,
    );
    const leases = await shop.database.execute(
      "select * from entente.lease where leased_until < clock_timestamp() limit 5",
    );
    console.log(
      `still open ${last}, such as ${JSON.stringify(some)}; leases run out ${JSON.stringify(leases)}`,
    );
    throw error;
  });
}

async function countCases(shop: ShopUnderTest, run: HandOffRun): Promise<Record<string, number>> {
  const entries = async (type: string): Promise<number> => {
    const [row] = await shop.database.execute<{ n: number }>(
      "select count(*)::int as n from entente.journal where type = $1",
      [type],
    );
    return row?.n ?? 0;
  };
  const states = (state: string): number => run.beliefs.filter((one) => one.state === state).length;
  const requests = async ({ control }: ShopUnderTest["payments"], operation: string): Promise<number> =>
    (await control.calls({ operation })).length;
  return {
    completed: states("completed"),
    rejected: states("rejected"),
    cancelled: states("cancelled"),
    fallout: states("fallout"),
    effects: [...run.effects.values()].reduce((sum, n) => sum + n, 0),
    unknown: await entries("entente.hand-off-unknown"),
    retried: await entries("entente.hand-off-retry-wait"),
    callbacks: await entries("entente.callback-received"),
    corrected: await entries("entente.correct-hand-off"),
    "payment requests": await requests(shop.payments, "create-payment-intent"),
    "payment inquiries": await requests(shop.payments, "search-payment-intents"),
    "ledger requests": await requests(shop.ledger, "post-journal-entries"),
    "ledger inquiries": await requests(shop.ledger, "read-journal-entries"),
  };
}

/** With the truth or the belief of this very run doctored, each rule must object. */
function checkTheChecker(run: HandOffRun): void {
  const keyOf = (state: string): string => run.beliefs.find((one) => one.state === state)?.key ?? "";
  const truth = (key: string, n: number): HandOffRun => ({
    ...run,
    effects: new Map([...run.effects, [key, n]]),
  });
  const belief = (key: string, said: object): HandOffRun => ({
    ...run,
    beliefs: run.beliefs.map((one) => (one.key === key ? { ...one, ...said } : one)),
  });
  const [first] = run.beliefs;
  const doctored: readonly (readonly [HandOffViolationCode, HandOffRun])[] = [
    ["effect-missing", truth(keyOf("completed"), 0)],
    ["effect-denied", truth(keyOf("rejected"), 1)],
    ["effect-denied", truth(keyOf("cancelled"), 1)],
    ["effect-doubled", truth(keyOf("completed"), 2)],
    ["effect-phantom", truth("nobody's", 1)],
    ["not-ended", belief(keyOf("rejected"), { state: "unknown" })],
    ["no-owner", belief(keyOf("fallout"), { owner: null })],
    ["act-lost", { ...run, asked: [...run.asked, "nobody's"] }],
    ["act-phantom", { ...run, asked: run.asked.slice(1) }],
    ["act-split", { ...run, beliefs: first === undefined ? [] : [...run.beliefs, first] }],
  ];
  for (const [code, other] of doctored) {
    const codes = checkHandOffs(other).map((one) => one.code);
    assert.ok(codes.includes(code), `${code} was not found among ${codes.join(", ")}`);
  }
}
