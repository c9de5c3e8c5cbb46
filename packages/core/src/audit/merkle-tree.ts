import { hash } from "node:crypto";

/**
 * The Merkle tree of RFC 6962, section 2.1, over SHA-256, grown leaf by leaf. Sizes and indexes are whole numbers below 2^53.
 * Source: RFC 6962; RFC 9162 keeps the same hashes.
 */

/** Bytes of a hash. */
export const hashBytes = 32;

export function leafHash(leaf: Uint8Array): Buffer {
  return sha256(Buffer.concat([Buffer.of(0), leaf]));
}

/** A byte 01 and two hashes, as a node is hashed. */
const node = Buffer.alloc(1 + 2 * hashBytes, 1);

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  node.set(left, 1);
  node.set(right, 1 + hashBytes);
  return sha256(node);
}

/** The root of the tree without leaves. */
export function emptyRoot(): Buffer {
  return sha256(Buffer.alloc(0));
}

/** Why text and not a buffer: the runtime makes one at a third of the cost. */
export function sha256(bytes: Uint8Array): Buffer {
  return Buffer.from(hash("sha256", bytes, "binary"), "latin1");
}

/** Writes the hash of `bytes` where it belongs, without a buffer for it. */
export function putSha256(into: Buffer, at: number, bytes: Uint8Array): void {
  into.write(hash("sha256", bytes, "binary"), at, "latin1");
}

/**
 * The right edge of a tree: the roots of its complete subtrees, largest first, one for each 1 in the binary form of the size.
 * It is all that appending a leaf and computing the root need.
 */
export interface TreeEdge {
  readonly size: number;
  readonly roots: readonly Buffer[];
}

export const emptyEdge: TreeEdge = { size: 0, roots: [] };

/** A complete subtree of 2^height leaves: the n-th from the left. */
export interface Subtree {
  readonly height: number;
  readonly n: number;
}

/** The edge after appending leaves, by their hashes. `completed` hears of every subtree of height 1 and more as it becomes complete. */
export function appendLeaves(
  edge: TreeEdge,
  leafHashes: readonly Buffer[],
  completed: (subtree: Subtree, root: Buffer) => void = () => {},
): TreeEdge {
  const roots = [...edge.roots];
  let { size } = edge;
  for (const leaf of leafHashes) {
    let root = leaf;
    let n = size;
    for (let height = 1; n % 2 === 1; height++) {
      root = nodeHash(roots.pop() as Buffer, root);
      n = (n - 1) / 2;
      completed({ height, n }, root);
    }
    roots.push(root);
    size++;
  }
  return { size, roots };
}

export function rootOf({ roots }: TreeEdge): Buffer {
  return roots.length === 0 ? emptyRoot() : roots.reduceRight((right, left) => nodeHash(left, right));
}

/** Leaves from..to of a tree. */
export interface LeafRange {
  readonly from: number;
  readonly to: number;
}

/** The complete subtrees a range is made of, from left to right; the range must be one that RFC 6962 splits a tree into. */
export function subtreesOf({ from, to }: LeafRange): Subtree[] {
  const subtrees: Subtree[] = [];
  for (let at = from; at < to; ) {
    let height = 0;
    while (2 ** (height + 1) <= to - at) height++;
    subtrees.push({ height, n: at / 2 ** height });
    at += 2 ** height;
  }
  return subtrees;
}

/** The root of such a range, from the roots of its complete subtrees. */
export function rangeRoot(range: LeafRange, rootOfSubtree: (subtree: Subtree) => Buffer): Buffer {
  return rootOf({ size: range.to - range.from, roots: subtreesOf(range).map(rootOfSubtree) });
}

/** The largest power of two below n, where RFC 6962 splits a tree of n > 1 leaves. */
export function splitOf(n: number): number {
  let split = 1;
  while (split * 2 < n) split *= 2;
  return split;
}
