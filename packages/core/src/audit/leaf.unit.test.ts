import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Entry, entryKinds } from "../model/entry.ts";
import { isFailure } from "../model/failure.ts";
import { commitmentOf, decodeLeaf, encodeLeaf, type Leaf, leafOf, payloadBytes } from "./leaf.ts";

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`# TEST_SEED=${seed}`);

const generation = "6f1c7a44-0a5e-4a3e-9d3b-0c0f5b1a2d3e";

const entry: Entry = {
  id: "01890a5d-ac96-774b-bcce-b302099a8057",
  kind: "command",
  type: "flux.top-up",
  schemaVersion: "1.2.0",
  source: "gateway",
  target: "subscription",
  tenantId: "demo",
  key: "acct-0001",
  keyVersion: null,
  processId: "01890a5d-ac96-774b-bcce-b302099a8057",
  correlationId: "c-1",
  causationId: null,
  customerId: "cust-0001",
  ttlMs: 900_000,
  traceparent: null,
  occurredAt: 1_700_000_000_123,
  data: { units: 3, accountId: "acct-0001" },
  position: { xid: "745", seq: "33" },
  lane: 4,
};

describe("the bytes of version 1, which never change", () => {
  const payload = payloadBytes(entry);
  const nonce = Buffer.alloc(32, 0xab);

  test("payload", () => {
    assert.equal(
      payload.toString(),
      '{"correlationId":"c-1","customerId":"cust-0001","data":{"accountId":"acct-0001","units":3},"key":"acct-0001","traceparent":null}',
    );
  });

  test("leaf", () => {
    const bytes = leafOf(entry, generation, commitmentOf(nonce, payload));
    const fields = [
      "01", // version
      "000464656d6f", // tenant
      "000767617465776179", // source
      "6f1c7a440a5e4a3e9d3b0c0f5b1a2d3e", // generation
      "00000000000002e9", // xid
      "0000000000000021", // seq
      "01890a5dac96774bbcceb302099a8057", // id
      "01", // kind: command
      "000b666c75782e746f702d7570", // type
      "0005312e322e30", // schema version
      "000c737562736372697074696f6e", // target
      "0000000000000000", // key version: none
      "01890a5dac96774bbcceb302099a8057", // process
      "00000000000000000000000000000000", // cause: none
      "00000000000dbba0", // time to live
      "0000018bcfe5687b", // occurred at
      commitmentOf(nonce, payload).toString("hex"),
    ];
    assert.equal(bytes.toString("hex"), fields.join(""));
  });
});

test("nothing that may name a person is in the leaf, and without the nonce the payload cannot be told from another", () => {
  const payload = payloadBytes(entry);
  const bytes = leafOf(entry, generation, commitmentOf(Buffer.alloc(32, 1), payload));
  for (const personal of ["acct-0001", "cust-0001", "c-1"]) assert.ok(!bytes.includes(personal), personal);
  const again = leafOf(entry, generation, commitmentOf(Buffer.alloc(32, 2), payload));
  assert.notDeepEqual(bytes, again);
});

const text = fc.string({ unit: "binary", maxLength: 20 }).filter((value) => value.isWellFormed());
const whole = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const leaves: fc.Arbitrary<Leaf> = fc.record(
  {
    tenantId: text,
    source: text,
    generation: fc.uuid(),
    xid: whole,
    seq: whole,
    id: fc.uuid(),
    kind: fc.constantFrom(...entryKinds),
    type: text,
    schemaVersion: text,
    target: fc.option(text),
    keyVersion: fc.option(fc.integer({ min: 1 })),
    processId: fc.uuid(),
    causationId: fc.option(fc.uuid()),
    ttlMs: fc.option(fc.integer({ min: 1 })),
    occurredAt: fc.maxSafeInteger(),
    commitment: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
  },
  { noNullPrototype: true },
);

test("a leaf says all that went into it", () => {
  fc.assert(
    fc.property(leaves, (leaf) => assert.deepEqual(decodeLeaf(encodeLeaf(leaf)), leaf)),
    { seed },
  );
});

test("bytes that were cut, extended or of another version are no leaf, and none can be read in two ways", () => {
  fc.assert(
    fc.property(leaves, fc.nat(), fc.nat({ max: 255 }), (leaf, at, byte) => {
      const bytes = encodeLeaf(leaf);
      assert.equal(decodeLeaf(bytes.subarray(0, at % bytes.length)), null);
      assert.equal(decodeLeaf(Buffer.concat([bytes, Buffer.of(byte)])), null);
      const changed = Buffer.from(bytes);
      changed[at % bytes.length] = byte;
      const read = decodeLeaf(changed);
      if (read !== null) assert.deepEqual(encodeLeaf(read), changed);
    }),
    { seed },
  );
  assert.equal(decodeLeaf(Buffer.concat([Buffer.of(2), encodeLeaf(decodeExample()).subarray(1)])), null);
});

function decodeExample(): Leaf {
  const leaf = decodeLeaf(leafOf(entry, generation, Buffer.alloc(32)));
  assert.ok(leaf !== null);
  return leaf;
}

test("data that canonical JSON refuses is logged all the same, and an envelope past 65,535 bytes is not", () => {
  const half = payloadBytes({ ...entry, data: { name: "\ud800" } });
  assert.equal(JSON.parse(half.toString()).data.name, "\ud800");
  const size = (target: string) => leafOf({ ...entry, target }, generation, Buffer.alloc(32)).length;
  const rest = size("");
  assert.equal(size("x".repeat(65_535 - rest)), 65_535);
  for (const length of [65_535 - rest + 1, 65_535]) {
    assert.throws(
      () => size("x".repeat(length)),
      (error) => isFailure(error, "audit-leaf-too-large"),
    );
  }
});
