import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { System } from "../context/system.ts";
import type { Happenings } from "../testing/happenings.fixture.ts";
import { openShelf, type Shelf, stockDecider } from "../testing/shelf.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import type { TreatyEvent } from "./treaty-events.ts";

const bed = await openTestBed();
const act = { tenantId: "acme", by: "ann", why: "drill" };

const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0)) await stop();
});

interface Shop {
  readonly system: System;
  readonly happenings: Happenings;
  readonly lines: readonly TreatyEvent[];
  /** What was told of each record, in order. */
  told(): Promise<Readonly<Record<string, (number | null)[]>>>;
  becomes(expected: Readonly<Record<string, (number | null)[]>>): Promise<void>;
  /** The feed has that state. */
  is(state: string): Promise<void>;
}

async function openShop(shelf: Shelf, name = bed.newName()): Promise<Shop> {
  const lines: TreatyEvent[] = [];
  const { system, happenings } = await bed.start(
    {
      name,
      contexts: [
        { name: "front", intake: { processes: [], factsFrom: ["shop"] } },
        {
          name: "shop",
          treaties: [shelf.treaty],
          deciders: [{ decider: stockDecider, commandsFrom: ["shop"] }],
        },
      ],
    },
    { settings: { leaseMs: 1_000 }, outside: { report: (event) => void lines.push(event) } },
  );
  running.push(() => system.stop());
  const database = databaseOf(system, "shop");
  const told = async () => {
    const rows = await database.execute<{ key: string; count: number | null }>(
      `select key, (data->>'count')::int as count from entente.journal where type = 'shop.stock-noted' order by xid, seq`,
    );
    const counts: Record<string, (number | null)[]> = {};
    for (const { key, count } of rows) counts[key] = [...(counts[key] ?? []), count];
    return counts;
  };
  const feed = async () => (await system.treaties.feeds("shop"))[0];
  return {
    system,
    happenings,
    lines,
    told,
    async becomes(expected) {
      const isSo = async () => JSON.stringify(sorted(await told())) === JSON.stringify(sorted(expected));
      await happenings.until(`told ${JSON.stringify(expected)}`, isSo);
    },
    is: (state) => happenings.until(`the feed is ${state}`, async () => (await feed())?.state === state),
  };
}

function sorted(counts: Readonly<Record<string, (number | null)[]>>) {
  return Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
}

test("everything is read first, then each change is told once, whatever the feed repeats", async () => {
  const shelf = openShelf();
  for (const name of ["a", "b", "c"]) shelf.put(name, 1);
  const shop = await openShop(shelf);
  await shop.becomes({ a: [1], b: [1], c: [1] });
  await shop.is("following");
  shelf.put("a", 2);
  shelf.repeat();
  shelf.put("d", 1);
  shelf.repeat();
  await shop.becomes({ a: [1, 2], b: [1], c: [1], d: [1] });
  assert.equal(shelf.readings(), 1);
});

test("what changed while they were away, before and during, is told when they are back, from the place it was left at", async () => {
  const shelf = openShelf();
  shelf.put("a", 1);
  const shop = await openShop(shelf);
  await shop.is("following");
  shelf.put("a", 2);
  await shop.becomes({ a: [1, 2] });
  const cut = shop.happenings.park("feed:heard");
  shelf.put("a", 3);
  await cut.reached;
  shelf.setAway(true);
  shelf.put("b", 1);
  cut.release();
  await shop.is("away");
  const [feed] = await shop.system.treaties.feeds("shop");
  assert.equal(feed?.code, "request-not-sent");
  shelf.put("c", 1);
  shelf.setAway(false);
  await shop.becomes({ a: [1, 2, 3], b: [1], c: [1] });
  assert.equal(shelf.readings(), 1, "the place was good: nothing had to be read again");
});

for (const point of ["feed:heard", "feed:told"]) {
  test(`an end of the process at ${point} loses and doubles nothing`, async () => {
    const shelf = openShelf();
    shelf.put("a", 1);
    const name = bed.newName();
    const first = await openShop(shelf, name);
    await first.is("following");
    shelf.put("a", 2);
    await first.becomes({ a: [1, 2] });
    const end = first.happenings.park(point);
    shelf.put("a", 3);
    await end.reached;
    // As a process that is killed: whatever it was about to do, it does not.
    const stopping = first.system.stop();
    end.release();
    await stopping;
    shelf.put("b", 1);
    const second = await openShop(shelf, name);
    await second.becomes({ a: [1, 2, 3], b: [1] });
    assert.equal(shelf.readings(), 1);
  });
}

test("a reading that ends half way begins anew and tells nothing twice", async () => {
  const shelf = openShelf();
  for (const name of ["a", "b", "c", "d", "e"]) shelf.put(name, 1);
  shelf.breakReading();
  const shop = await openShop(shelf);
  await shop.becomes({ a: [1], b: [1], c: [1], d: [1], e: [1] });
  await shop.is("following");
  assert.equal(shelf.readings(), 2);
});

