/** Sums of days that are over, against books that a test writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DayRecord, type DayTotals, dayOf } from "../model/day-totals.ts";
import { billingReady, billingTreaty } from "../testing/billing-treaty.fixture.ts";
import { startCounterparty } from "../testing/counterparty.fixture.ts";
import { type Orders, startOrders } from "../testing/orders.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import { endRun, takeRun } from "./totals-rows.ts";
import type { TotalsRule } from "./treaty.ts";

const bed = await openTestBed();
const dayMs = 86_400_000;

/** Books over there: records by day; reading them fails as often as told. `before`: a treaty that posts into the same. */
async function scene({ heldAtOnce, before }: { heldAtOnce?: number; before?: string } = {}) {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  const books = new Map<string, DayRecord[]>();
  const asked: string[] = [];
  const trouble = { times: 0 };
  const gate = { pass: async (): Promise<void> => {} };
  const totals: TotalsRule = {
    ofAct: ({ idempotencyKey, data }) => ({
      day: today,
      name: idempotencyKey,
      amounts: { sales: data.amount as number },
    }),
    async readPage({ tenantId, day, after }) {
      asked.push(`${tenantId} ${day} ${after ?? "first"}`);
      await gate.pass();
      if (trouble.times-- > 0) throw new Error("the books are being written");
      const own = books.get(day) ?? [];
      const at = Number(after ?? 0);
      return { records: own.slice(at, at + 2), next: at + 2 < own.length ? String(at + 2) : null };
    },
    closesAfterMs: 1_000,
    days: 3,
    ...(heldAtOnce === undefined ? {} : { heldAtOnce }),
    ...(before === undefined ? {} : { togetherWith: [before] }),
  };
  const treaty = billingTreaty({ counterparty, over: { totals } });
  const others =
    before === undefined ? [] : [billingTreaty({ counterparty, name: before, purpose: `${before}-purpose` })];
  const orders = await startOrders(bed, [treaty, ...others]);
  const today = dayOf(orders.system.clock.now());
  /** To the time at which the next day is over. */
  const nextDay = async (): Promise<void> => {
    const now = orders.system.clock.now();
    await orders.system.setClock(Math.floor(now / dayMs) * dayMs + dayMs + 2_000);
  };
  return { orders, treaty, books, asked, trouble, gate, today, nextDay };
}

interface Report {
  readonly results: object;
  readonly totals: DayTotals & { readonly day: string };
}

/** Reports about one day, once there are so many. */
async function reports(orders: Orders, day: string, count: number): Promise<Report[]> {
  let found: Report[] = [];
  await orders.happenings.until(`${count} reports about ${day}`, async () => {
    const all = await orders.entries("entente.reconciliation-run");
    found = all.map(({ data }) => data as unknown as Report).filter(({ totals }) => totals?.day === day);
    return found.length >= count;
  });
  return found;
}

const record = (key: string, sales = 5): DayRecord => ({
  name: key,
  label: `doc of ${key}`,
  amounts: { sales },
});
const cases = (orders: Orders) => orders.system.treaties.cases("orders", "acme", 10);

