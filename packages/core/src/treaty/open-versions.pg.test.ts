import assert from "node:assert/strict";
import { test } from "node:test";
import { readTreatiesInFlight } from "../context/versions-in-flight.ts";
import { acceptContract } from "../contract/accept-contract.ts";
import { emptySnapshot } from "../contract/snapshot.ts";
import type { TreatyInFlight } from "../contract/treaties-in-flight.ts";
import { checkTreatiesInFlight } from "../contract/treaties-in-flight.ts";
import { billingReady, billingTreaty } from "../testing/billing-treaty.fixture.ts";
import { startCounterparty } from "../testing/counterparty.fixture.ts";
import { type Orders, startOrders } from "../testing/orders.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import { systemContract } from "./promised-terms.ts";

const bed = await openTestBed();

function underWay(orders: Orders): Promise<TreatyInFlight[]> {
  const database = databaseOf(orders.system, "orders");
  return readTreatiesInFlight(new Map([["orders", { database, journal: database }]]));
}

test("hand-offs that are not at their end are found by the version they were opened with; those that are, are not", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  // One is taken in and its result never comes, one is refused, one is done.
  counterparty.behave = (key) =>
    key.includes("ord-late") ? "accept" : key.includes("ord-no") ? "reject" : "done";
  const times = { resultWithinMs: 600_000, reconcileEveryMs: 600_000 };
  const treaty = billingTreaty({ counterparty, times, over: { version: "1.2.0" } });
  const orders = await startOrders(bed, [treaty]);
  await orders.facts(billingReady("ord-late"), billingReady("ord-no"), billingReady("ord-done"));
  const [late] = await orders.settled(1, "accepted");
  await orders.settled(1, "completed");
  await orders.settled(1, "rejected");
  assert.deepEqual(await underWay(orders), [
    { context: "orders", treaty: "billing-activation", version: "1.2.0", open: 1, oldestAt: late?.createdAt },
  ]);
  const openings = await orders.entries("entente.hand-off-opened");
  assert.deepEqual(
    openings.map(({ data }) => data.treatyVersion),
    ["1.2.0", "1.2.0", "1.2.0"],
  );

  // Tomorrow's treaty waits less and takes less, and is checked against what is under way.
  const published = (one: typeof treaty) =>
    systemContract({ name: "orders", contexts: [{ treaties: [one] }] }, []);
  const snapshot = acceptContract(published(treaty), emptySnapshot("orders"), [], null);
  const times3 = { ...treaty.times, answerWithinMs: 1_000 };
  const tomorrow = { ...treaty, version: "1.3.0", times: times3 };
  const found = checkTreatiesInFlight(published(tomorrow), snapshot, await underWay(orders));
  assert.deepEqual(
    found.map(({ rule, severity, version }) => [rule, severity, version]),
    [["timeout-tightened", "breaking", "1.2.0"]],
  );
  assert.match(found[0]?.says ?? "", /1 hand-off of orders opened with 1\.2\.0/);
});

test("a batch counts while a row of it is open, and what was opened before versions were recorded has none", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  counterparty.behave = () => "accept";
  const times = { resultWithinMs: 600_000, reconcileEveryMs: 600_000 };
  const orders = await startOrders(bed, [
    billingTreaty({ counterparty, times, over: { batch: { rowsAllowed: 10 } } }),
  ]);
  await orders.facts(billingReady("ord-1"), billingReady("ord-2"));
  await orders.settled(1, "accepted");
  const { name } = orders;
  // As a batch is that was refused as a whole while a row of it waits for word.
  await bed.sql(
    name,
    "orders",
    "update entente.hand_off set state = 'rejected', deadline_at = null, look_at = null",
  );
  assert.deepEqual(
    (await underWay(orders)).map(({ version, open }) => [version, open]),
    [["1.0.0", 1]],
  );
  await bed.sql(name, "orders", "update entente.hand_off set treaty_version = null");
  const old = await underWay(orders);
  assert.deepEqual(
    old.map(({ version }) => version),
    [null],
  );
  // A release is checked against a database that it has not brought forward yet.
  await bed.sql(name, "orders", "alter table entente.hand_off drop column treaty_version");
  assert.deepEqual(await underWay(orders), old);
});
