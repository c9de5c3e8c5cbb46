import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import type { JsonObject } from "../model/entry.ts";
import { isFailure } from "../model/failure.ts";
import { billingTreaty } from "../testing/billing-treaty.fixture.ts";
import type { Counterparty } from "../testing/counterparty.fixture.ts";
import { openAsker } from "./ask-counterparty.ts";
import { checkTreaty } from "./check-treaty.ts";
import { notSent } from "./reach.ts";
import { defineReadingTreaty, type ReadingTreaty, type Reply } from "./treaty.ts";

const { sheet, runbook, answers } = billingTreaty({ counterparty: { port: 1 } as Counterparty });

/** Validates a billing account, as far as `ask` lets it. */
function scene(ask: () => Promise<Reply>, over: Partial<ReadingTreaty> = {}) {
  let time = 1_000;
  const treaty = defineReadingTreaty({
    name: "account-check",
    version: "1.0.0",
    kind: "synchronous-query",
    target: "billing",
    sheet,
    runbook,
    answers,
    style: {
      userWaitsForTheAnswer: true,
      runsLong: false,
      counterpartyMayBeAway: true,
      hasAnEffect: false,
      staleAnswerWillDo: true,
      flowNeedsTheResult: true,
    },
    credentials: [],
    errorMap: {
      closed: { class: "BUSINESS_REJECTED", means: "The account is closed." },
      busy: { class: "TECHNICAL_RETRYABLE", means: "Busy." },
    },
    input: Type.Object({ account: Type.String() }),
    output: Type.Object({ open: Type.Boolean() }),
    ask,
    translate: ({ body }) => {
      const said = body as { open?: boolean; code?: string };
      return said.code === undefined
        ? { says: "completed", answer: { open: said.open ?? null } }
        : { says: "code", code: said.code };
    },
    timeoutMs: 50,
    staleAllowedMs: 500,
    limits: { concurrency: 2, ratePerSecond: 10 },
  });
  const whole = { ...treaty, ...over } as ReadingTreaty;
  checkTreaty(whole);
  const asker = openAsker(
    whole,
    (signal) => ({ signal }) as never,
    () => time,
  );
  return {
    ask: (input: JsonObject = { account: "a-1" }, tenant = "acme") => asker.ask(tenant, input),
    later: (ms: number) => {
      time += ms;
    },
  };
}

const reply = (body: object): Reply => ({ body, status: "200", raw: JSON.stringify(body) });

test("an answer within its bound is the answer; a business no is a no", async () => {
  let body: object = { open: true };
  const here = scene(async () => reply(body));
  assert.deepEqual(await here.ask(), { outcome: "answered", answer: { open: true }, at: 1_000 });
  body = { code: "closed" };
  assert.deepEqual(await here.ask(), { outcome: "refused", code: "closed", means: "The account is closed." });
});

test("when they are slow, broken, away or unreadable, the last answer serves until it is too old, and of nobody else's", async () => {
  let next: () => Promise<Reply> = async () => reply({ open: true });
  const here = scene(() => next());
  await here.ask();
  const troubles: [string, () => Promise<Reply>][] = [
    ["answer-late", () => new Promise(() => {})],
    ["answer-broken", () => Promise.reject(new Error("socket hang up"))],
    ["request-not-sent", () => Promise.reject(notSent(new Error("refused")))],
    ["answer-unreadable", async () => reply({ open: "perhaps" })],
    ["busy", async () => reply({ code: "busy" })],
  ];
  for (const [code, trouble] of troubles) {
    next = trouble;
    assert.deepEqual(await here.ask(), { outcome: "stale", answer: { open: true }, at: 1_000, code });
  }
  assert.deepEqual(await here.ask({ account: "a-2" }), { outcome: "unavailable", code: "busy" });
  assert.deepEqual(await here.ask({ account: "a-1" }, "globex"), { outcome: "unavailable", code: "busy" });
  here.later(501);
  assert.deepEqual(await here.ask(), { outcome: "unavailable", code: "busy" });
});

test("no more questions are under way than allowed, and nobody is kept waiting behind them", async () => {
  const gate = Promise.withResolvers<Reply>();
  const here = scene(() => gate.promise, { timeoutMs: 5_000 });
  const first = [here.ask(), here.ask()];
  assert.deepEqual(await here.ask(), { outcome: "unavailable", code: "counterparty-busy" });
  gate.resolve(reply({ open: true }));
  assert.deepEqual(
    (await Promise.all(first)).map(({ outcome }) => outcome),
    ["answered", "answered"],
  );
});

test("a question that its schema forbids is not asked", async () => {
  let asked = 0;
  const here = scene(async () => {
    asked++;
    return reply({ open: true });
  });
  await assert.rejects(here.ask({ account: 5 }), (error) => isFailure(error, "request-invalid"));
  assert.equal(asked, 0);
});
