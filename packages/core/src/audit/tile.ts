import { hashBytes, type Subtree } from "./merkle-tree.ts";

/**
 * Tiles of the tree and bundles of its entries, as c2sp.org/tlog-tiles names and shapes them. A tile is 256 hashes wide, its rightmost
 * ones may be narrower. A narrow tile is the beginning of the full one, so that any width can be served from what is stored.
 */

/** Hashes in a full tile, entries in a full bundle. */
export const tileWidth = 256;
/** Tree levels from one level of tiles to the next. */
export const tileHeight = 8;

/** One resource of a log: a tile of hashes at a level, or a bundle of entries. */
export interface Tile {
  readonly level: number | "entries";
  readonly n: number;
  /** Hashes or entries in it: 1..256. */
  readonly width: number;
}

/** `tile/0/x001/x234/067.p/5`, without a leading slash. */
export function tilePath({ level, n, width }: Tile): string {
  const groups: string[] = [];
  let rest = n;
  do {
    groups.unshift(String(rest % 1000).padStart(3, "0"));
    rest = Math.floor(rest / 1000);
  } while (rest > 0);
  const name = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${level}/${name}${width === tileWidth ? "" : `.p/${width}`}`;
}

/** The tile a path names, or null when no log has such a path: every tile has exactly one. */
export function tileOfPath(path: string): Tile | null {
  const match = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path);
  if (match === null) return null;
  const [, levelText = "", name = "", widthText] = match;
  const level: Tile["level"] = levelText === "entries" ? "entries" : Number(levelText);
  const n = Number(name.replaceAll(/[x/]/g, ""));
  const width = widthText === undefined ? tileWidth : Number(widthText);
  if (level !== "entries" && level > 63) return null;
  if (width < 1 || (widthText !== undefined && width >= tileWidth)) return null;
  const tile = { level, n, width };
  return tilePath(tile) === path ? tile : null;
}

/** How many hashes level `level` has in the tree of `size`: one for each complete block of 256^level leaves. */
export function hashesAt(level: number, size: number): number {
  return Math.floor(size / tileWidth ** level);
}

/** True when a tree of this size has the tile, full or partial. */
export function isInTree({ level, n, width }: Tile, size: number): boolean {
  return n * tileWidth + width <= hashesAt(level === "entries" ? 0 : level, size);
}

/** Where a complete subtree's root comes from: hashes `first` up to `first + count` of a tile level, all in one tile. */
export function hashesOf({ height, n }: Subtree): {
  readonly level: number;
  readonly first: number;
  readonly count: number;
} {
  const count = 2 ** (height % tileHeight);
  return { level: Math.floor(height / tileHeight), first: n * count, count };
}

export function splitHashes(hashes: Buffer): Buffer[] {
  return Array.from({ length: hashes.length / hashBytes }, (_, i) =>
    hashes.subarray(i * hashBytes, (i + 1) * hashBytes),
  );
}

/** Bytes of an entry at most: its length takes two. */
export const entryBytesAllowed = 65_535;

/** Entries one after the other, each behind its length as a big-endian uint16. */
export function entryBundle(entries: readonly Buffer[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    }),
  );
}

/** The entries of a bundle, or null when it does not end with an entry. */
export function entriesOf(bundle: Buffer): Buffer[] | null {
  const entries: Buffer[] = [];
  for (let at = 0; at < bundle.length; ) {
    if (at + 2 > bundle.length) return null;
    const end = at + 2 + bundle.readUInt16BE(at);
    if (end > bundle.length) return null;
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return entries;
}
