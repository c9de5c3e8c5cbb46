import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { comparePositions, compareXids, journalStart } from "./entry.ts";

const number = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const sign = (value: number | bigint) => (value > 0 ? 1 : value < 0 ? -1 : 0);

test("numbers too large for JavaScript compare as numbers, not as text", () => {
  assert.ok(compareXids("9", "10") < 0);
  assert.ok(compareXids("18446744073709551615", "18446744073709551614") > 0);
  fc.assert(
    fc.property(number, number, (a, b) => assert.equal(sign(compareXids(String(a), String(b))), sign(a - b))),
  );
});

test("a position is before another by its transaction first, by its sequence second, and nothing is before the start", () => {
  const position = fc.record({ xid: number, seq: number });
  const text = (p: { xid: bigint; seq: bigint }) => ({ xid: String(p.xid), seq: String(p.seq) });
  fc.assert(
    fc.property(position, position, (a, b) => {
      const expected = a.xid === b.xid ? sign(a.seq - b.seq) : sign(a.xid - b.xid);
      assert.equal(sign(comparePositions(text(a), text(b))), expected);
      assert.ok(comparePositions(journalStart, text(a)) <= 0);
    }),
  );
});
