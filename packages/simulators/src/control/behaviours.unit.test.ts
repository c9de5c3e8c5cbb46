import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { RuleToAdd } from "./control-client.ts";
import { type Echo, startEcho } from "./echo.fixture.ts";

/** Every behaviour, over real sockets, against the smallest system there can be. */

let echo: Echo;

before(async () => {
  echo = await startEcho();
});
after(() => echo.stop());
beforeEach(() => echo.client.reset());

/** Status and body; what went wrong on the wire, when there was no answer. */
async function taken(text = "a note", headers: Record<string, string> = {}): Promise<unknown> {
  try {
    const response = await echo.note(text, headers);
    const body = await response.text();
    return { status: response.status, body };
  } catch (error) {
    return (error as Error & { cause?: { code?: string } }).cause?.code;
  }
}

const ids = async () => (await echo.client.effects()).map(({ id }) => id);
const statuses = async () => (await echo.client.calls()).map(({ status }) => status);

test("without a rule the system does its duty", async () => {
  assert.deepEqual(await taken(), {
    status: 201,
    body: '{"id":"note-1","text":"a note","status":"kept"}',
  });
  assert.deepEqual(await ids(), ["note-1"]);
});

test("success is its duty, and stands before a wider rule", async () => {
  await echo.client.rule({ behaviour: "success", when: { key: "mine" } });
  await echo.client.rule({ behaviour: "unauthorized" });
  assert.equal(((await taken("a", { "note-key": "mine" })) as { status: number }).status, 201);
  assert.equal(((await taken("a", { "note-key": "yours" })) as { status: number }).status, 401);
});

for (const [rule, status] of [
  [{ behaviour: "rejection", reason: "too-long" }, 422],
  [{ behaviour: "unauthorized" }, 401],
  [{ behaviour: "throttled", retryAfterSeconds: 9 }, 429],
  [{ behaviour: "server-error", effect: false }, 500],
  [{ behaviour: "server-error", status: 502, effect: false }, 502],
] as const satisfies readonly (readonly [RuleToAdd, number])[]) {
  test(`${JSON.stringify(rule)} answers ${status} and has no effect`, async () => {
    await echo.client.rule(rule);
    assert.equal((await echo.note("a")).status, status);
    assert.deepEqual(await ids(), []);
    const [call] = await echo.client.calls();
    assert.deepEqual([call?.behaviour, call?.status, call?.effect], [rule.behaviour, status, false]);
  });
}

test("throttled says when to come again", async () => {
  await echo.client.rule({ behaviour: "throttled", retryAfterSeconds: 9 });
  assert.equal((await echo.note("a")).headers.get("retry-after"), "9");
});

test("a server error after the effect leaves the effect", async () => {
  await echo.client.rule({ behaviour: "server-error", status: 503, effect: true });
  assert.equal((await echo.note("a")).status, 503);
  assert.deepEqual(await ids(), ["note-1"]);
});

for (const effect of [true, false]) {
  test(`a dropped connection ${effect ? "after" : "before"} the effect`, async () => {
    await echo.client.rule({ behaviour: "drop", effect });
    assert.equal(await taken(), "ECONNRESET");
    assert.deepEqual(await ids(), effect ? ["note-1"] : []);
    assert.deepEqual(await statuses(), ["none"]);
  });

  test(`a timeout ${effect ? "after" : "before"} the effect is held until its time, then closed`, async () => {
    await echo.client.rule({ behaviour: "timeout", effect, holdMs: 3_600_000 });
    const answer = taken();
    await until(async () => (await statuses())[0] === "none");
    assert.deepEqual(await ids(), effect ? ["note-1"] : []);
    await echo.client.advance("PT1H");
    assert.match(String(await answer), /UND_ERR_SOCKET|ECONNRESET/);
  });
}

for (const behaviour of ["timeout", "drop"] as const) {
  test(`an answer that the system's own hook gave, lost by ${behaviour}, lets no handler run`, async () => {
    await echo.note("a");
    await echo.client.rule({ behaviour, effect: true });
    const caller = AbortSignal.timeout(200);
    await assert.rejects(echo.note("b", { "known-as": "a" }, caller));
    await until(async () => (await statuses())[1] === "none");
    await echo.client.removeRules();
    await echo.note("c");
    assert.deepEqual(await ids(), ["note-1", "note-2"]);
  });
}

test("a slow system has its effect when its time is over", async () => {
  await echo.client.rule({ behaviour: "slow", delayMs: 60_000 });
  const answer = taken();
  await until(async () => (await echo.client.calls()).length === 1);
  assert.deepEqual(await ids(), []);
  await echo.client.advance("PT1M");
  assert.equal(((await answer) as { status: number }).status, 201);
  assert.deepEqual(await ids(), ["note-1"]);
});

