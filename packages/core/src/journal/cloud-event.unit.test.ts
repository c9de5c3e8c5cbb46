import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudEvent, HTTP } from "cloudevents";
import fc from "fast-check";
import { type Entry, entryKinds } from "../model/entry.ts";
import { type CloudEventJson, fromCloudEvent, toCloudEvent } from "./cloud-event.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
console.log(`# TEST_SEED=${seed}`);

const entry: Entry = {
  id: "0199a3c4-7e00-7abc-8def-0123456789ab",
  kind: "event",
  type: "bank.deposited",
  schemaVersion: "1.2.0",
  source: "ledger",
  target: null,
  tenantId: "acme",
  key: "a-1",
  keyVersion: 7,
  processId: "0199a3c4-7e00-7abc-8def-0123456789aa",
  correlationId: "0199a3c4-7e00-7abc-8def-0123456789aa",
  causationId: "0199a3c4-7e00-7abc-8def-0123456789aa",
  customerId: "c-9",
  ttlMs: 60_000,
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  occurredAt: Date.UTC(2026, 2, 1, 12, 30, 15, 123),
  data: { amount: 5, note: null },
  position: { xid: "18446744073709551615", seq: "9223372036854775807" },
  lane: 3,
};

const id = fc.uuid({ version: 7 });
const word = fc.string({ minLength: 1, maxLength: 20, unit: "binary" }).filter((text) => text.isWellFormed());
const maybeEmpty = fc.oneof(fc.constant(""), word);
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const optional = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: null });
const entries: fc.Arbitrary<Entry> = fc.record(
  {
    id,
    kind: fc.constantFrom(...entryKinds),
    type: fc.stringMatching(/^[a-z]+\.[a-z-]+$/),
    schemaVersion: fc.stringMatching(/^\d\.\d\.\d$/),
    source: name,
    target: optional(name),
    tenantId: word,
    key: word,
    keyVersion: optional(fc.integer({ min: 1, max: 2 ** 31 - 1 })),
    processId: id,
    correlationId: maybeEmpty,
    causationId: optional(id),
    customerId: optional(maybeEmpty),
    ttlMs: optional(fc.maxSafeNat().filter((ms) => ms > 0)),
    traceparent: fc.constantFrom(null, entry.traceparent),
    occurredAt: fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }),
    data: fc.jsonValue({ noUnicodeString: false }).map((value) => JSON.parse(JSON.stringify({ value }))),
    position: fc.record(
      {
        xid: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
        seq: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
      },
      { noNullPrototype: true },
    ),
    lane: fc.integer({ min: 0, max: 7 }),
  },
  { noNullPrototype: true },
);

test("an entry comes back from its CloudEvent whole, also through JSON text", () => {
  assert.deepEqual(fromCloudEvent(toCloudEvent("bank", entry)), entry);
  fc.assert(
    fc.property(entries, (one) => {
      assert.deepEqual(fromCloudEvent(JSON.parse(JSON.stringify(toCloudEvent("bank", one)))), one);
    }),
    { seed, numRuns: 500 },
  );
});

test("the official SDK accepts every entry as a valid CloudEvent 1.0 and keeps all of it", () => {
  fc.assert(
    fc.property(entries, (one) => {
      const event = new CloudEvent({ ...toCloudEvent("bank", one) });
      assert.equal(event.validate(), true);
      assert.deepEqual(fromCloudEvent(JSON.parse(JSON.stringify(event.toJSON()))), one);
    }),
    { seed, numRuns: 300 },
  );
});

test("an entry survives HTTP in structured and in binary mode, as the official SDK sends and reads it", () => {
  const event = new CloudEvent({ ...toCloudEvent("bank", entry) });
  for (const message of [HTTP.structured(event), HTTP.binary(event)]) {
    const received = HTTP.toEvent(message);
    assert.ok(!Array.isArray(received));
    assert.deepEqual(fromCloudEvent(JSON.parse(JSON.stringify(received)) as CloudEventJson), entry);
  }
});

test("attributes are named as the specification demands: lower case letters and digits, at most 20", () => {
  for (const attribute of Object.keys(toCloudEvent("bank", entry))) {
    assert.match(attribute, /^[a-z0-9]{1,20}$/);
  }
});

test("what an entry does not have is left out, not sent as null", () => {
  const bare = {
    ...entry,
    target: null,
    keyVersion: null,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
  };
  assert.ok(
    Object.values(toCloudEvent("bank", bare)).every((value) => value !== null && value !== undefined),
  );
});

test("what never goes stale says so; what does is marked once it is told past its time", () => {
  const lasting = { ...entry, ttlMs: null };
  assert.equal(toCloudEvent("bank", lasting, Number.MAX_SAFE_INTEGER).ttlms, "never");
  assert.equal(toCloudEvent("bank", lasting, Number.MAX_SAFE_INTEGER).stale, undefined);
  const until = entry.occurredAt + 60_000;
  assert.equal(toCloudEvent("bank", entry, until).stale, undefined);
  const late = toCloudEvent("bank", entry, until + 1);
  assert.deepEqual([late.ttlms, late.stale], ["60000", true]);
  assert.deepEqual(fromCloudEvent(late), entry);
  // As it was written before `never` was said.
  const { ttlms: _never, ...earlier } = toCloudEvent("bank", lasting);
  assert.deepEqual(fromCloudEvent(earlier as CloudEventJson), lasting);
});

test("a CloudEvent without a required attribute, or with one of the wrong type, is refused", () => {
  const event = toCloudEvent("bank", { ...entry, target: "ledger" });
  const needed = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "kind",
    "schemaversion",
    "tenantid",
    "lane",
    "processid",
  ];
  for (const attribute of [...needed, "correlationid", "partitionkey", "sequence", "data"]) {
    const { [attribute]: _, ...without } = event;
    assert.throws(() => fromCloudEvent(without as CloudEventJson), TypeError, `without ${attribute}`);
    assert.throws(() => fromCloudEvent({ ...event, [attribute]: true }), TypeError, `wrong ${attribute}`);
  }
  for (const attribute of ["target", "keyversion", "causationid", "customerid", "ttlms", "traceparent"]) {
    assert.throws(() => fromCloudEvent({ ...event, [attribute]: true }), TypeError, `wrong ${attribute}`);
  }
  for (const wrong of [
    { kind: "rumour" },
    { time: "yesterday" },
    { sequence: "12" },
    { sequence: "1.2.3" },
    { lane: 8 },
    { lane: "x" },
    { keyversion: 0 },
    { ttlms: "soon" },
    { id: "1" },
    { type: "" },
    { tenantid: "" },
    { partitionkey: "" },
  ]) {
    assert.throws(() => fromCloudEvent({ ...event, ...wrong }), TypeError, JSON.stringify(wrong));
  }
});