test("a feed that forgets whoever does not listen is listened to while everything is read", async () => {
  const shelf = openShelf();
  for (const name of ["a", "b", "c", "d", "e"]) shelf.put(name, 1);
  shelf.beImpatient();
  const shop = await openShop(shelf);
  await shop.becomes({ a: [1], b: [1], c: [1], d: [1], e: [1] });
  await shop.is("following");
  shelf.put("a", 2);
  await shop.becomes({ a: [1, 2], b: [1], c: [1], d: [1], e: [1] });
  assert.deepEqual([shelf.readings(), shelf.listeners()], [1, 1]);
});

test("what is heard while everything is read is told after it, and is not taken back by a page that was read before", async () => {
  const shelf = openShelf();
  for (const name of ["a", "b", "c", "d", "e"]) shelf.put(name, 1);
  shelf.setAway(true);
  const shop = await openShop(shelf);
  const firstPage = shop.happenings.park("feed:page");
  shelf.setAway(false);
  await firstPage.reached;
  // Of a page that was told, of one that was not read yet, and one that nobody knew.
  for (const [record, count] of [
    ["a", 2],
    ["e", 2],
    ["f", 1],
  ] as const)
    shelf.put(record, count);
  firstPage.release();
  await shop.becomes({ a: [1, 2], b: [1], c: [1], d: [1], e: [2], f: [1] });
  await shop.is("following");
  shelf.put("b", 2);
  await shop.becomes({ a: [1, 2], b: [1, 2], c: [1], d: [1], e: [2], f: [1] });
  assert.equal(shelf.readings(), 1);
});

test("a place that is not kept any more leads to a reading of everything, with the same end", async () => {
  const shelf = openShelf();
  for (const name of ["a", "b", "c"]) shelf.put(name, 1);
  const name = bed.newName();
  const first = await openShop(shelf, name);
  await first.is("following");
  shelf.put("a", 2);
  await first.becomes({ a: [1, 2], b: [1], c: [1] });
  await first.system.stop();
  shelf.put("a", 3);
  shelf.put("d", 1);
  shelf.remove("b");
  shelf.forget();
  const second = await openShop(shelf, name);
  await second.becomes({ a: [1, 2, 3], b: [1, null], c: [1], d: [1] });
  assert.equal(shelf.readings(), 2);
  const [run] = await databaseOf(second.system, "shop").execute<{ kind: string; data: object }>(
    "select kind, data from entente.journal where type = 'entente.feed-read' order by xid desc, seq desc limit 1",
  );
  assert.deepEqual(run, {
    kind: "reconciliation",
    data: { treaty: "shelf", looked: 3, corrected: 3, gone: 1 },
  });
});

test("what the feed never told is found by the next reading, and so is what it cannot name", async () => {
  const shelf = openShelf(3_600_000);
  shelf.put("a", 1);
  const shop = await openShop(shelf);
  await shop.is("following");
  shelf.put("a", 2, false);
  await shop.system.setClock(shop.system.clock.now() + 3_600_001);
  await shop.becomes({ a: [1, 2] });
  shelf.put("a", 3, false);
  shelf.sayIncomplete();
  await shop.becomes({ a: [1, 2, 3] });
});

test("a record that is not as agreed opens one case and holds up no other", async () => {
  const shelf = openShelf();
  shelf.put("a", 1);
  const shop = await openShop(shelf);
  await shop.is("following");
  shelf.spoil("bad");
  shelf.spoil("worse");
  shelf.put("a", 2);
  await shop.becomes({ a: [1, 2] });
  const cases = await shop.system.treaties.cases("shop", "acme", 10);
  assert.deepEqual(
    cases.map(({ kind, owner }) => [kind, owner]),
    [["record-unreadable", "Says businessOwner."]],
  );
  const { lines } = shop;
  const opened = () => lines.flatMap((line) => (line.event === "case" ? [line] : []));
  await shop.happenings.until("a line tells of it", () => opened().length > 0);
  const { tenantId, target, kind, step, by } = opened()[0] ?? {};
  assert.deepEqual(
    [tenantId, target, kind, step, by, opened().length],
    ["acme", shelf.treaty.target, "record-unreadable", "opened", "Says businessOwner.", 1],
  );
});

test("a record that the treaty throws for opens one case, which does not quote it, and holds up no other", async () => {
  const shelf = openShelf();
  shelf.put("a", 1);
  const shop = await openShop(shelf);
  await shop.is("following");
  shelf.puzzle("odd");
  shelf.put("a", 2);
  await shop.becomes({ a: [1, 2] });
  const [open, ...others] = await shop.system.treaties.cases("shop", "acme", 10);
  assert.deepEqual([open?.kind, open?.owner, others], ["record-unreadable", "Says businessOwner.", []]);
  assert.match(open?.says ?? "", /the treaty threw RangeError/);
  assert.doesNotMatch(open?.says ?? "", /77/);
});