test("equal sums are reported, page by page of the books; a difference becomes one case with an owner, closed when they agree", async () => {
  const { orders, books, asked, today, nextDay } = await scene();
  await orders.facts(billingReady("ord-1"), billingReady("ord-2"), billingReady("ord-3"));
  const done = await orders.settled(3, "completed");
  const records = done.map(({ idempotencyKey }) => record(idempotencyKey));
  books.set(today, records);
  await nextDay();
  const [equal] = await reports(orders, today, 1);
  assert.deepEqual(equal?.results, { "sums-equal": 1 });
  assert.deepEqual(equal?.totals.sums, [{ group: "sales", ours: "15", theirs: "15" }]);
  const runs = async () =>
    (await orders.system.treaties.runs("billing-activation", "acme", null, 50)).filter(
      (run) => run.day === today,
    );
  const [run, ...none] = await runs();
  assert.deepEqual([run?.looked, run?.corrected, run?.results, none], [3, 0, { "sums-equal": 1 }, []]);
  assert.ok(asked.includes(`acme ${today} 2`), "the second page was not read");
  assert.deepEqual(await cases(orders), []);
  // Somebody works in the books.
  const [gone, ...kept] = records;
  books.set(today, [...kept, { ...record("nobody's", 7), label: "doc 99" }]);
  await nextDay();
  const [, differs] = await reports(orders, today, 2);
  assert.deepEqual([differs?.totals.missing, differs?.totals.extra], [[gone?.name], ["doc 99"]]);
  const [open, ...more] = await cases(orders);
  assert.deepEqual(
    [open?.kind, open?.owner, open?.code, more.length],
    ["sums-differ", "billing-desk", today, 0],
  );
  assert.match(open?.says ?? "", /sales: ours 15, theirs 17.*doc 99/);
  // The newest first, each with its report; to another tenant there is none.
  const [newest] = await runs();
  assert.deepEqual(newest?.results, { "sums-differ": 1 });
  const read = (tenantId: string) =>
    orders.system.treaties.run("billing-activation", tenantId, newest?.runId ?? "");
  const report = await read("acme");
  const { day: _day, ...told } = differs?.totals ?? {};
  assert.deepEqual([report?.totals, report?.findings], [told, []]);
  assert.equal(await read("rival"), null);
  books.set(today, records);
  await nextDay();
  await reports(orders, today, 3);
  assert.deepEqual(await cases(orders), []);
});

test("more acts than may be held are compared in parts, and more records than may be held in more parts; each day has one report", async () => {
  const { orders, books, asked, today, nextDay } = await scene({ heldAtOnce: 2 });
  await orders.facts(...["1", "2", "3", "4", "5"].map((n) => billingReady(`ord-${n}`)));
  const done = await orders.settled(5, "completed");
  const [gone, wrong, ...right] = done.map(({ idempotencyKey }) => record(idempotencyKey));
  assert.ok(gone !== undefined && wrong !== undefined);
  const strange = Array.from({ length: 12 }, (_, n) => ({ ...record(`stray-${n}`), label: `doc ${n}` }));
  books.set(today, [...right, record(wrong.name, 4), ...strange]);
  await nextDay();
  const all = await reports(orders, today, 1);
  assert.equal(all.length, 1);
  const [differs] = all;
  assert.deepEqual(
    [differs?.totals.missing, differs?.totals.differing, [...(differs?.totals.extra ?? [])].sort()],
    [[gone.name], [wrong.label], strange.map(({ label }) => label).sort()],
  );
  assert.deepEqual(differs?.totals.sums, [{ group: "sales", ours: "25", theirs: String(15 + 4 + 60) }]);
  assert.deepEqual([differs?.totals.counted, differs?.totals.found.extra], [5, 12]);
  assert.ok(
    asked.filter((one) => one === `acme ${today} first`).length > 3,
    "the books were read for few parts",
  );
  books.set(today, [...right, gone, wrong]);
  await nextDay();
  const [, equal] = await reports(orders, today, 2);
  assert.deepEqual(equal?.results, { "sums-equal": 1 });
  assert.deepEqual(equal?.totals.sums, [{ group: "sales", ours: "25", theirs: "25" }]);
  books.clear();
  asked.length = 0;
  await nextDay();
  const [, , empty] = await reports(orders, today, 3);
  assert.deepEqual([empty?.totals.missing.length, empty?.totals.found.missing], [5, 5]);
  const readings = asked.filter((one) => one === `acme ${today} first`).length;
  assert.equal(readings, 3, "five acts, of which two may be held, are three parts");
});

