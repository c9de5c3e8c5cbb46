import assert from "node:assert/strict";
import { test } from "node:test";
import { billingTreaty, ordersSystem } from "../testing/billing-treaty.fixture.ts";
import type { Counterparty } from "../testing/counterparty.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { budgetsOf, readBudgetFigures, readBudgets } from "./call-budget.ts";
import { openCallMeter } from "./call-meter.ts";
import { missingIn } from "./check-treaty.ts";
import { listCases } from "./fallout-cases.ts";
import type { TreatyEvent } from "./treaty-events.ts";

const bed = await openTestBed();
const day = 86_400_000;
const calls = { name: "calls", perDay: 10, warnAtShare: 0.8 };
const over = { budgets: [calls] };
const billing = billingTreaty({ counterparty: { port: 1 } as Counterparty, over });
const mirror = { ...billing, name: "mirror" };

/** Two processes that count in one database, by a clock of their own. */
async function scene() {
  const name = bed.newName();
  const stage = await bed.stage(ordersSystem(name, [billing, mirror]));
  const clock = { now: Date.UTC(2026, 10, 24, 6) };
  const lines: TreatyEvent[] = [];
  const open = () => {
    const now = () => clock.now;
    const database = stage.connect("orders");
    // Nothing is written but by the test.
    const report = (event: TreatyEvent): void => void lines.push(event);
    return openCallMeter({ database, treaties: [billing, mirror], now, everyMs: 1_000_000, report });
  };
  const database = stage.database("orders");
  const budgets = budgetsOf([billing, mirror]);
  return {
    clock,
    lines,
    one: open(),
    other: open(),
    sql: (text: string) => bed.sql(name, "orders", text),
    async use(tenantId: string) {
      const [use] = await readBudgets(database, budgets, tenantId, clock.now);
      return [use?.used, use?.callers.map(({ treaty, operation, total }) => [treaty, operation, total])];
    },
    cases: (tenantId: string) => listCases(database, tenantId, 10),
    figures: () => readBudgetFigures(database, budgets, clock.now),
  };
}

test("what several processes counted is one sum per tenant and day, and a day gone by does not count", async () => {
  const { one, other, use, figures, clock, sql } = await scene();
  one.count(billing, "acme", "calls", "send");
  one.count(billing, "acme", "calls", "send");
  other.count(billing, "acme", "calls", "ask");
  other.count(mirror, "acme", "calls", "send");
  one.count(billing, "globex", "calls", "send", 9);
  await Promise.all([one.flush(), other.flush()]);
  const acme = [
    ["billing-activation", "send", 2],
    ["billing-activation", "ask", 1],
    ["mirror", "send", 1],
  ];
  assert.deepEqual(await use("acme"), [4, acme]);
  assert.deepEqual(await use("globex"), [9, [["billing-activation", "send", 9]]]);
  assert.deepEqual(await use("initech"), [0, []]);
  const shown = (await figures()).map(
    ({ treaty, name, label, value }) => `${name} ${treaty} ${label} ${value}`,
  );
  assert.deepEqual(shown.sort(), [
    "budget-calls billing-activation calls ask 1",
    "budget-calls billing-activation calls send 11",
    "budget-calls mirror calls send 1",
    "budget-share  billing calls 0.9",
  ]);
  clock.now += day;
  assert.deepEqual(await use("acme"), [0, []]);
  one.count(billing, "acme", "calls", "send");
  await one.flush();
  assert.deepEqual(await use("acme"), [1, [["billing-activation", "send", 1]]]);
  clock.now += 40 * day;
  one.count(billing, "acme", "calls", "send");
  await one.flush();
  assert.equal(
    (await sql("select distinct day from entente.treaty_call")).length,
    1,
    "old days are forgotten",
  );
});

test("at its share of the day a budget opens one case that says who used most, and another one on another day", async () => {
  const { one, other, cases, clock, lines } = await scene();
  one.count(mirror, "acme", "calls", "read", 5);
  one.count(billing, "acme", "calls", "send", 2);
  await one.flush();
  assert.deepEqual(await cases("acme"), []);
  one.count(billing, "acme", "calls", "send");
  other.count(billing, "acme", "calls", "ask");
  await Promise.all([one.flush(), other.flush()]);
  one.count(billing, "acme", "calls", "send");
  await one.flush();
  const [only, ...more] = await cases("acme");
  assert.deepEqual(more, []);
  const { kind, code, treaty, handOffId, owner, acts } = only ?? {};
  const owned = billing.runbook.technicalOwner;
  assert.deepEqual([kind, code, treaty, handOffId], ["budget-nearly-used", "calls", "mirror", null]);
  assert.deepEqual([owner, acts], [owned, ["close"]]);
  assert.match(
    only?.says ?? "",
    /^[89]0 % of today's calls of billing are used \([89] of 10\)\. Most by mirror read 5, /,
  );
  assert.deepEqual(await cases("globex"), []);
  clock.now += day;
  one.count(mirror, "acme", "calls", "read", 8);
  await one.flush();
  assert.equal((await cases("acme")).length, 2);
  assert.deepEqual(
    lines.map((line) => line.event === "case" && [line.tenantId, line.target, line.kind, line.step, line.by]),
    [1, 2].map(() => ["acme", "billing", "budget-nearly-used", "opened", owned]),
  );
});

test("what could not be written is written later; a budget nobody declared is not counted", async () => {
  const { one, use, sql } = await scene();
  await sql("alter table entente.treaty_call rename to elsewhere");
  one.count(billing, "acme", "calls", "send", 3);
  await assert.rejects(one.flush());
  await sql("alter table entente.elsewhere rename to treaty_call");
  one.count(billing, "acme", "calls", "send");
  await one.stop();
  assert.equal((await use("acme"))[0], 4);
  assert.throws(() => one.count(billing, "acme", "letters", "send"), /no budget letters/);
});

test("a question answered from a copy of ours is counted beside the calls, by tenant and treaty, and uses no budget", async () => {
  const { one, other, use, figures, cases } = await scene();
  for (let n = 0; n < 9; n++) one.answeredHere(billing, "acme");
  other.answeredHere(billing, "acme");
  other.answeredHere(mirror, "globex");
  await Promise.all([one.flush(), other.flush()]);
  assert.deepEqual([await use("acme"), await cases("acme")], [[0, []], []]);
  const shown = (await figures()).filter(({ value }) => value > 0);
  assert.deepEqual(
    shown.map(({ treaty, name, label, value }) => `${name} ${treaty} ${label} ${value}`).sort(),
    ["answered-here billing-activation copy 10", "answered-here mirror copy 1"],
  );
  const named = [{ ...calls, name: "answered-here" }];
  assert.deepEqual(missingIn({ ...billing, budgets: named }), ["budgets.0.name"]);
});

test("a budget that is not all there keeps its treaty from starting", () => {
  const wrong = [{ name: "", perDay: 0, warnAtShare: 80 }];
  assert.deepEqual(missingIn({ ...billing, budgets: wrong }), [
    "budgets.0.name",
    "budgets.0.perDay",
    "budgets.0.warnAtShare",
  ]);
  const smaller = { ...mirror, budgets: [{ ...calls, perDay: 4 }] };
  assert.deepEqual(
    budgetsOf([billing, smaller]).map(({ target, name, perDay }) => [target, name, perDay]),
    [["billing", "calls", 4]],
  );
});
