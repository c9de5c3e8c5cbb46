import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import type { JsonObject } from "../model/entry.ts";
import { Failure, isFailure } from "../model/failure.ts";
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
  let elapsed = 0;
  const control = { isStopped: false, refusals: [] as string[] };
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
      "401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "Key refused." },
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
    limits: { concurrency: 2, ratePerSecond: 1_000 },
  });
  const whole = { ...treaty, ...over } as ReadingTreaty;
  checkTreaty(whole);
  const asker = openAsker({
    treaty: whole,
    means: (signal) => ({ signal }) as never,
    isStopped: async () => control.isStopped,
    stop: async (tenantId, code) => {
      control.isStopped = true;
      control.refusals.push(`${tenantId} ${code}`);
    },
    now: () => time,
    elapsed: () => elapsed,
  });
  return {
    control,
    /** Monotonic time passes, as the rate sees it. */
    wait: (ms: number) => {
      elapsed += ms;
    },
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

test("a stopped treaty asks nobody: it answers at once what they said last, with its age, or that it is stopped", async () => {
  let asked = 0;
  const here = scene(async () => {
    asked++;
    return reply({ open: true });
  });
  await here.ask();
  here.control.isStopped = true;
  const code = "treaty-stopped";
  assert.deepEqual(await here.ask(), { outcome: "stale", answer: { open: true }, at: 1_000, code });
  assert.deepEqual(await here.ask({ account: "a-2" }), { outcome: "unavailable", code });
  assert.equal(asked, 1);
  here.control.isStopped = false;
  assert.equal((await here.ask({ account: "a-2" })).outcome, "answered");
});

test("refused credentials stop it, whether they are said or thrown, and nothing else does", async () => {
  const thrown = (code: string, fields = {}) =>
    Promise.reject(new Failure("unavailable", code, "No.", { fields }));
  const ends: [string, () => Promise<Reply>, string, boolean][] = [
    ["their code in an answer", async () => reply({ code: "401" }), "401", true],
    ["their code, thrown", () => thrown("bank-refused", { externalCode: "401" }), "401", true],
    ["a secret that nobody gave", () => thrown("credential-unknown"), "credential-unknown", true],
    ["a way that is shut", () => thrown("egress-refused"), "egress-refused", true],
    ["another code of theirs", () => thrown("bank-refused", { externalCode: "busy" }), "bank-refused", false],
    ["a code nobody knows", async () => reply({ code: "418" }), "418", false],
  ];
  for (const [what, end, code, stops] of ends) {
    const here = scene(end);
    assert.deepEqual(await here.ask(), { outcome: "unavailable", code }, what);
    assert.deepEqual(here.control.refusals, stops ? [`acme ${code}`] : [], what);
    if (!stops) continue;
    assert.deepEqual(await here.ask(), { outcome: "unavailable", code: "treaty-stopped" }, what);
    assert.equal(here.control.refusals.length, 1, what);
  }
});

test("no more questions are asked in a second than the rate allows, and those beyond it are told at once", async () => {
  let asked = 0;
  const slow = { limits: { concurrency: 9, ratePerSecond: 2 } };
  const here = scene(async () => {
    asked++;
    return reply({ open: true });
  }, slow);
  const outcomes = async (count: number) => {
    const all = await Promise.all(
      Array.from({ length: count }, (_, n) => here.ask({ account: `${asked}-${n}` })),
    );
    return all.map((one) => (one.outcome === "unavailable" ? one.code : one.outcome));
  };
  const busy = "counterparty-busy";
  assert.deepEqual(await outcomes(4), ["answered", "answered", busy, busy], "a burst of a second's worth");
  here.wait(499);
  assert.deepEqual(await outcomes(1), [busy]);
  here.wait(1);
  assert.deepEqual(await outcomes(2), ["answered", busy]);
  here.wait(60_000);
  assert.deepEqual(await outcomes(3), ["answered", "answered", busy], "what was not asked is not saved up");
  assert.equal(asked, 5);
});
