import assert from "node:assert/strict";
import { test } from "node:test";
import type { RowTranslation } from "../model/hand-off-answer.ts";
import type { Connection } from "../postgres/database.ts";
import { billingReady, billingTreaty, ordersSystem } from "../testing/billing-treaty.fixture.ts";
import { type Behaviour, type Counterparty, startCounterparty } from "../testing/counterparty.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import { startOrders } from "../testing/orders.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import { advanceHandOffs, type Surroundings } from "./advance-hand-offs.ts";
import { loadDispatches } from "./dispatch.ts";
import { lockHandOffs } from "./hand-off-rows.ts";
import { openHandOffs, type Wanted } from "./open-hand-offs.ts";

const bed = await openTestBed();

test("a batch costs the same few statements whatever its rows, to open, to send, to settle in part and to end", async () => {
  const treaty = billingTreaty({
    counterparty: { port: 1 } as Counterparty,
    over: { batch: { rowsAllowed: 5_000 } },
  });
  const stage = await bed.stage(ordersSystem(bed.newName(), [treaty]));
  const database = stage.database("orders");
  const around: Surroundings = {
    context: "orders",
    treaties: new Map([[treaty.name, treaty]]),
    now: Date.now,
    random: () => 0.5,
    shard: 0,
  };
  /** Statements of the work, in one transaction. */
  const counted = async <T>(work: (connection: Connection) => Promise<T>): Promise<[number, T]> => {
    let statements = 0;
    const result = await database.transaction((connection) => {
      const count = <A extends unknown[], R>(call: (...given: A) => R) => {
        return (...given: A): R => {
          statements++;
          return call(...given);
        };
      };
      return work({
        run: count(connection.run) as Connection["run"],
        runRows: count(connection.runRows),
        execute: count(connection.execute) as Connection["execute"],
      });
    });
    return [statements, result];
  };
  const costs: number[][] = [];
  for (const size of [2, 1_000]) {
    const wanted = Array.from({ length: size }, (_, n): Wanted => {
      const fact = billingReady(`ord-${size}-${n}`);
      const { tenantId, key, processId, correlationId, customerId, id: causationId } = fact;
      const request = { aggregateType: "order", aggregateId: fact.key, line: "1", data: { amount: n } };
      const caused = { processId, correlationId, causationId, customerId, traceparent: null };
      return { treaty, tenantId, key, ...caused, request };
    });
    const [
      opening,
      {
        handOffIds: [handOffId = ""],
      },
    ] = await counted((connection) => openHandOffs(connection, around, wanted));
    const ref = { tenantId: "acme", handOffId };
    const [sending] = await counted((connection) =>
      advanceHandOffs(connection, around, [
        { ...ref, seen: { what: "dispatched" }, cause: { by: "courier", entryId: null } },
      ]),
    );
    const [sent] = await lockHandOffs(database, [ref]);
    assert.ok(sent);
    const [dispatch] = await loadDispatches(database, around, [sent]);
    assert.deepEqual([dispatch?.rows.length, dispatch?.rows.at(-1)?.data], [size, { amount: size - 1 }]);
    const said = (rows: readonly RowTranslation[]) =>
      counted((connection) =>
        advanceHandOffs(connection, around, [
          {
            ...ref,
            seen: { what: "said", by: "answer", translation: { says: "accepted", rows } },
            cause: { by: "answer", entryId: null },
            sending: sent.sending ?? "",
          },
        ]),
      );
    const keys = dispatch?.rows.map(({ idempotencyKey: key }) => key) ?? [];
    const half = size / 2;
    const [partly, first] = await said(
      keys
        .slice(0, half)
        .map((key, n) => (n === 0 ? { key, says: "code", code: "E10" } : { key, says: "completed" })),
    );
    assert.deepEqual(
      [first.outcomes[0]?.handOff?.state, first.outcomes[0]?.handOff?.rowsOpen],
      ["accepted", half],
    );
    const [open] = await loadDispatches(database, around, [sent]);
    assert.deepEqual(
      open?.rows.map(({ row }) => row),
      Array.from({ length: half }, (_, n) => half + n),
    );
    const [ending, last] = await said(keys.slice(half).map((key) => ({ key, says: "completed" })));
    assert.deepEqual(
      [last.outcomes[0]?.handOff?.state, last.outcomes[0]?.handOff?.rowsOpen],
      ["completed", 0],
    );
    const rows = await database.execute(
      `select outcome, code, count(*)::int as n from entente.hand_off_row where hand_off_id = $1 group by 1, 2 order by 1`,
      [handOffId],
    );
    assert.deepEqual(rows, [
      { outcome: "completed", code: null, n: size - 1 },
      { outcome: "rejected", code: "E10", n: 1 },
    ]);
    costs.push([opening, sending, partly, ending]);
  }
  assert.deepEqual(costs[0], costs[1]);
  assert.ok(
    costs.flat().every((statements) => statements <= 9),
    JSON.stringify(costs),
  );
});