test("a day that was reported before a later one turned out too large is not reported again", async () => {
  const { orders, books, today, nextDay } = await scene({ heldAtOnce: 2 });
  await orders.facts(billingReady("ord-1"));
  const [done] = await orders.settled(1, "completed");
  const strange = Array.from({ length: 12 }, (_, n) => record(`stray-${n}`));
  books.set(today, [record(done?.idempotencyKey ?? ""), ...strange]);
  await nextDay();
  await reports(orders, today, 1);
  const before = dayOf(Date.parse(`${today}T00:00:00Z`) - dayMs);
  assert.equal((await reports(orders, before, 1)).length, 1);
});

test("acts of another treaty that stand in the same books count on our side", async () => {
  const { orders, books, today, nextDay } = await scene({ before: "billing-before" });
  await orders.facts(billingReady("ord-1"));
  const done = await orders.settled(2, "completed");
  assert.deepEqual(done.map(({ treaty }) => treaty).sort(), ["billing-activation", "billing-before"]);
  books.set(
    today,
    done.map(({ idempotencyKey }) => record(idempotencyKey)),
  );
  await nextDay();
  const [equal] = await reports(orders, today, 1);
  assert.deepEqual(equal?.totals.sums, [{ group: "sales", ours: "10", theirs: "10" }]);
  assert.deepEqual(await cases(orders), []);
});

test("a difference that a person has closed is not opened again, and another one of the same day is", async () => {
  const { orders, books, today, nextDay } = await scene();
  await orders.facts(billingReady("ord-1"));
  const [done] = await orders.settled(1, "completed");
  await nextDay();
  await reports(orders, today, 1);
  const [open] = await cases(orders);
  const act = { tenantId: "acme", caseId: open?.caseId ?? "", by: "ann", why: "booked by hand" };
  await orders.system.treaties.closeCase("orders", act);
  await nextDay();
  await reports(orders, today, 2);
  assert.deepEqual(await cases(orders), []);
  books.set(today, [record(done?.idempotencyKey ?? "", 4)]);
  await nextDay();
  await reports(orders, today, 3);
  assert.match((await cases(orders))[0]?.says ?? "", /There with other amounts: doc of/);
});

test("books that cannot be read give no report; they are asked again with the next reconciliation", async () => {
  const { orders, books, treaty, trouble, today, nextDay } = await scene();
  await orders.facts(billingReady("ord-1"));
  const [done] = await orders.settled(1, "completed");
  books.set(today, [record(done?.idempotencyKey ?? "")]);
  trouble.times = 1;
  await nextDay();
  await orders.happenings.until("trouble is reported", () =>
    orders.told.some(({ event }) => event === "courier-trouble"),
  );
  assert.deepEqual(
    await orders
      .entries("entente.reconciliation-run")
      .then((all) => all.filter(({ data }) => "totals" in data)),
    [],
  );
  await orders.system.setClock(orders.system.clock.now() + treaty.times.reconcileEveryMs + 1);
  const [report] = await reports(orders, today, 1);
  assert.deepEqual(report?.results, { "sums-equal": 1 });
});

test("a run belongs to one instance at a time, and one that has lost it reports nothing", async () => {
  const { orders, treaty, asked, gate, today, nextDay } = await scene();
  const database = databaseOf(orders.system, "orders");
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "completed");
  const opened = Promise.withResolvers<void>();
  const reached = new Promise<void>((resolve) => {
    gate.pass = () => {
      resolve();
      return opened.promise;
    };
  });
  await nextDay();
  await reached;
  const other = "00000000-0000-4000-8000-000000000001";
  const take = () => takeRun(database, treaty.name, other, orders.system.clock.now(), 60_000);
  assert.equal(await take(), false, "two instances have one run");
  await database.execute(
    "update entente.totals_run set held_until = clock_timestamp() - interval '1 second'",
  );
  assert.equal(await take(), true, "a run whose instance is gone stays untaken");
  gate.pass = async () => {};
  opened.resolve();
  await endRun(database, treaty.name, other, orders.system.clock.now());
  assert.equal((await reports(orders, today, 1)).length, 1);
  assert.equal(asked.filter((one) => one === asked[0]).length, 2, asked.join(", "));
});
