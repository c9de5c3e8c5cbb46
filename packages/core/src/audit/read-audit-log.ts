import { Failure } from "../model/failure.ts";
import { int2Array, int8Array } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import { edgeOf, type TreeRow } from "./append-to-logs.ts";
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
  text: `select t.level, t.n, h.hashes, h.count::int4 as count from unnest($2::int2[], $3::int8[], $4::int8[]) as t(level, n, width) cross join lateral (
      select string_agg(x.hash, ''::bytea order by x.n) as hashes, count(*) as count from (
        select n, hash from entente.audit_leaf l
          where t.level = 0 and l.tenant_id = $1 and l.n >= t.n * 256 and l.n < t.n * 256 + t.width
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
  const rows = await connection.run<{ level: number; n: string; hashes: Buffer | null; count: number }>(
    readTilesStatement,
    [
      tenantId,
      int2Array(tiles.map(({ level }) => level)),
      int8Array(tiles.map(({ n }) => n)),
      int8Array(tiles.map(({ level, n }) => widthOf(level, n))),
    ],
  );
  return rows.map(({ level, n, hashes, count }) => {
    const width = widthOf(level, Number(n));
    if (hashes === null || count !== width)
      throw damagedTile(tenantId, level, Number(n) * tileWidth, width, count);
    return [`${level}/${n}`, hashes];
  });
}

function damagedTile(tenantId: string, level: number, first: number, width: number, count: number): Failure {
  const block = tileWidth ** level;
  const text =
    `Of the audit log of ${tenantId}, ${width - count} of ${width} hashes are missing at level ${level} for the entries ` +
    `${first * block} to ${(first + width) * block - 1}: they were removed by hand.`;
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

const leavesColumns = "n, leaf, nonce, payload";

const readLeavesStatement: Statement = {
  name: "audit-read-leaves",
  text: `select ${leavesColumns} from entente.audit_leaf where tenant_id = $1 and n >= $2 and n < $3 order by n`,
};

/** Entries `from` up to but without `to`, in order; a missing one is simply absent. */
export async function readLeaves(
  connection: Connection,
  tenantId: string,
  { from, to }: LeafRange,
): Promise<StoredLeaf[]> {
  const rows = await connection.run<LeafRow>(readLeavesStatement, [tenantId, from, to]);
  return rows.map(storedLeaf);
}

const readLeavesAtStatement: Statement = {
  name: "audit-read-leaves-at",
  text: `select ${leavesColumns} from entente.audit_leaf where tenant_id = $1 and n = any($2::int8[]) order by n`,
};

export async function readLeavesAt(
  connection: Connection,
  tenantId: string,
  indexes: readonly number[],
): Promise<StoredLeaf[]> {
  const rows = await connection.run<LeafRow>(readLeavesAtStatement, [tenantId, int8Array(indexes)]);
  return rows.map(storedLeaf);
}

interface LeafRow extends Record<string, unknown> {
  n: string;
  leaf: Buffer;
  nonce: Buffer | null;
  payload: Buffer | null;
}

function storedLeaf({ n, ...row }: LeafRow): StoredLeaf {
  return { n: Number(n), ...row };
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
