import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Echo, startEcho } from "./echo.fixture.ts";

let echo: Echo;

before(async () => {
  echo = await startEcho();
});
after(() => echo.stop());
beforeEach(() => echo.client.reset(7));

/** What the control interface answers, as far as these tests look at it. */
interface ControlBody {
  readonly system: string;
  readonly seed: number;
  readonly now: string;
  readonly error: string;
  readonly problems: readonly { readonly pointer: string }[];
  readonly credentials: object;
  readonly rejections: readonly object[];
  readonly operations: readonly { readonly name: string }[];
  readonly behaviours: readonly {
    readonly behaviour: string;
    readonly options: Readonly<Record<string, { readonly type: string }>>;
  }[];
}

async function control(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: ControlBody }> {
  const response = await fetch(`${echo.url}/_control${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text || "{}") };
}

test("the entry tells what can be asked for", async () => {
  const { body } = await control("GET", "");
  assert.equal(body.system, "echo");
  assert.equal(body.seed, 7);
  assert.deepEqual(body.credentials, { key: "echo-dev" });
  assert.deepEqual(
    body.operations.map(({ name }) => name),
    ["take-note", "read-notes"],
  );
  assert.deepEqual(body.rejections, [{ reason: "too-long", means: "The note is too long." }]);
  const slow = body.behaviours.find(({ behaviour }) => behaviour === "slow");
  assert.equal(slow?.options.delayMs?.type, "integer");
  assert.equal(body.behaviours.length, 14);
});

describe("a rule is refused", () => {
  for (const [title, rule, pointer] of [
    ["that is none", 5, ""],
    ["without a behaviour", {}, "/behaviour"],
    ["of an unknown behaviour", { behaviour: "lazy" }, "/behaviour"],
    ["without an option it needs", { behaviour: "slow" }, "/delayMs"],
    ["with an option nobody knows", { behaviour: "success", loud: true }, "/loud"],
    ["with an option of the wrong type", { behaviour: "timeout", effect: "yes" }, "/effect"],
    ["for an unknown operation", { behaviour: "success", when: { operation: "sing" } }, "/when/operation"],
    ["for a share above 1", { behaviour: "success", when: { share: 1.5 } }, "/when/share"],
    ["that never applies", { behaviour: "success", times: 0 }, "/times"],
    ["with an unknown reason", { behaviour: "rejection", reason: "ugly" }, "/reason"],
    [
      "with a reason its operation never has",
      { behaviour: "rejection", reason: "too-long", when: { operation: "read-notes" } },
      "/reason",
    ],
    [
      "about callbacks that never follow",
      { behaviour: "lost-callback", when: { operation: "read-notes" } },
      "/when/operation",
    ],
  ] as const) {
    test(title, async () => {
      const { status, body } = await control("POST", "/behaviours", rule);
      assert.equal(status, 422);
      assert.equal(body.error, "rule-invalid");
      assert.equal(body.problems[0]?.pointer, pointer);
      assert.deepEqual(await echo.client.rules(), []);
    });
  }
});

test("a body that is not JSON is refused", async () => {
  const response = await fetch(`${echo.url}/_control/behaviours`, {
    method: "POST",
    body: "{",
    headers: { "content-type": "application/json" },
  });
  assert.equal(response.status, 400);
});

test("rules are asked oldest first, each as often as it may", async () => {
  const first = await echo.client.rule({ behaviour: "rejection", reason: "too-long", times: 2 });
  const second = await echo.client.rule({ behaviour: "unauthorized", times: 1 });
  const statuses: number[] = [];
  for (let n = 0; n < 4; n += 1) statuses.push((await echo.note("a")).status);
  assert.deepEqual(statuses, [422, 422, 401, 201]);
  assert.deepEqual(await echo.client.rules(), [
    { id: first, behaviour: "rejection", reason: "too-long", when: {}, times: 2, applied: 2 },
    { id: second, behaviour: "unauthorized", when: {}, times: 1, applied: 1 },
  ]);
});

test("a rule for an operation and a key leaves others alone", async () => {
  await echo.client.rule({ behaviour: "unauthorized", when: { operation: "take-note", key: "k1" } });
  assert.equal((await echo.note("a", { "note-key": "k1" })).status, 401);
  assert.equal((await echo.note("a", { "note-key": "k2" })).status, 201);
  assert.equal((await fetch(`${echo.url}/notes`, { headers: { "note-key": "k1" } })).status, 200);
});

test("a share falls on the same requests for the same seed", async () => {
  const refusals = async (seed: number) => {
    await echo.client.reset(seed);
    await echo.client.rule({ behaviour: "unauthorized", when: { share: 0.3 } });
    const statuses: number[] = [];
    for (let n = 0; n < 60; n += 1) statuses.push((await echo.note("a")).status);
    return statuses.map((status) => (status === 401 ? "x" : "."));
  };
  const once = await refusals(11);
  assert.deepEqual(await refusals(11), once);
  assert.notDeepEqual(await refusals(12), once);
  const share = once.filter((mark) => mark === "x").length / once.length;
  assert.ok(share > 0.1 && share < 0.5, `share was ${share}`);
});

test("a removed rule no longer applies", async () => {
  const id = await echo.client.rule({ behaviour: "unauthorized" });
  await echo.client.removeRule(id);
  assert.equal((await echo.note("a")).status, 201);
  assert.equal((await control("DELETE", `/behaviours/${id}`)).status, 404);
  await echo.client.rule({ behaviour: "unauthorized" });
  await echo.client.removeRules();
  assert.deepEqual(await echo.client.rules(), []);
});

describe("the header x-simulate", () => {
  test("is for this one request, and outranks the rules", async () => {
    await echo.client.rule({ behaviour: "unauthorized" });
    const answer = await echo.note("a", { "x-simulate": '{"behaviour":"success"}' });
    assert.equal(answer.status, 201);
    assert.equal((await echo.client.rules())[0]?.applied, 0);
  });

  for (const header of [
    "nonsense",
    '{"behaviour":"lazy"}',
    '{"behaviour":"success","times":2}',
    '{"behaviour":"success","when":{}}',
  ]) {
    test(`is refused when it says ${header}`, async () => {
      const answer = await echo.note("a", { "x-simulate": header });
      assert.equal(answer.status, 422);
      assert.deepEqual(await echo.client.effects(), []);
    });
  }

  test("is refused where its behaviour cannot happen", async () => {
    const answer = await fetch(`${echo.url}/notes`, {
      headers: { "x-simulate": '{"behaviour":"lost-callback"}' },
    });
    assert.equal(answer.status, 422);
  });
});

describe("the logs", () => {
  test("every call in order, with what became of it", async () => {
    await echo.client.setClock("2030-01-01T00:00:00Z");
    await echo.note("a", { "note-key": "k1" });
    await fetch(`${echo.url}/notes?access_token=hush&colour=red`);
    await fetch(`${echo.url}/nowhere`);
    const calls = await echo.client.calls();
    assert.deepEqual(
      calls.map(({ at: _at, ...rest }) => rest),
      [
        {
          n: 1,
          operation: "take-note",
          method: "POST",
          path: "/notes",
          key: "k1",
          behaviour: null,
          status: 201,
          effect: true,
        },
        {
          n: 2,
          operation: "read-notes",
          method: "GET",
          path: "/notes?access_token=…&colour=red",
          key: null,
          behaviour: null,
          status: 200,
          effect: false,
        },
        {
          n: 3,
          operation: null,
          method: "GET",
          path: "/nowhere",
          key: null,
          behaviour: null,
          status: 404,
          effect: false,
        },
      ],
    );
    assert.ok(calls[0]?.at.startsWith("2030-01-01T00:00:0"));
    assert.deepEqual(
      (await echo.client.calls({ after: 2 })).map(({ n }) => n),
      [3],
    );
    assert.deepEqual(
      (await echo.client.calls({ operation: "read-notes" })).map(({ n }) => n),
      [2],
    );
    assert.deepEqual(
      (await echo.client.calls({ key: "k1" })).map(({ n }) => n),
      [1],
    );
  });

  test("a call whose body cannot be read is in the log by its name", async () => {
    const response = await fetch(`${echo.url}/notes`, {
      method: "POST",
      body: "{",
      headers: { "content-type": "application/json", "note-key": "k1" },
    });
    assert.equal(response.status, 400);
    const [call] = await echo.client.calls({ key: "k1" });
    assert.deepEqual([call?.operation, call?.status, call?.effect], ["take-note", 400, false]);
  });

  test("a doubled effect is two rows for one key", async () => {
    await echo.note("abc", { "note-key": "k1" });
    await echo.note("abc", { "note-key": "k2" });
    await echo.note("abc", { "note-key": "k1" });
    const effects = await echo.client.effects({ key: "k1" });
    assert.deepEqual(
      effects.map(({ at: _at, ...rest }) => rest),
      [
        { n: 1, operation: "take-note", key: "k1", id: "note-1", amount: 3, call: 1 },
        { n: 3, operation: "take-note", key: "k1", id: "note-3", amount: 3, call: 3 },
      ],
    );
    assert.deepEqual(
      (await echo.client.effects({ after: 1 })).map(({ n }) => n),
      [2, 3],
    );
  });

  test("a strange filter is refused", async () => {
    assert.equal((await control("GET", "/calls?after=soon")).status, 422);
    assert.equal((await control("GET", "/effects?after=-1")).status, 422);
  });
});

describe("the clock", () => {
  test("is set and advanced", async () => {
    assert.match(await echo.client.setClock("2031-05-05T10:00:00Z"), /^2031-05-05T10:00:00/);
    assert.match(await echo.client.advance("P1M"), /^2031-06-05T10:00:0/);
  });

  for (const body of [
    {},
    { now: "soon" },
    { advance: "-PT1S" },
    { now: "2030-01-01T00:00:00Z", advance: "PT1S" },
  ]) {
    test(`is not moved by ${JSON.stringify(body)}`, async () => {
      assert.equal((await control("POST", "/clock", body)).status, 422);
    });
  }
});

describe("an outage", () => {
  test("unavailable: 503 in the system's own words", async () => {
    await echo.client.outage("unavailable");
    const answer = await echo.note("a", { "note-key": "k1" });
    assert.equal(answer.status, 503);
    assert.deepEqual(await answer.json(), { reason: "unavailable" });
    const [call] = await echo.client.calls({ key: "k1" });
    assert.deepEqual([call?.behaviour, call?.status, call?.operation], ["outage", 503, "take-note"]);
    await echo.client.outage("none");
    assert.equal((await echo.note("a")).status, 201);
  });

  test("refuse: connections are reset, control stays", async () => {
    await echo.client.outage("refuse");
    await assert.rejects(echo.note("a"), (error: Error & { cause?: { code?: string } }) => {
      assert.equal(error.cause?.code, "ECONNRESET");
      return true;
    });
    assert.equal((await echo.client.calls())[0]?.status, "none");
    assert.deepEqual(await echo.client.effects(), []);
  });

  test("hang: no answer until it is over, and then none either", async () => {
    await echo.client.outage("hang");
    const hanging = assert.rejects(echo.note("a"));
    while ((await echo.client.calls()).length === 0);
    await echo.client.outage("none");
    await hanging;
    assert.deepEqual(await echo.client.effects(), []);
  });

  test("of an unknown mode is refused", async () => {
    assert.equal((await control("POST", "/outage", { mode: "partly" })).status, 422);
  });
});

test("a reset makes everything as new, and ends what is held", async () => {
  await echo.client.rule({ behaviour: "timeout", effect: false });
  await echo.client.setClock("2040-01-01T00:00:00Z");
  const held = assert.rejects(echo.note("a"));
  while ((await echo.client.calls()).length === 0);
  await echo.client.reset(99);
  await held;
  assert.deepEqual(await echo.client.rules(), []);
  assert.deepEqual(await echo.client.calls(), []);
  assert.equal((await control("GET", "")).body.seed, 99);
  assert.ok(Date.parse((await control("GET", "")).body.now) < Date.parse("2039-01-01T00:00:00Z"));
  assert.equal(((await (await echo.note("a")).json()) as { id: string }).id, "note-1");
});

test("a path nobody has is 404", async () => {
  assert.equal((await control("GET", "/secrets")).status, 404);
});
