import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import fc from "fast-check";
import { consistencyRanges, inclusionRanges, verifyConsistency, verifyInclusion } from "./merkle-proof.ts";
import {
  appendLeaves,
  emptyEdge,
  emptyRoot,
  leafHash,
  nodeHash,
  rangeRoot,
  rootOf,
  type Subtree,
  splitOf,
} from "./merkle-tree.ts";

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`# TEST_SEED=${seed}`);

/** The eight leaves of the reference implementations, and the roots of the trees over the first 0..8 of them. */
const leaves = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
].map((hex) => Buffer.from(hex, "hex"));
const roots = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

interface InclusionCase {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

interface ConsistencyCase {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

const published = JSON.parse(await readFile(new URL("proofs.fixture.json", import.meta.url), "utf8")) as {
  readonly inclusion: Readonly<Record<string, InclusionCase>>;
  readonly consistency: Readonly<Record<string, ConsistencyCase>>;
};
const bytes = (base64: string): Buffer => Buffer.from(base64, "base64");

/** The definition of RFC 6962, word for word: slow, and right. */
function definedRoot(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 0) return emptyRoot();
  if (hashes.length === 1) return hashes[0] as Buffer;
  const split = splitOf(hashes.length);
  return nodeHash(definedRoot(hashes.slice(0, split)), definedRoot(hashes.slice(split)));
}

const numbered = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)));

const subtreeRoot =
  (hashes: readonly Buffer[]) =>
  ({ height, n }: Subtree): Buffer =>
    definedRoot(hashes.slice(n * 2 ** height, (n + 1) * 2 ** height));

describe("public vectors", () => {
  test("the roots of the reference tree are those of every implementation", () => {
    assert.equal(emptyRoot().toString("hex"), roots[0]);
    for (let size = 0; size <= leaves.length; size++) {
      const edge = appendLeaves(emptyEdge, leaves.slice(0, size).map(leafHash));
      assert.equal(rootOf(edge).toString("hex"), roots[size], `size ${size}`);
    }
  });

  test("every published inclusion proof is accepted or rejected as published", () => {
    const cases = Object.entries(published.inclusion);
    assert.equal(cases.length, 98);
    for (const [name, one] of cases) {
      const proof = (one.proof ?? []).map(bytes);
      const { leafIdx, treeSize, root, leafHash: leaf } = one;
      assert.equal(verifyInclusion(leafIdx, treeSize, bytes(root), bytes(leaf), proof), !one.wantErr, name);
    }
    assert.ok(cases.some(([, { wantErr }]) => !wantErr));
  });

  test("every published consistency proof is accepted or rejected as published", () => {
    const cases = Object.entries(published.consistency);
    assert.equal(cases.length, 98);
    for (const [name, one] of cases) {
      const proof = (one.proof ?? []).map(bytes);
      const older = { size: one.size1, root: bytes(one.root1) };
      const newer = { size: one.size2, root: bytes(one.root2) };
      assert.equal(verifyConsistency(older, newer, proof), !one.wantErr, name);
    }
    assert.ok(cases.some(([, { wantErr }]) => !wantErr));
  });
});

test("a tree grown in pieces has the root that the definition gives, and reports each complete subtree once", () => {
  const pieces = fc.array(fc.nat({ max: 40 }), { maxLength: 8 });
  fc.assert(
    fc.property(pieces, (sizes) => {
      const hashes = numbered(sizes.reduce((sum, n) => sum + n, 0));
      const seen = new Set<string>();
      let edge = emptyEdge;
      let at = 0;
      for (const size of sizes) {
        edge = appendLeaves(edge, hashes.slice(at, at + size), (subtree, root) => {
          const name = `${subtree.height}/${subtree.n}`;
          assert.ok(!seen.has(name));
          seen.add(name);
          assert.deepEqual(root, subtreeRoot(hashes)(subtree), name);
        });
        at += size;
      }
      assert.deepEqual(rootOf(edge), definedRoot(hashes));
      let complete = 0;
      for (let width = 2; width <= hashes.length; width *= 2) complete += Math.floor(hashes.length / width);
      assert.equal(seen.size, complete);
    }),
    { seed },
  );
});

test("every leaf of every tree up to 70 has an inclusion proof, and nothing else stands at its place", () => {
  const hashes = numbered(70);
  for (let size = 1; size <= hashes.length; size++) {
    const root = definedRoot(hashes.slice(0, size));
    for (let index = 0; index < size; index++) {
      const proof = inclusionRanges(index, size).map((range) => rangeRoot(range, subtreeRoot(hashes)));
      const leaf = hashes[index] as Buffer;
      assert.ok(verifyInclusion(index, size, root, leaf, proof), `${index} of ${size}`);
      assert.ok(!verifyInclusion(index, size, root, hashes[(index + 1) % 70] as Buffer, proof));
      if (size > 1) assert.ok(!verifyInclusion((index + 1) % size, size, root, leaf, proof));
      assert.ok(!verifyInclusion(index, size, root, leaf, [...proof, leaf]));
    }
  }
});

test("every tree up to 70 is proved to begin with every smaller one, and with no other", () => {
  const hashes = numbered(70);
  const rootAt = (size: number) => definedRoot(hashes.slice(0, size));
  for (let size = 1; size <= hashes.length; size++) {
    const newer = { size, root: rootAt(size) };
    for (let before = 1; before <= size; before++) {
      const proof = consistencyRanges(before, size).map((range) => rangeRoot(range, subtreeRoot(hashes)));
      assert.ok(
        verifyConsistency({ size: before, root: rootAt(before) }, newer, proof),
        `${before} in ${size}`,
      );
      const other = definedRoot([leafHash(Buffer.from("other")), ...hashes.slice(1, before)]);
      assert.ok(!verifyConsistency({ size: before, root: other }, newer, proof));
    }
  }
});
