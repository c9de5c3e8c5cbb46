import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  entriesOf,
  entryBundle,
  hashesAt,
  hashesOf,
  isInTree,
  type Tile,
  tileOfPath,
  tilePath,
} from "./tile.ts";

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`# TEST_SEED=${seed}`);

test("tile paths are those of the specification", () => {
  assert.equal(tilePath({ level: 0, n: 1_234_067, width: 256 }), "tile/0/x001/x234/067");
  assert.equal(tilePath({ level: 3, n: 0, width: 255 }), "tile/3/000.p/255");
  assert.equal(tilePath({ level: "entries", n: 999, width: 1 }), "tile/entries/999.p/1");
  assert.equal(tilePath({ level: "entries", n: 1000, width: 256 }), "tile/entries/x001/000");
});

test("a path and its tile are one and the same", () => {
  const tiles = fc.record(
    {
      level: fc.oneof(fc.constant("entries" as const), fc.nat({ max: 63 })),
      n: fc.nat({ max: 10 ** 14 }),
      width: fc.integer({ min: 1, max: 256 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(tiles, (tile: Tile) => assert.deepEqual(tileOfPath(tilePath(tile)), tile)),
    { seed },
  );
});

test("what is nearly a path names no tile", () => {
  for (const path of [
    "tile/0/1",
    "tile/0/0001",
    "tile/00/001",
    "tile/64/001",
    "tile/-1/001",
    "tile/0/123/456/078",
    "tile/0/x000/001",
    "tile/0/x001",
    "tile/0/001.p/0",
    "tile/0/001.p/256",
    "tile/0/001.p/05",
    "tile/0/001.p/",
    "tile/data/001",
    "/tile/0/001",
    "tile/0/001/",
    "tile/0/001\n",
    "",
  ]) {
    assert.equal(tileOfPath(path), null, path);
  }
});

test("a tree of 70,000 has the tiles that the specification counts", () => {
  const size = 70_000;
  const widths = [0, 1, 2, 3].map((level) => [
    Math.floor(hashesAt(level, size) / 256),
    hashesAt(level, size) % 256,
  ]);
  assert.deepEqual(widths, [
    [273, 112],
    [1, 17],
    [0, 1],
    [0, 0],
  ]);
  assert.ok(isInTree({ level: 0, n: 273, width: 112 }, size));
  assert.ok(!isInTree({ level: 0, n: 273, width: 113 }, size));
  assert.ok(isInTree({ level: 2, n: 0, width: 1 }, size));
  assert.ok(!isInTree({ level: 3, n: 0, width: 1 }, size));
  assert.ok(isInTree({ level: 1, n: 0, width: 1 }, 256) && !isInTree({ level: 1, n: 0, width: 1 }, 255));
});

test("a complete subtree's hashes stand beside each other in one tile", () => {
  assert.deepEqual(hashesOf({ height: 3, n: 5 }), { level: 0, first: 40, count: 8 });
  assert.deepEqual(hashesOf({ height: 8, n: 5 }), { level: 1, first: 5, count: 1 });
  assert.deepEqual(hashesOf({ height: 18, n: 2 }), { level: 2, first: 8, count: 4 });
});

test("bundles give their entries back, and a cut one gives none", () => {
  const entries = [Buffer.alloc(0), Buffer.from("a"), Buffer.alloc(65_535, 7)];
  const bundle = entryBundle(entries);
  assert.deepEqual(entriesOf(bundle), entries);
  assert.deepEqual([...bundle.subarray(0, 5)], [0, 0, 0, 1, 97]);
  for (const end of [1, 3, 6, bundle.length - 1]) assert.equal(entriesOf(bundle.subarray(0, end)), null);
  assert.deepEqual(entriesOf(Buffer.alloc(0)), []);
});
