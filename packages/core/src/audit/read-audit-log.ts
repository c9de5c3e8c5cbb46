import { Failure } from "../model/failure.ts";
import { int2Array, int8Array } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import { edgeOf, type TreeRow } from "./append-to-logs.ts";
import { nonceBytes } from "./leaf.ts";
import { consistencyRanges, inclusionRanges } from "./merkle-proof.ts";
import {
  hashBytes,
  type LeafRange,
  nodeHash,
  rangeRoot,
  rootOf,
  type Subtree,
  subtreesOf,
  type TreeEdge,
} from "./merkle-tree.ts";
import { sheetEntries } from "./sheet.ts";
import { hashesAt, hashesOf, isInTree, type Tile, tileHeight, tileWidth } from "./tile.ts";

/** What is stored of a tenant's log, as tiles, entries and proofs. Everything is asked for one tenant. */

const readTreeStatement: Statement = {
  name: "audit-read-tree",
  text: "select tenant_id, size, edge from entente.audit_tree where tenant_id = $1",
};

/** The tenant's tree as it is; empty when nothing was logged yet. */
export async function readTree(connection: Connection, tenantId: string): Promise<TreeEdge> {
  const [row] = await connection.run<TreeRow>(readTreeStatement, [tenantId]);
  return row === undefined ? { size: 0, roots: [] } : edgeOf(row);
}

const readTilesStatement: Statement = {
  name: "audit-read-tiles",
  text: `select t.level, t.n, h.hashes, (length(h.hashes) / 32)::int4 as count
    from unnest($2::int2[], $3::int8[], $4::int8[]) as t(level, n, width) cross join lateral (
      select string_agg(x.hash, ''::bytea order by x.n) as hashes from (
        select greatest(s.first, t.n * 256) as n, substring(s.hashes from 1 + 32 * (greatest(s.first, t.n * 256) - s.first)::int4
            for 32 * (least(s.first + s.entries, t.n * 256 + t.width) - greatest(s.first, t.n * 256))::int4) as hash
          from entente.audit_sheet s
          where t.level = 0 and s.tenant_id = $1 and s.first > t.n * 256 - ${sheetEntries} and s.first < t.n * 256 + t.width
            and s.first + s.entries > t.n * 256
        union all
        select n, hash from entente.audit_node d
          where t.level > 0 and d.tenant_id = $1 and d.level = t.level and d.n >= t.n * 256 and d.n < t.n * 256 + t.width) x) h`,
};

/**
 * Tiles of one log, remembered once they are read, so that many proofs cost few statements. For a tree of a fixed size: what is
 * appended meanwhile makes no difference.
 */
export class LogTiles {
  private readonly connection: Connection;
  private readonly tenantId: string;
  private readonly size: number;
  private readonly tiles = new Map<string, Buffer>();
  private readonly roots = new Map<string, Buffer>();

  constructor(connection: Connection, tenantId: string, size: number) {
    this.connection = connection;
    this.tenantId = tenantId;
    this.size = size;
  }

  /** Proofs that leaves are in the tree: hashes from the leaf's sibling up, by place in `indexes`. Errors: `audit-log-damaged`. */
  async inclusion(indexes: readonly number[]): Promise<Buffer[][]> {
    return this.rootsOf(indexes.map((index) => inclusionRanges(index, this.size)));
  }

  /** Proofs that the tree begins with each of these smaller ones; 1 or more leaves each. Errors: `audit-log-damaged`. */
  async consistency(sizes: readonly number[]): Promise<Buffer[][]> {
    return this.rootsOf(sizes.map((older) => consistencyRanges(older, this.size)));
  }

  /** The root that the stored hashes give for the first `size` leaves. Errors: `audit-log-damaged`. */
  async root(size: number): Promise<Buffer> {
    const [roots] = await this.rootsOf([subtreesOf({ from: 0, to: size }).map(rangeOf)]);
    return rootOf({ size, roots: roots ?? [] });
  }

  /** Lets go of what was read: whoever goes on to other leaves needs little of it again. */
  forget(): void {
    this.tiles.clear();
    this.roots.clear();
  }

  private async rootsOf(proofs: readonly (readonly LeafRange[])[]): Promise<Buffer[][]> {
    const subtrees = proofs.flat().flatMap(subtreesOf);
    await this.load(subtrees);
    return proofs.map((ranges) => ranges.map((range) => rangeRoot(range, (one) => this.rootOfSubtree(one))));
  }