test("what is heard beside something unnamed is told before everything is read, never after what the reading found", async () => {
  const shelf = openShelf();
  shelf.put("a", 1);
  const shop = await openShop(shelf);
  await shop.is("following");
  const heard = shop.happenings.park("feed:heard");
  shelf.put("b", 1);
  await heard.reached;
  // Both are told of at once, next time.
  shelf.put("a", 2);
  shelf.sayIncomplete();
  const together = shop.happenings.park("feed:heard");
  heard.release();
  await together.reached;
  shelf.put("a", 3);
  together.release();
  await shop.becomes({ a: [1, 2, 3], b: [1] });
});

test("of two processes one listens; when it ends the other goes on", async () => {
  const shelf = openShelf();
  shelf.put("a", 1);
  const name = bed.newName();
  const [first, second] = [await openShop(shelf, name), await openShop(shelf, name)];
  await second.is("following");
  assert.equal(shelf.listeners(), 1);
  await first.system.stop();
  await second.happenings.until("the other listens", () => shelf.listeners() === 2);
  shelf.put("a", 2);
  await second.becomes({ a: [1, 2] });
});

test("a stopped treaty is not followed until a person lets it go on", async () => {
  const shelf = openShelf();
  shelf.put("a", 1);
  const shop = await openShop(shelf);
  await shop.is("following");
  await shop.becomes({ a: [1] });
  await shop.system.treaties.setStopped("shelf", true, act);
  await shop.is("away");
  shelf.put("a", 2);
  assert.deepEqual(await shop.told(), { a: [1] });
  await shop.system.treaties.setStopped("shelf", false, act);
  await shop.becomes({ a: [1, 2] });
});

test("a stop holds from the moment it is answered: what was heard and not told is told when a person lets it go on", async () => {
  const shelf = openShelf();
  shelf.put("a", 1);
  const shop = await openShop(shelf);
  await shop.is("following");
  await shop.becomes({ a: [1] });
  const heard = shop.happenings.park("feed:heard");
  shelf.put("a", 2);
  await heard.reached;
  await shop.system.treaties.setStopped("shelf", true, act);
  heard.release();
  await shop.is("away");
  assert.deepEqual(await shop.told(), { a: [1] });
  const trouble = shop.lines.filter(({ event }) => event === "courier-trouble");
  assert.deepEqual(trouble, [], "a stop is no trouble");
  await shop.system.treaties.setStopped("shelf", false, act);
  await shop.becomes({ a: [1, 2] });
});

test("refused credentials stop it: they are tried once, one case has an owner and names the runbook, and a person lets it go on", async () => {
  const shelf = openShelf();
  shelf.put("a", 1);
  const shop = await openShop(shelf);
  await shop.is("following");
  const { treaties } = shop.system;
  const stopped = async () => (await treaties.states("shop")).find(({ treaty }) => treaty === "shelf");
  const cases = async () =>
    (await treaties.cases("shop", "acme", 10)).filter(({ kind }) => kind === "credentials-refused");
  const isLetGo = async () => (await treaties.feeds("shop"))[0]?.code === "not-followed";
  shelf.setRefusing(true);
  await shop.happenings.until("it is let go", isLetGo);
  assert.deepEqual(await stopped(), {
    treaty: "shelf",
    stopped: true,
    code: "401",
    by: "entente",
    why: "credentials refused",
  });
  const [open, ...others] = await cases();
  assert.deepEqual([open?.code, open?.owner, others], ["401", "Says businessOwner.", []]);
  assert.match(open?.says ?? "", /stopped.*runbook of Says integrationName/);
  const told = shop.lines.flatMap((line) => (line.event === "case" ? [line] : []));
  assert.deepEqual(
    told.map(({ kind, step, by, code }) => [kind, step, by, code]),
    [["credentials-refused", "opened", "Says businessOwner.", "SECURITY_CONFIGURATION_FAILURE"]],
  );

  // A person who lets it go on in vain: refused and stopped again, and the open case is enough.
  await treaties.setStopped("shelf", false, act);
  await shop.happenings.until("it is refused again", async () => shelf.refusals() === 2);
  await shop.happenings.until("it is stopped again", async () => (await stopped())?.stopped === true);
  assert.equal((await cases()).length, 1);

  shelf.put("a", 2);
  shelf.setRefusing(false);
  await treaties.decideCase("shop", { ...act, caseId: open?.caseId ?? "", act: "resume-treaty" });
  await shop.becomes({ a: [1, 2] });
  assert.deepEqual([shelf.refusals(), await cases()], [2, []]);
});
