import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openLogs, withoutSecrets } from "./logs.ts";

const call = {
  at: "2030-01-01T00:00:00.000Z",
  operation: "take-note",
  method: "POST",
  path: "/notes",
  key: null,
  behaviour: null,
  status: 200,
  effect: true,
} as const;

test("the last 100,000 calls are kept at least, numbers go on, and it is told how many were dropped", () => {
  const logs = openLogs();
  for (let n = 0; n < 150_000; n += 1) logs.call(call);
  const kept = logs.calls({});
  assert.ok(kept.length >= 100_000 && kept.length <= 110_000, `${kept.length} were kept`);
  assert.equal(kept.at(-1)?.n, 150_000);
  assert.equal(logs.dropped(), 150_000 - kept.length);
  assert.equal(kept[0]?.n, logs.dropped() + 1);
});

test("a call or effect with several keys is found under each", () => {
  const logs = openLogs();
  logs.call({ ...call, key: "a", keys: ["a", "b"] });
  logs.effect({ at: call.at, operation: "take-note", key: "a", keys: ["a", "b"], id: "note-1" });
  logs.effect({ at: call.at, operation: "take-note", key: "c", id: "note-2" });
  for (const key of ["a", "b"]) {
    assert.equal(logs.calls({ key }).length, 1);
    assert.equal(logs.effects({ key }).length, 1);
  }
  assert.equal(logs.effects({ key: "d" }).length, 0);
  assert.equal(logs.effects({ operation: "take-note" }).length, 2);
});

describe("a path in the log", () => {
  for (const [path, logged] of [
    ["/notes", "/notes"],
    ["/notes?colour=red", "/notes?colour=red"],
    ["/id?oauth_token=abc&format=json", "/id?oauth_token=…&format=json"],
    ["/t?client_secret=abc&PASSWORD=x&apiKey=y", "/t?client_secret=…&PASSWORD=…&apiKey=…"],
  ] as const) {
    test(`${path} is ${logged}`, () => assert.equal(withoutSecrets(path), logged));
  }
});