  private async load(subtrees: readonly Subtree[]): Promise<void> {
    const missing = new Map<string, { readonly level: number; readonly n: number }>();
    for (const subtree of subtrees) {
      const { level, first } = hashesOf(subtree);
      const n = Math.floor(first / tileWidth);
      if (!this.tiles.has(`${level}/${n}`)) missing.set(`${level}/${n}`, { level, n });
    }
    const tiles = [...missing.values()];
    for (const [name, hashes] of await readTiles(this.connection, this.tenantId, this.size, tiles))
      this.tiles.set(name, hashes);
  }

  /** Remembered, because the proofs of neighbours share nearly all of them. */
  private rootOfSubtree(subtree: Subtree): Buffer {
    const { height, n } = subtree;
    const name = `${height}/${n}`;
    let root = this.roots.get(name);
    if (root === undefined) {
      root =
        height % tileHeight === 0
          ? this.storedHash(subtree)
          : nodeHash(
              this.rootOfSubtree({ height: height - 1, n: n * 2 }),
              this.rootOfSubtree({ height: height - 1, n: n * 2 + 1 }),
            );
      this.roots.set(name, root);
    }
    return root;
  }

  private storedHash({ height, n }: Subtree): Buffer {
    const tile = this.tiles.get(`${height / tileHeight}/${Math.floor(n / tileWidth)}`) as Buffer;
    const at = (n % tileWidth) * hashBytes;
    return tile.subarray(at, at + hashBytes);
  }
}

function rangeOf({ height, n }: Subtree): LeafRange {
  return { from: n * 2 ** height, to: (n + 1) * 2 ** height };
}

async function readTiles(
  connection: Connection,
  tenantId: string,
  size: number,
  tiles: readonly { readonly level: number; readonly n: number }[],
): Promise<[string, Buffer][]> {
  if (tiles.length === 0) return [];
  const widthOf = (level: number, n: number) => Math.min(tileWidth, hashesAt(level, size) - n * tileWidth);
  const rows = await connection.run<{
    level: number;
    n: string;
    hashes: Buffer | null;
    count: number | null;
  }>(readTilesStatement, [
    tenantId,
    int2Array(tiles.map(({ level }) => level)),
    int8Array(tiles.map(({ n }) => n)),
    int8Array(tiles.map(({ level, n }) => widthOf(level, n))),
  ]);
  return rows.map(({ level, n, hashes, count }) => {
    const width = widthOf(level, Number(n));
    if (hashes === null || count !== width)
      throw damagedTile(tenantId, level, Number(n) * tileWidth, width, count ?? 0);
    return [`${level}/${n}`, hashes];
  });
}

function damagedTile(tenantId: string, level: number, first: number, width: number, count: number): Failure {
  const block = tileWidth ** level;
  const [differing, what] =
    count > width
      ? [count - width, "too many: they were added"]
      : [width - count, "missing: they were removed"];
  const text =
    `Of the audit log of ${tenantId}, at level ${level} for the entries ${first * block} to ${(first + width) * block - 1}, ` +
    `${differing} of ${width} hashes are ${what} by hand.`;
  return new Failure("conflict", "audit-log-damaged", text, {
    fields: { tenantId, level, from: first * block, to: (first + width) * block - 1 },
  });
}

/** The bytes of a tile of hashes, or null when the tree of `size` has none such. Errors: `audit-log-damaged`. */
export async function readTile(
  connection: Connection,
  tenantId: string,
  size: number,
  tile: Tile & { readonly level: number },
): Promise<Buffer | null> {
  if (!isInTree(tile, size)) return null;
  const [found] = await readTiles(connection, tenantId, size, [tile]);
  return found === undefined ? null : found[1].subarray(0, tile.width * hashBytes);
}

/** A logged entry as it is stored. */
export interface StoredLeaf {
  readonly n: number;
  readonly leaf: Buffer;
  /** Null once they were erased. */
  readonly nonce: Buffer | null;
  readonly payload: Buffer | null;
}

/** Of every sheet what it has of a range, in one piece. */
const readLeavesStatement: Statement = {
  name: "audit-read-leaves",
  text: `select c.low as n, (c.high - c.low)::int4 as entries,
      substring(s.leaves from e.leaf + 1 for s.leaf_ends[i.high] - e.leaf) as leaves, e.leaf as leaf_from, s.leaf_ends[i.low + 1:i.high] as leaf_ends,
      substring(s.openings from e.opening + 1 for s.opening_ends[i.high] - e.opening) as openings, e.opening as opening_from,
      s.opening_ends[i.low + 1:i.high] as opening_ends
    from unnest($2::int8[], $3::int8[]) with ordinality as r(low, high, place)
    join lateral (
      select * from entente.audit_sheet s where s.tenant_id = $1 and s.first > r.low - ${sheetEntries} and s.first < r.high
        and s.first + s.entries > r.low) s on true
    cross join lateral (select greatest(r.low, s.first) as low, least(r.high, s.first + s.entries) as high) c
    cross join lateral (select (c.low - s.first)::int4 as low, (c.high - s.first)::int4 as high) i
    cross join lateral (select coalesce(s.leaf_ends[i.low], 0) as leaf, coalesce(s.opening_ends[i.low], 0) as opening) e
    order by r.place, s.first`,
};

