import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { seededRandom } from "@entente/testkit";
import { type HandOffState, handOffMoves, type MoveName } from "../model/hand-off.ts";
import { billingReady, billingTreaty } from "../testing/billing-treaty.fixture.ts";
import { type Behaviour, type Counterparty, startCounterparty } from "../testing/counterparty.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import { type Orders, startOrders } from "../testing/orders.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";

const bed = await openTestBed();
const seed = Number(process.env.TREATY_SEED ?? randomBytes(4).readUInt32BE());
console.log(`# TREATY_SEED=${seed}`);
const random = seededRandom(seed);

/** Real processes, kills and partitions in greater number: testkit's hand-off-chaos. Here the counterparty recognises no repeats. */
const count = Number(process.env.TREATY_CHAOS_HAND_OFFS ?? 600);
const behaviours: readonly (readonly [Behaviour, number])[] = [
  ["done", 30],
  ["accept", 30],
  ["reject", 5],
  ["silent", 2],
  ["silent-done", 2],
  ["drop", 6],
  ["drop-done", 6],
  ["malformed-done", 4],
  ["unmapped", 2],
  ["slow-done", 4],
  ["busy", 9],
];
const weight = behaviours.reduce((sum, [, n]) => sum + n, 0);

function anyBehaviour(): Behaviour {
  let left = random.below(weight);
  for (const [behaviour, n] of behaviours) {
    if (left < n) return behaviour;
    left -= n;
  }
  return "done";
}

const orderOf = (key: string) => /:order:([^:]*):/.exec(key)?.[1] ?? "";

test(`${count} hand-offs to a counterparty that recognises no repeats, under every behaviour, with processes that stop and sendings that die: each ends completed, rejected, cancelled or with an owner, and no effect is doubled, lost or denied`, {
  timeout: 240_000,
}, async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  const met = new Set<string>();
  // Whatever the seed, some are refused and some need a person.
  const misbehave = (key: string): Behaviour => {
    met.add(key);
    if (/[0-4]3$/.test(orderOf(key))) return "reject";
    return /[0-3]7$/.test(orderOf(key)) ? "unmapped" : anyBehaviour();
  };
  counterparty.behave = misbehave;
  counterparty.asked = () =>
    (["truth", "truth", "truth", "drop", "busy", "malformed"] as const)[random.below(6)] ?? "truth";
  const treaty = billingTreaty({
    counterparty,
    times: {
      answerWithinMs: 1_000,
      inFlightMs: 1_000,
      resultWithinMs: 4_000,
      reconcileEveryMs: 1_000,
      personAfterMs: 20_000,
    },
    limits: { concurrency: 64, circuitFailures: 40, circuitOpenMs: 50, triesAllowed: 6 },
  });
  const name = bed.newName();
  const first = await startOrders(bed, [treaty], { name });
  const others: Orders[] = [];
  const start = async (): Promise<Orders> => {
    const other = await startOrders(bed, [treaty], { name, settings: { leaseMs: 1_000 } });
    others.push(other);
    return other;
  };
  // A sending that dies with its process: at either side of the counterparty's doing.
  const kill = (orders: Orders): void => {
    for (const point of [
      "courier:before-send",
      "courier:answered",
      "courier:before-settle",
      "courier:before-commit",
    ] as const) {
      if (random.below(2) === 0) orders.happenings.failAt(point, new Error(`killed at ${point}`));
    }
  };

  const chatter = setInterval(() => {
    for (const key of counterparty.pending) {
      const luck = random.below(20);
      if (luck > 3) continue;
      if (random.below(10) > 0) counterparty.finish(key, random.below(8) === 0 ? "rejected" : "completed");
      const says = counterparty.rejected.has(key)
        ? "REFUSED"
        : counterparty.effects.has(key)
          ? "DONE"
          : "PENDING";
      const message = counterparty.callback("acme", key, says);
      // Lost, once, several times, by another name.
      for (let n = random.below(4); n > 0; n--) {
        void first.system.treaties
          .receiveCallback(treaty.name, message.headers, message.rawBody, "192.0.2.1")
          .catch(() => {});
      }
    }
  }, 100);

  try {
    let opened = 0;
    let second = await start();
    while (opened < count) {
      const facts = Array.from({ length: 200 }, (_, n) => billingReady(`ord-${opened + n}`));
      await first.facts(...facts);
      opened += facts.length;
      for (let n = 0; n < 6; n++) {
        const orderId = `ord-${random.below(opened)}`;
        await first.facts(
          fact({ type: "orders.cancelled", source: "orders", key: orderId, data: { orderId, line: "1" } }),
        );
      }
      kill(first);
      kill(second);
      await first.happenings.until(
        "some are on their way",
        async () => (await first.all()).length >= opened - 100,
      );
      if (random.below(2) === 0) {
        await second.stop();
        second = await start();
      }
    }
    // From here on they behave to whom they have met: however fast the machine, every hand-off meets the disorder once,
    // and what is still open must come to an end by itself.
    counterparty.behave = (key) => (met.has(key) ? "done" : misbehave(key));
    counterparty.asked = () => "truth";
    const wait = setInterval(() => {
      for (const key of counterparty.pending) counterparty.finish(key);
    }, 200);
    try {
      const limit = performance.now() + 120_000;
      for (;;) {
        const open = (await first.all()).filter(
          ({ state }) => !["completed", "rejected", "cancelled", "fallout"].includes(state),
        );
        if (open.length === 0) break;
        assert.ok(performance.now() < limit, `${open.length} still open, such as ${JSON.stringify(open[0])}`);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    } finally {
      clearInterval(wait);
    }
  } finally {
    clearInterval(chatter);
  }
  await holdAgainstTruth(first, counterparty);
});

