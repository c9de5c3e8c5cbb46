import { hashBytes, type LeafRange, nodeHash, splitOf } from "./merkle-tree.ts";

/**
 * Inclusion and consistency proofs of RFC 6962. Making one is choosing ranges of leaves, whose roots are the proof; verifying follows
 * RFC 9162, sections 2.1.3.2 and 2.1.4.2.
 */

/** Ranges whose roots prove that the leaf at `index` is in the tree of `size`; from the leaf's sibling up. 0 <= index < size. */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  const ranges: LeafRange[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return ranges.reverse();
}

/** Ranges whose roots prove that the tree of `newer` leaves begins with that of `older`. 0 < older <= newer. */
export function consistencyRanges(older: number, newer: number): LeafRange[] {
  const ranges: LeafRange[] = [];
  let from = 0;
  let to = newer;
  while (older !== to) {
    const middle = from + splitOf(to - from);
    if (older <= middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  // The verifier knows the root of the older tree; any other complete part of it has to be told.
  if (from > 0) ranges.push({ from, to });
  return ranges.reverse();
}

/** The root that an inclusion proof leads to, or null when the proof has not the right number of hashes. */
export function rootByInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): Buffer | null {
  if (index < 0 || index >= size || !areHashes([leaf, ...proof])) return null;
  let place = index;
  let last = size - 1;
  let root: Buffer = Buffer.from(leaf);
  for (const sibling of proof) {
    if (last === 0) return null;
    if (place % 2 === 1 || place === last) {
      root = nodeHash(sibling, root);
      while (place % 2 === 0 && place !== 0) {
        place /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      root = nodeHash(root, sibling);
    }
    place = Math.floor(place / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? root : null;
}

/** True when the leaf, by its hash, is proved to stand at `index` of the tree with this size and root. */
export function verifyInclusion(
  index: number,
  size: number,
  root: Uint8Array,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  return rootByInclusion(index, size, leaf, proof)?.equals(root) ?? false;
}

/** True when the newer tree is proved to begin with all of the older one. An empty older tree proves nothing: false. */
export function verifyConsistency(
  older: { readonly size: number; readonly root: Uint8Array },
  newer: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (older.size < 1 || older.size > newer.size) return false;
  if (older.size === newer.size) return proof.length === 0 && Buffer.from(older.root).equals(newer.root);
  if (!areHashes([older.root, newer.root, ...proof])) return false;
  const isComplete = splitOf(older.size + 1) === older.size;
  const [first, ...rest] = isComplete ? [older.root, ...proof] : proof;
  if (first === undefined) return false;
  let place = older.size - 1;
  let last = newer.size - 1;
  while (place % 2 === 1) {
    place = (place - 1) / 2;
    last = Math.floor(last / 2);
  }
  let olderRoot: Buffer = Buffer.from(first);
  let newerRoot: Buffer = Buffer.from(first);
  for (const sibling of rest) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      olderRoot = nodeHash(sibling, olderRoot);
      newerRoot = nodeHash(sibling, newerRoot);
      while (place % 2 === 0 && place !== 0) {
        place /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      newerRoot = nodeHash(newerRoot, sibling);
    }
    place = Math.floor(place / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && olderRoot.equals(older.root) && newerRoot.equals(newer.root);
}

function areHashes(bytes: readonly Uint8Array[]): boolean {
  return bytes.every(({ length }) => length === hashBytes);
}