interface PieceRow extends Record<string, unknown> {
  n: string;
  entries: number;
  leaves: Buffer | null;
  leaf_from: number;
  leaf_ends: number[];
  openings: Buffer | null;
  opening_from: number;
  opening_ends: number[] | null;
}

/**
 * Entries `from` up to but without `to`, in order; a missing one is simply absent.
 * Errors: `audit-log-damaged` (conflict) when one stands there twice.
 */
export async function readLeaves(
  connection: Connection,
  tenantId: string,
  range: LeafRange,
): Promise<StoredLeaf[]> {
  return readRanges(connection, tenantId, [range]);
}

/** As readLeaves, of indexes in ascending order. */
export async function readLeavesAt(
  connection: Connection,
  tenantId: string,
  indexes: readonly number[],
): Promise<StoredLeaf[]> {
  const ranges: { from: number; to: number }[] = [];
  for (const index of indexes) {
    const last = ranges.at(-1);
    if (last?.to === index) last.to++;
    else ranges.push({ from: index, to: index + 1 });
  }
  return readRanges(connection, tenantId, ranges);
}

async function readRanges(
  connection: Connection,
  tenantId: string,
  ranges: readonly LeafRange[],
): Promise<StoredLeaf[]> {
  const rows = await connection.run<PieceRow>(readLeavesStatement, [
    tenantId,
    int8Array(ranges.map(({ from }) => from)),
    int8Array(ranges.map(({ to }) => to)),
  ]);
  const leaves = rows.flatMap(leavesOf);
  const twice = leaves.find(({ n }, i) => n <= (leaves[i - 1]?.n ?? -1));
  if (twice !== undefined) throw doubledEntry(tenantId, twice.n);
  return leaves;
}

function leavesOf(row: PieceRow): StoredLeaf[] {
  const { leaves, openings } = row;
  return Array.from({ length: row.entries }, (_, i) =>
    storedLeaf(
      Number(row.n) + i,
      part(leaves, row.leaf_from, row.leaf_ends, i),
      part(openings, row.opening_from, row.opening_ends ?? [], i),
    ),
  );
}

/** `opening`: nonce and payload; null or nothing once they were erased. */
export function storedLeaf(n: number, leaf: Buffer, opening: Buffer | null): StoredLeaf {
  if (opening === null || opening.length === 0) return { n, leaf, nonce: null, payload: null };
  return { n, leaf, nonce: opening.subarray(0, nonceBytes), payload: opening.subarray(nonceBytes) };
}

/** The i-th of parts that stand one after the other from `from` on. */
function part(bytes: Buffer | null, from: number, ends: readonly number[], i: number): Buffer {
  return (bytes ?? Buffer.alloc(0)).subarray((ends[i - 1] ?? from) - from, (ends[i] ?? from) - from);
}

/** A checkpoint as it was signed. */
export interface SignedCheckpoint {
  readonly size: number;
  readonly note: string;
  readonly signedAt: number;
}

const checkpointsStatement: Statement = {
  name: "audit-checkpoints",
  text: `select size, note, signed_at from entente.audit_checkpoint where tenant_id = $1 order by hour desc limit $2`,
};

/** The newest signed checkpoints, one an hour, newest first. */
export async function readCheckpoints(
  connection: Connection,
  tenantId: string,
  limit: number,
): Promise<SignedCheckpoint[]> {
  const rows = await connection.run<{ size: string; note: string; signed_at: number }>(checkpointsStatement, [
    tenantId,
    limit,
  ]);
  return rows.map(({ size, note, signed_at }) => ({ size: Number(size), note, signedAt: signed_at }));
}

/** An entry of the log is not there although the tree has it. */
export function missingEntry(tenantId: string, index: number): Failure {
  return new Failure(
    "conflict",
    "audit-log-damaged",
    `Entry ${index} of the audit log of ${tenantId} is missing: it was removed by hand.`,
    { fields: { tenantId, index } },
  );
}

function doubledEntry(tenantId: string, index: number): Failure {
  return new Failure(
    "conflict",
    "audit-log-damaged",
    `Entry ${index} of the audit log of ${tenantId} stands there twice: it was added by hand.`,
    { fields: { tenantId, index } },
  );
}
