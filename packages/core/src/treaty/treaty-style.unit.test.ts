import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { isFailure } from "../model/failure.ts";
import { billingTreaty } from "../testing/billing-treaty.fixture.ts";
import type { Counterparty } from "../testing/counterparty.fixture.ts";
import { openShelf } from "../testing/shelf.fixture.ts";
import { checkTreaty, missingIn } from "./check-treaty.ts";
import { defineReadingTreaty, type Treaty } from "./treaty.ts";
import { contradictionsIn } from "./treaty-style.ts";

const acting = billingTreaty({ counterparty: { port: 1 } as Counterparty });
const following = openShelf().treaty as Treaty;
const { sheet, runbook, answers, errorMap } = acting;
const reading = defineReadingTreaty({
  name: "account-check",
  version: "1.0.0",
  kind: "synchronous-query",
  target: "billing",
  sheet,
  runbook,
  answers,
  errorMap,
  style: {
    userWaitsForTheAnswer: true,
    runsLong: false,
    counterpartyMayBeAway: true,
    hasAnEffect: false,
    staleAnswerWillDo: true,
    flowNeedsTheResult: true,
  },
  credentials: [],
  input: Type.Object({}),
  output: Type.Object({}),
  ask: () => Promise.reject(new Error("never asked")),
  translate: () => ({ says: "completed" }),
  timeoutMs: 50,
  staleAllowedMs: 500,
  limits: { concurrency: 2, ratePerSecond: 10 },
}) as Treaty;

const saying = (treaty: Treaty, over: Partial<Treaty["style"]>, more: object = {}): Treaty =>
  ({ ...treaty, ...more, style: { ...treaty.style, ...over } }) as Treaty;
const pathsIn = (treaty: Treaty) => contradictionsIn(treaty).map(({ path }) => path);

test("a treaty whose answers agree with its kind starts, whichever of the other answers it gives", () => {
  for (const treaty of [acting, reading, following]) assert.equal(checkTreaty(treaty), treaty);
  for (const said of [true, false]) {
    const others = { counterpartyMayBeAway: said, flowNeedsTheResult: said };
    for (const treaty of [acting, reading, following])
      assert.deepEqual(pathsIn(saying(treaty, others)), [], `${treaty.kind} ${said}`);
    assert.deepEqual(pathsIn(saying(reading, { userWaitsForTheAnswer: said })), []);
    assert.deepEqual(pathsIn(saying(acting, { userWaitsForTheAnswer: said, runsLong: said })), []);
  }
  assert.deepEqual(pathsIn(saying(reading, { staleAnswerWillDo: false }, { staleAllowedMs: 0 })), []);
});

const specimens: readonly [what: string, treaty: Treaty, paths: readonly string[]][] = [
  ["a question with an effect", saying(reading, { hasAnEffect: true }), ["style.hasAnEffect"]],
  ["a question answered later", saying(reading, { runsLong: true }), ["style.runsLong"]],
  [
    "a replica with an effect",
    saying(reading, { hasAnEffect: true }, { kind: "table-replication" }),
    ["style.hasAnEffect"],
  ],
  [
    "a stale answer that will do and is never given",
    saying(reading, {}, { staleAllowedMs: 0 }),
    ["style.staleAnswerWillDo"],
  ],
  [
    "a stale answer that will not do and is given",
    saying(reading, { staleAnswerWillDo: false }),
    ["style.staleAnswerWillDo"],
  ],
  ["a question with a callback", saying(reading, {}, { callback: acting.callback }), ["callback"]],
  [
    "a question that sends",
    saying(reading, {}, { send: acting.send, inquire: acting.inquire }),
    ["send", "inquire"],
  ],
  ["a feed with an effect", saying(following, { hasAnEffect: true }), ["style.hasAnEffect"]],
  [
    "a feed that somebody waits for",
    saying(following, { userWaitsForTheAnswer: true }),
    ["style.userWaitsForTheAnswer"],
  ],
  ["a hand-off without an effect", saying(acting, { hasAnEffect: false }), ["style.hasAnEffect"]],
  [
    "everything at once",
    saying(reading, acting.style, { callback: acting.callback }),
    ["style.hasAnEffect", "style.runsLong", "style.staleAnswerWillDo", "callback"],
  ],
];
for (const [what, treaty, paths] of specimens) {
  test(`${what} does not start, and is told what contradicts`, () => {
    assert.deepEqual(missingIn(treaty), [], "nothing is missing in it");
    assert.deepEqual(pathsIn(treaty), paths);
    assert.throws(
      () => checkTreaty(treaty),
      (error) => {
        assert.ok(isFailure(error, "treaty-contradicts-itself"));
        assert.deepEqual(error.fields.contradictions, paths);
        for (const { path, why } of contradictionsIn(treaty)) {
          assert.ok(why.length > 20);
          assert.ok(error.message.includes(`${path}: ${why}`), error.message);
        }
        return true;
      },
    );
  });
}
