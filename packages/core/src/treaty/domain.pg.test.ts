import assert from "node:assert/strict";
import { test } from "node:test";
import { appendEntries } from "../journal/append.ts";
import type { Decider } from "../model/decider.ts";
import type { JsonObject } from "../model/entry.ts";
import { billingReady, billingTreaty, outside } from "../testing/billing-treaty.fixture.ts";
import { startCounterparty } from "../testing/counterparty.fixture.ts";
import { startOrders } from "../testing/orders.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";

const bed = await openTestBed();

/** An order line decides itself what a result means for it. */
const lines: Decider<{ readonly billing: string }> = {
  name: "order-line",
  commands: { "orders.note-billing": { parking: "hold-key", schemaVersion: "1.0.0" } },
  facts: [
    { type: "orders.billing-noted", schemaVersion: "1.0.0" },
    { type: "orders.refused", schemaVersion: "1.0.0" },
  ],
  refusalType: "orders.refused",
  initial: { billing: "none" },
  decide: (state, command) => {
    const { billing } = command.data as { billing: string };
    if (state.billing === "completed")
      return { refused: true, code: "already-billed", reason: "It is billed." };
    return { facts: [{ type: "orders.billing-noted", data: { billing } as JsonObject }] };
  },
  evolve: (state, fact) =>
    fact.type === "orders.billing-noted" ? { billing: String(fact.data.billing) } : state,
};

test("the domain is told of each move by a command of its own, in the transaction of the move, and decides", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  counterparty.behave = (key) => (key.includes("ord-2") ? "reject" : "drop-done");
  const treaty = billingTreaty({
    counterparty,
    times: { inFlightMs: 2_000 },
    over: {
      tells: ({ handOff, request, to, code }) => [
        {
          type: "orders.note-billing",
          schemaVersion: "1.0.0",
          key: handOff.aggregateId,
          data: { billing: to, code, asked: request },
        },
      ],
    },
  });
  const { system, happenings } = await bed.start(
    {
      name: bed.newName(),
      contexts: [
        { name: "front", intake: { processes: [], factsFrom: ["orders"] } },
        {
          name: "orders",
          treaties: [treaty],
          deciders: [{ decider: lines as unknown as Decider<object>, commandsFrom: [] }],
        },
      ],
    },
    { outside: outside([treaty]) },
  );
  const database = databaseOf(system, "orders");
  await appendEntries(database, [billingReady("ord-1"), billingReady("ord-2")]);
  const noted = (order: string) =>
    database.execute<{ billing: string; causes: string }>(
      `select f.data->>'billing' as billing, m.type as causes from entente.journal f
         join entente.journal c on c.id = f.causation_id join entente.journal m on m.id = c.causation_id
       where f.type = 'orders.billing-noted' and f.key = $1 order by f.xid, f.seq`,
      [order],
    );
  await happenings.until("both lines know their end", async () => {
    return (
      (await noted("ord-1")).at(-1)?.billing === "completed" &&
      (await noted("ord-2")).at(-1)?.billing === "rejected"
    );
  });
  assert.deepEqual(
    (await noted("ord-1")).map(({ billing, causes }) => [billing, causes]),
    [
      ["sent", "entente.hand-off-sent"],
      ["unknown", "entente.hand-off-unknown"],
      ["completed", "entente.hand-off-completed"],
    ],
  );
  const told = await database.execute<{ asked: string }>(
    "select distinct data->>'asked' as asked from entente.journal where type = 'orders.note-billing'",
  );
  assert.deepEqual(told, [{ asked: '{"amount":5}' }]);
  assert.equal(happenings.count("retrying"), 0, "the desk's own commands are nobody else's business");
  assert.deepEqual(
    (await noted("ord-2")).map(({ billing }) => billing),
    ["sent", "rejected"],
  );
});

test("what is asked for outside a counterparty's window waits for its opening, visibly, and is sent in it", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  const now = new Date();
  const clock = (minutes: number) => new Date(now.getTime() + minutes * 60_000).toISOString().slice(11, 16);
  const window = { opensAt: clock(120), closesAt: clock(240), timeZone: "UTC" };
  const orders = await startOrders(bed, [billingTreaty({ counterparty, over: { window } })]);
  await orders.facts(billingReady("ord-1"));
  const [waiting] = await orders.settled(1, "created");
  const opens = waiting?.nextTryAt ?? 0;
  assert.ok(opens > now.getTime() + 118 * 60_000 && opens <= now.getTime() + 121 * 60_000);
  await orders.system.setClock(opens - 60_000);
  assert.equal(counterparty.requests.length, 0);
  await orders.system.setClock(opens + 1_000);
  await orders.settled(1, "completed");
});

test("the store itself refuses a hand-off that denies a known effect, sends what is in doubt, or shares another's key", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  const orders = await startOrders(bed, [billingTreaty({ counterparty })]);
  await orders.facts(billingReady("ord-1"), billingReady("ord-2"));
  const [one] = await orders.settled(2, "completed");
  const database = databaseOf(orders.system, "orders");
  const set = (what: string) =>
    database.execute(`update entente.hand_off set ${what} where hand_off_id = $1`, [one?.handOffId]);
  for (const what of [
    "state = 'cancelled'",
    "state = 'rejected'",
    "in_doubt = true, next_try_at = now()",
    "state = 'lost'",
    "rows_open = 1",
    "idempotency_key = (select idempotency_key from entente.hand_off h2 where h2.hand_off_id <> hand_off.hand_off_id)",
  ]) {
    await assert.rejects(set(what), (error: { code?: string }) => error.code === "data-rejected", what);
  }
});