test("a slow answer is overtaken by the effect and its callbacks", async () => {
  await echo.client.rule({ behaviour: "slow", delayMs: 60_000, effectFirst: true });
  const before = echo.callbacks.length;
  let answered = false;
  const answer = taken().then((value) => {
    answered = true;
    return value;
  });
  await echo.arrived(before + 2);
  assert.deepEqual([await ids(), answered], [["note-1"], false]);
  await echo.client.advance("PT1M");
  assert.equal(((await answer) as { status: number }).status, 201);
});

test("a slow answer to somebody who has gone harms nobody", async () => {
  await echo.client.rule({ behaviour: "slow", delayMs: 60_000, effectFirst: true });
  await assert.rejects(echo.note("a", {}, AbortSignal.timeout(100)));
  await until(async () => (await statuses())[0] === "none");
  await echo.client.advance("PT1M");
  await echo.client.removeRules();
  assert.equal((await echo.note("b")).status, 201);
  assert.deepEqual(await ids(), ["note-1", "note-2"]);
});

test("a slow system finishes although the caller has gone", async () => {
  await echo.client.rule({ behaviour: "slow", delayMs: 60_000 });
  const caller = new AbortController();
  const gone = assert.rejects(echo.note("a", {}, caller.signal));
  await until(async () => (await echo.client.calls()).length === 1);
  caller.abort();
  await gone;
  await until(async () => (await statuses())[0] === "none");
  await echo.client.advance("PT1M");
  await until(async () => (await ids()).length === 1);
});

describe("malformed answers, after the effect:", () => {
  for (const [variant, body] of [
    ["not-json", '{"id":"note-1","text"'],
    ["missing-field", '{"id":"note-1","text":"a"}'],
    ["wrong-type", '{"id":"note-1","text":"a","status":42}'],
  ] as const) {
    test(variant, async () => {
      await echo.client.rule({ behaviour: "malformed", variant });
      const response = await echo.note("a");
      assert.equal(response.status, 201);
      assert.equal(await response.text(), body);
      assert.deepEqual(await ids(), ["note-1"]);
    });
  }
});

test("an unknown status is in the answer", async () => {
  await echo.client.rule({ behaviour: "unknown-status", times: 1 });
  await echo.client.rule({ behaviour: "unknown-status", status: "half_kept" });
  assert.match(await (await echo.note("a")).text(), /"status":"puzzled"/);
  assert.match(await (await echo.note("a")).text(), /"status":"half_kept"/);
});

describe("callbacks", () => {
  let before = 0;
  beforeEach(() => {
    before = echo.callbacks.length;
  });
  const since = () => echo.callbacks.slice(before);

  test("arrive in order", async () => {
    await echo.note("a");
    await echo.arrived(before + 2);
    assert.deepEqual(since(), ["note-1 began", "note-1 kept"]);
  });

  test("arrive late", async () => {
    await echo.client.rule({ behaviour: "delayed-callback", delayMs: 86_400_000, times: 1 });
    await echo.note("a");
    await echo.note("b");
    await echo.arrived(before + 2);
    assert.deepEqual(since(), ["note-2 began", "note-2 kept"]);
    await echo.client.advance("P1D");
    assert.deepEqual(since().slice(2), ["note-1 began", "note-1 kept"]);
  });

  test("arrive as often as told", async () => {
    await echo.client.rule({ behaviour: "duplicate-callback", count: 3 });
    await echo.note("a");
    await echo.arrived(before + 6);
    assert.deepEqual(since().toSorted().slice(0, 3), Array(3).fill("note-1 began"));
    assert.equal(since().length, 6);
  });

  test("arrive reversed, behind those of a later request", async () => {
    await echo.client.rule({ behaviour: "out-of-order-callback", times: 1 });
    await echo.note("a");
    await echo.note("b");
    await echo.arrived(before + 4);
    assert.deepEqual(since(), ["note-2 began", "note-2 kept", "note-1 kept", "note-1 began"]);
  });

  test("arrive reversed after a while, when no later request comes", async () => {
    await echo.client.rule({ behaviour: "out-of-order-callback", holdMs: 5_000 });
    await echo.note("a");
    await echo.client.advance("PT5S");
    assert.deepEqual(since(), ["note-1 kept", "note-1 began"]);
  });

  test("never arrive", async () => {
    await echo.client.rule({ behaviour: "lost-callback", times: 1 });
    await echo.note("a");
    await echo.note("b");
    await echo.arrived(before + 2);
    await echo.client.advance("P30D");
    assert.deepEqual(since(), ["note-2 began", "note-2 kept"]);
  });

  test("a rule about callbacks is for requests that have some", async () => {
    await echo.client.rule({ behaviour: "lost-callback", times: 1 });
    await fetch(`${echo.url}/notes`);
    assert.equal((await echo.client.rules())[0]?.applied, 0);
  });
});

/** Asks until it is so: the other side is another party, and tells nobody when it gets there. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 2_000; tries += 1) if (await holds()) return;
  assert.fail("did not come to pass");
}