/** Holds what we believe against the truth. */
async function holdAgainstTruth(orders: Orders, counterparty: Counterparty): Promise<void> {
  const all = await orders.all();
  assert.equal(all.length, count);
  const cases = await orders.system.treaties.cases("orders", "acme", 100_000);
  const cased = new Map(cases.map((open) => [open.handOffId, open]));
  const doubled = [...counterparty.effects].filter(([, n]) => n > 1);
  for (const [key] of doubled.slice(0, 3)) await tellStory(orders, counterparty, key);
  assert.deepEqual(doubled, [], "two effects for one key");
  const states: Record<string, number> = {};
  for (const handOff of all) {
    states[handOff.state] = (states[handOff.state] ?? 0) + 1;
    const effect = counterparty.effects.has(handOff.idempotencyKey);
    const told = `${handOff.state} ${orderOf(handOff.idempotencyKey)} ${handOff.handOffId}`;
    if (handOff.state === "completed") assert.ok(effect, `completed without effect: ${told}`);
    if (handOff.state === "rejected" || handOff.state === "cancelled")
      assert.ok(!effect, `an effect denied: ${told}`);
    // A refusal that was withdrawn afterwards asks nothing of anybody: its case is closed (docs/states/hand-off.md).
    if (handOff.state === "fallout" || (handOff.state === "rejected" && !handOff.withdrawn)) {
      assert.ok((cased.get(handOff.handOffId)?.owner ?? "") !== "", `no owner: ${told}`);
    }
    if (handOff.state === "completed" && handOff.withdrawn) {
      assert.equal(cased.get(handOff.handOffId)?.kind, "unwanted-effect", told);
    }
  }
  assert.ok(
    [...counterparty.effects.keys()].every((key) => all.some(({ idempotencyKey }) => idempotencyKey === key)),
  );
  // A run that never met what it is about proves nothing.
  const moves = await orders.entries("entente.hand-off-unknown");
  console.log(
    `# ${JSON.stringify(states)}, unknown ${moves.length} times, ${counterparty.requests.length} requests, ${cases.length} cases`,
  );
  assert.ok(
    moves.length > 30 &&
      (states.rejected ?? 0) > 10 &&
      (states.fallout ?? 0) > 2 &&
      (states.cancelled ?? 0) > 0,
  );
  for (const type of [
    "entente.hand-off-retry-wait",
    "entente.correct-hand-off",
    "entente.callback-received",
  ]) {
    assert.ok((await orders.entries(type)).length > 10, type);
  }
  await everyMoveIsInTheJournal(orders);
}

/** The journal alone tells the whole story of each hand-off: moves that follow on each other, up to the state of the row. */
async function everyMoveIsInTheJournal(orders: Orders): Promise<void> {
  for (const handOff of (await orders.all()).filter((_, n) => n % 40 === 0)) {
    let state: HandOffState = "created";
    for (const move of (await orders.moves(handOff.handOffId)) as MoveName[]) {
      assert.equal(handOffMoves[move].from, state, handOff.handOffId);
      state = handOffMoves[move].to;
    }
    assert.equal(state, handOff.state, handOff.handOffId);
  }
}

/** What the journal says of a hand-off that went wrong, beside what the counterparty saw. */
async function tellStory(orders: Orders, counterparty: Counterparty, key: string): Promise<void> {
  const handOff = (await orders.all()).find(({ idempotencyKey }) => idempotencyKey === key);
  const entries = await databaseOf(orders.system, "orders").execute(
    `select to_char(occurred_at, 'MI:SS.MS') as at, kind, type, data->>'by' as by, data->>'code' as code, data->>'result' as result
     from entente.journal where id = $1 or data->>'handOffId' = $1::text order by xid, seq`,
    [handOff?.handOffId],
  );
  console.log(`# ${key} ${JSON.stringify(handOff)}`);
  for (const entry of entries) console.log(`#   ${JSON.stringify(entry)}`);
  for (const request of counterparty.requests.filter((one) => one.key === key))
    console.log(`#   ${JSON.stringify(request)}`);
}