test("a batch of which a part was not taken is sent again with that part only", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  // The file is lost on its way; asked about, they know none of its rows.
  counterparty.behave = (_key, nth) => (nth === 1 ? "drop" : "done");
  const orders = await startOrders(bed, [
    billingTreaty({ counterparty, times: { inFlightMs: 2_000 }, over: { batch: { rowsAllowed: 50 } } }),
  ]);
  await orders.facts(...Array.from({ length: 50 }, (_, n) => billingReady(`ord-${n}`)));
  await orders.happenings.until(
    "every row has had its effect",
    async () =>
      (await orders.all()).length > 0 &&
      (await orders.all()).every(({ state }) => state === "completed") &&
      [...counterparty.effects.keys()].filter((key) => key.includes(":order:")).length === 50,
  );
  assert.ok([...counterparty.effects.values()].every((n) => n === 1));
});

test("the same row in two batches has one effect; the same key with other content is a conflict", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  const orders = await startOrders(bed, [
    billingTreaty({ counterparty, over: { batch: { rowsAllowed: 10 } } }),
  ]);
  const rows = async () => [...counterparty.effects].filter(([key]) => key.includes(":order:"));
  await orders.facts(billingReady("ord-1"), billingReady("ord-1"), billingReady("ord-2"));
  await orders.happenings.until("two rows are done", async () => (await rows()).length === 2);
  await orders.facts(billingReady("ord-2"), billingReady("ord-2", {}, { amount: 7 }), billingReady("ord-3"));
  await orders.happenings.until("three rows are done", async () => (await rows()).length === 3);
  assert.ok((await rows()).every(([, n]) => n === 1));
  const cases = await orders.system.treaties.cases("orders", "acme", 10);
  assert.deepEqual(
    cases.map(({ kind }) => kind),
    ["key-conflict"],
  );
});

const cancelled = (orderId: string) =>
  fact({ type: "orders.cancelled", source: "orders", key: orderId, data: { orderId } });
const rowKey = (orderId: string) => `acme:order:${orderId}:=1:billing:activate:1`;
const by = { tenantId: "acme", by: "ann", why: "they mended it" };

test("a row withdrawn before its batch is sent is not sent; a batch without rows is not sent at all", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  const treaty = billingTreaty({ counterparty, over: { batch: { rowsAllowed: 10 } } });
  const orders = await startOrders(bed, [treaty]);
  await orders.system.treaties.setStopped(treaty.name, true, by);
  await orders.facts(billingReady("ord-1"), billingReady("ord-2"), billingReady("ord-3"));
  await orders.happenings.until("three rows wait", async () => {
    const all = await orders.all();
    return all.reduce((sum, { rowsOpen }) => sum + rowsOpen, 0) === 3;
  });
  await orders.facts(cancelled("ord-2"), cancelled("ord-2"), cancelled("ord-9"));
  await orders.facts(billingReady("ord-4"));
  await orders.happenings.until("the fourth waits", async () => {
    const all = await orders.all();
    return all.reduce((sum, { rows }) => sum + rows, 0) === 4;
  });
  await orders.facts(cancelled("ord-4"));
  await orders.happenings.until("what nobody wants any more has left", async () => {
    const all = await orders.all();
    return all.reduce((sum, { rowsOpen }) => sum + rowsOpen, 0) === 2;
  });
  assert.deepEqual(counterparty.requests, []);
  await orders.system.treaties.setStopped(treaty.name, false, by);
  await orders.happenings.until("all has ended", async () =>
    (await orders.all()).every(({ state }) => state === "completed" || state === "cancelled"),
  );
  const sent = counterparty.requests.flatMap(({ rows }) => rows).sort();
  assert.deepEqual(sent, [rowKey("ord-1"), rowKey("ord-3")]);
  const last = (await orders.all()).at(-1);
  assert.deepEqual([last?.state, last?.rows, last?.rowsOpen, last?.tries], ["cancelled", 1, 0, 0]);
  assert.deepEqual(await orders.system.treaties.cases("orders", "acme", 10), []);
});

