import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addTotals,
  closedDays,
  compareDay,
  type DayAct,
  type DayRecord,
  namesListed,
  nextClosing,
  partOf,
} from "./day-totals.ts";

const day = "2026-11-24";
const act = (name: string, over: Partial<DayAct> = {}): [string, DayAct] => [
  name,
  { tenantId: "acme", name, day, amounts: { cash: 5, sales: -5 }, outcome: "completed", ...over },
];
const record = (name: string, amounts: DayRecord["amounts"] = { cash: 5, sales: -5 }): DayRecord => ({
  name,
  label: `doc ${name}`,
  amounts,
});
const compare = (acts: readonly [string, DayAct][], records: readonly DayRecord[]) =>
  compareDay("acme", day, new Map(acts), records);

test("equal sides have equal sums, also when a record comes in parts", () => {
  const found = compare(
    [act("a"), act("b")],
    [record("a", { cash: 5 }), record("b"), record("a", { sales: -5 })],
  );
  assert.deepEqual(found, {
    sums: [
      { group: "cash", ours: "10", theirs: "10" },
      { group: "sales", ours: "-10", theirs: "-10" },
    ],
    missing: [],
    extra: [],
    differing: [],
    found: { missing: 0, extra: 0, differing: 0 },
    counted: 2,
    open: 0,
    equal: true,
  });
});

test("what is missing, what nobody asked for, what is there twice and what has other amounts is named", () => {
  const found = compare(
    [act("a"), act("b"), act("c"), act("d")],
    [record("b"), record("b"), record("c", { cash: 7, sales: -7 }), record("d"), record("stray")],
  );
  assert.deepEqual([found.missing, found.extra, found.differing], [["a"], ["doc stray"], ["doc b", "doc c"]]);
  assert.equal(found.equal, false);
});

test("two faults that cancel each other out leave equal sums, and the days are not equal for that", () => {
  const found = compare([act("a")], [record("stray")]);
  assert.ok(found.sums.every(({ ours, theirs }) => ours === theirs));
  assert.deepEqual([found.missing, found.extra, found.equal], [["a"], ["doc stray"], false]);
});

test("an act without an outcome counts on neither side; one that was refused here and stands there is extra", () => {
  const open = compare([act("a", { outcome: "open" })], [record("a")]);
  assert.deepEqual([open.equal, open.open, open.sums], [true, 1, []]);
  const refused = compare([act("a", { outcome: "not-done" })], [record("a")]);
  assert.deepEqual(refused.extra, ["doc a"]);
});

test("in shared books the record of another tenant's act is left to that tenant, and one on another day is extra", () => {
  const shared = [act("a"), act("theirs", { tenantId: "globex" })];
  assert.equal(compare(shared, [record("a"), record("theirs")]).equal, true);
  assert.deepEqual(compare([act("a", { day: "2026-11-23" })], [record("a")]).extra, ["doc a"]);
});

test("a day compared in parts comes to what it comes to as a whole", () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 20 });
  const outcome = fc.constantFrom<DayAct["outcome"]>("completed", "completed", "open", "not-done");
  const some = fc.record({
    acts: names.chain((all) =>
      fc.tuple(...all.map((name) => outcome.map((one) => act(name, { outcome: one })))),
    ),
    records: fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 3 }), fc.integer({ min: -5, max: 5 })), {
      maxLength: 20,
    }),
    parts: fc.integer({ min: 1, max: 7 }),
  });
  fc.assert(
    fc.property(some, ({ acts, records, parts }) => {
      const own = acts.filter((_, n) => n % 2 === 0).map(([name]) => record(name));
      const theirs = [...own, ...records.map(([name, cash]) => record(name, { cash }))];
      const found = Array.from({ length: parts }, (_, part) =>
        compare(
          acts.filter(([name]) => partOf(name, parts) === part),
          theirs.filter(({ name }) => partOf(name, parts) === part),
        ),
      ).reduce(addTotals);
      const sorted = (one: typeof found) => ({
        ...one,
        missing: [...one.missing].sort(),
        extra: [...one.extra].sort(),
        differing: [...one.differing].sort(),
      });
      assert.deepEqual(sorted(found), sorted(compare(acts, theirs)));
    }),
    { numRuns: 500 },
  );
});

test("parts are about equally large", () => {
  const sizes = new Map<number, number>();
  for (let n = 0; n < 10_000; n++) {
    const part = partOf(`FX${n.toString(32)}`, 10);
    sizes.set(part, (sizes.get(part) ?? 0) + 1);
  }
  assert.equal(sizes.size, 10);
  for (const size of sizes.values()) assert.ok(size > 700 && size < 1_300, `${size}`);
});

test("of very many differences some are listed and all are counted", () => {
  const acts = Array.from({ length: namesListed + 5 }, (_, n) => act(`a${n}`));
  const { missing, found } = compare(acts, []);
  assert.deepEqual([missing.length, found.missing], [namesListed, namesListed + 5]);
});

test("sums are exact beyond what a number holds", () => {
  const much = { cash: Number.MAX_SAFE_INTEGER };
  const found = compare([act("a", { amounts: much }), act("b", { amounts: much })], [record("a", much)]);
  assert.equal(found.sums[0]?.ours, "18014398509481982");
});

test("a day is closed once it has been over for long enough", () => {
  const hour = 3_600_000;
  const at = (text: string): number => Date.parse(text);
  assert.deepEqual(closedDays(at("2026-11-25T00:59:59Z"), hour, 2), ["2026-11-22", "2026-11-23"]);
  assert.deepEqual(closedDays(at("2026-11-25T01:00:00Z"), hour, 2), ["2026-11-23", "2026-11-24"]);
  assert.equal(nextClosing(at("2026-11-25T00:30:00Z"), hour), at("2026-11-25T01:00:00Z"));
  assert.equal(nextClosing(at("2026-11-25T01:00:00Z"), hour), at("2026-11-26T01:00:00Z"));
});
