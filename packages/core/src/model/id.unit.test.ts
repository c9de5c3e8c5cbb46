import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newId } from "../journal/new-id.ts";
import { deriveId, firstIdAt, isId, timeOfId } from "./id.ts";

const cause = "0199a3c4-7e00-7abc-8def-0123456789ab";

test("the n-th effect of a cause always has the same id, in the same month, and no two effects share one", () => {
  assert.equal(deriveId(cause, 0), deriveId(cause, 0));
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 2 }),
      fc.integer({ min: 0, max: 2 ** 32 - 2 }),
      (one, other) => {
        const id = deriveId(cause, one);
        assert.ok(isId(id) && timeOfId(id) === timeOfId(cause) && id !== cause);
        assert.equal(id === deriveId(cause, other), one === other);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("effects of different causes do not share ids", () => {
  const ids = new Set<string>();
  for (let n = 0; n < 200; n++) {
    const id = newId(Date.UTC(2026, 0));
    for (let ordinal = 0; ordinal < 50; ordinal++) ids.add(deriveId(id, ordinal));
  }
  assert.equal(ids.size, 10_000);
});

test("no chain of effects, over whichever contexts, comes back to an id that it has passed", () => {
  const ids = new Set<string>([cause]);
  let made = 1;
  let layer = [cause];
  for (let depth = 0; depth < 8; depth++) {
    layer = layer.flatMap((id) => [0, 1, 2].map((ordinal) => deriveId(id, ordinal)));
    for (const id of layer) ids.add(id);
    made += layer.length;
  }
  // Two steps with one ordinal once gave the first id again: what another context sent back then stood under an id that was taken.
  assert.equal(ids.size, made);
});

test("a fresh id carries its moment, sorts by it, and is not given twice", () => {
  const moment = Date.UTC(2026, 2, 1, 12, 0, 0, 7);
  const ids = Array.from({ length: 3_000 }, () => newId(moment));
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => isId(id) && timeOfId(id) === moment && id[14] === "7"));
  assert.ok(newId(moment + 1) > (ids.toSorted().at(-1) ?? ""));
  assert.ok(
    firstIdAt(moment) <= (ids.toSorted()[0] ?? "") && firstIdAt(moment + 1) > (ids.toSorted().at(-1) ?? ""),
  );
});

test("only a lower-case UUID as it is written here is an id", () => {
  assert.equal(isId(cause), true);
  for (const text of [
    "",
    "x",
    cause.toUpperCase(),
    `${cause} `,
    cause.replaceAll("-", ""),
    `{${cause}}`,
    cause.replace("-7abc", "-0abc"),
  ]) {
    assert.equal(isId(text), false, text);
  }
});