test("a batch refused as a whole is sent anew under a new key, without the rows withdrawn meanwhile", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  counterparty.behave = (key) => (key.endsWith(":1") ? "reject" : "done");
  const treaty = billingTreaty({ counterparty, over: { batch: { rowsAllowed: 10 } } });
  const orders = await startOrders(bed, [treaty]);
  await orders.system.treaties.setStopped(treaty.name, true, by);
  await orders.facts(billingReady("ord-1"), billingReady("ord-2"), billingReady("ord-3"));
  await orders.happenings.until("three rows wait", async () => {
    const all = await orders.all();
    return all.reduce((sum, { rowsOpen }) => sum + rowsOpen, 0) === 3;
  });
  await orders.system.treaties.setStopped(treaty.name, false, by);
  await orders.happenings.until("all of it is refused", async () =>
    (await orders.all()).every(({ state }) => state === "rejected"),
  );
  await orders.facts(cancelled("ord-2"));
  await orders.happenings.until("one row has left", async () => {
    const all = await orders.all();
    return all.reduce((sum, { rowsOpen }) => sum + rowsOpen, 0) === 2;
  });
  for (const { caseId, kind } of await orders.system.treaties.cases("orders", "acme", 10)) {
    assert.equal(kind, "rejected");
    await orders.system.treaties.decideCase("orders", { ...by, caseId, act: "try-anew" });
  }
  await orders.happenings.until("the rest is done", async () => {
    const all = await orders.all();
    return all.reduce((sum, { rowsOpen }) => sum + rowsOpen, 0) === 0;
  });
  const rows = [...counterparty.effects].filter(([key]) => key.includes(":order:")).sort();
  assert.deepEqual(rows, [
    [rowKey("ord-1"), 1],
    [rowKey("ord-3"), 1],
  ]);
  const anew = counterparty.requests.filter(({ method, key }) => method === "POST" && key.endsWith(":2"));
  assert.deepEqual(anew.flatMap((request) => request.rows).sort(), [rowKey("ord-1"), rowKey("ord-3")]);
});

/** Three rows in one batch, parked before its first sending, with the second withdrawn meanwhile. */
async function withdrawnUnderWay(behaviour: Behaviour, withdrawn = ["ord-2"]) {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  counterparty.behave = (_key, nth) => (nth === 1 ? behaviour : "done");
  const times = { inFlightMs: 2_000 };
  const treaty = billingTreaty({ counterparty, times, over: { batch: { rowsAllowed: 10 } } });
  const orders = await startOrders(bed, [treaty]);
  const parked = orders.happenings.park("courier:before-send");
  await orders.facts(billingReady("ord-1"), billingReady("ord-2"), billingReady("ord-3"));
  await parked.reached;
  const rows = (await orders.all()).filter(({ state }) => state === "sent").flatMap((one) => one.rows);
  await orders.facts(...withdrawn.map((orderId) => cancelled(orderId)));
  const database = databaseOf(orders.system, "orders");
  await orders.happenings.until("the withdrawal is remembered", async () => {
    const [found] = await database.execute<{ n: number }>(
      "select count(*)::int as n from entente.hand_off_row where withdrawn",
    );
    return found?.n === withdrawn.length;
  });
  parked.release();
  return { counterparty, orders, rows };
}

const sentRows = (counterparty: Counterparty) =>
  counterparty.requests.filter(({ method }) => method === "POST").map(({ rows }) => [...rows].sort());

test("a row withdrawn while its batch is under way is not sent again when nothing of it happened", async () => {
  const { counterparty, orders, rows } = await withdrawnUnderWay("drop");
  assert.deepEqual(rows, [3]);
  await orders.settled(1, "completed");
  const all = [rowKey("ord-1"), rowKey("ord-2"), rowKey("ord-3")];
  assert.deepEqual(sentRows(counterparty), [all, [rowKey("ord-1"), rowKey("ord-3")]]);
  assert.equal(counterparty.effects.has(rowKey("ord-2")), false);
  assert.deepEqual(await orders.system.treaties.cases("orders", "acme", 10), []);
});

test("a batch of which every row was withdrawn while it was under way ends without another sending", async () => {
  const { counterparty, orders } = await withdrawnUnderWay("drop", ["ord-1", "ord-2", "ord-3"]);
  await orders.settled(1, "cancelled");
  assert.equal(sentRows(counterparty).length, 1);
  assert.deepEqual([...counterparty.effects], []);
});

test("a row that was withdrawn under way and happened all the same is a person's to undo, once", async () => {
  const { orders } = await withdrawnUnderWay("drop-done");
  await orders.settled(1, "completed");
  const [open, ...more] = await orders.system.treaties.cases("orders", "acme", 10);
  assert.deepEqual([open?.kind, open?.owner, more.length], ["unwanted-effect", "billing-desk", 0]);
  assert.match(open?.says ?? "", /^1 rows were withdrawn/);
  await orders.facts(cancelled("ord-2"), cancelled("ord-3"));
  await orders.happenings.until("the second withdrawal was looked at", async () =>
    (await orders.entries("entente.hand-off-noted")).some(
      ({ data }) => JSON.stringify(data.rows) === JSON.stringify([[2, "withdrawn", null]]),
    ),
  );
  // Of one kind one open case is enough for a hand-off.
  assert.equal((await orders.system.treaties.cases("orders", "acme", 10)).length, 1);
});
