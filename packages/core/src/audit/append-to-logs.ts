import type { Entry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import {
  byteaArray,
  bytesArray,
  int2Array,
  int8Array,
  textArray,
  timeArray,
  uuidArray,
} from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import { appendLeaves, hashBytes, leafHash, type TreeEdge } from "./merkle-tree.ts";
import { splitHashes, tileHeight } from "./tile.ts";

/** The stored trees: locked, grown in memory, written back, with one statement each whatever the number of entries and tenants. */

/** A tenant's tree, held until the transaction ends. */
export interface LockedTree {
  readonly tenantId: string;
  readonly edge: TreeEdge;
}

export interface LoggedEntry {
  readonly entry: Entry;
  readonly leaf: Buffer;
  readonly nonce: Buffer;
  readonly payload: Buffer;
}

const makeTrees: Statement = {
  name: "audit-make-trees",
  text: "insert into entente.audit_tree (tenant_id) select unnest($1::text[]) on conflict do nothing",
};

/** In the order of tenants, so that workers that share them wait for each other in turn. */
const lockTreesStatement: Statement = {
  name: "audit-lock-trees",
  text: `select tenant_id, size, edge from entente.audit_tree where tenant_id = any($1::text[])
    order by tenant_id collate "C" for no key update`,
};

/** A statement of its own: it must see what was committed while the locks were waited for. */
const lastLeaves: Statement = {
  name: "audit-last-leaves",
  text: `select t.tenant_id, l.n from unnest($1::text[]) as t(tenant_id) cross join lateral (
      select n from entente.audit_leaf where tenant_id = t.tenant_id order by n desc limit 1) l`,
};

export interface TreeRow extends Record<string, unknown> {
  tenant_id: string;
  size: string;
  edge: Buffer;
}

export function edgeOf({ size, edge }: Pick<TreeRow, "size" | "edge">): TreeEdge {
  return { size: Number(size), roots: splitHashes(edge) };
}

/**
 * The trees of these tenants, made where there is none, locked until the transaction ends.
 * Errors: `audit-log-damaged` (conflict) when a log does not end where its tree does: somebody added or removed entries by hand.
 */
export async function lockTrees(connection: Connection, tenants: readonly string[]): Promise<LockedTree[]> {
  const names = textArray(tenants.toSorted());
  const [, rows, lasts] = await Promise.all([
    connection.run(makeTrees, [names]),
    connection.run<TreeRow>(lockTreesStatement, [names]),
    connection.run<{ tenant_id: string; n: string }>(lastLeaves, [names]),
  ]);
  const sizes = new Map(lasts.map(({ tenant_id, n }) => [tenant_id, Number(n) + 1]));
  return rows.map((row) => {
    const edge = edgeOf(row);
    const entries = sizes.get(row.tenant_id) ?? 0;
    if (entries !== edge.size) throw damagedEnd(row.tenant_id, edge.size, entries);
    return { tenantId: row.tenant_id, edge };
  });
}

function damagedEnd(tenantId: string, size: number, entries: number): Failure {
  const text =
    entries > size
      ? `The audit log of ${tenantId} has an entry ${entries - 1}, and its tree ends before entry ${size}: entries were added by hand.`
      : `The audit log of ${tenantId} ends before entry ${entries}, and its tree has ${size}: entries were removed by hand.`;
  return new Failure("conflict", "audit-log-damaged", text, { fields: { tenantId, size, entries } });
}

const append: Statement = {
  name: "audit-append",
  text: `with leaves as (
      insert into entente.audit_leaf (tenant_id, n, leaf, hash, process_id, occurred_at, nonce, payload, key, customer_id)
      select * from unnest($1::text[], $2::int8[], $3::bytea[], $4::bytea[], $5::uuid[], $6::timestamptz[], $7::bytea[],
        $8::bytea[], $9::text[], $10::text[])),
    nodes as (
      insert into entente.audit_node (tenant_id, level, n, hash)
      select * from unnest($11::text[], $12::int2[], $13::int8[], $14::bytea[]))
    update entente.audit_tree t set size = g.size, edge = g.edge
      from unnest($15::text[], $16::int8[], $17::bytea[]) as g(tenant_id, size, edge) where t.tenant_id = g.tenant_id`,
};

interface Growth {
  readonly tree: LockedTree;
  readonly entries: readonly LoggedEntry[];
}

interface Node {
  readonly tenantId: string;
  readonly level: number;
  readonly n: number;
  readonly hash: Buffer;
}

/** Appends entries to locked trees, in the order given. */
export async function appendToLogs(connection: Connection, growths: readonly Growth[]): Promise<void> {
  const leaves: (LoggedEntry & { readonly n: number; readonly hash: Buffer })[] = [];
  const nodes: Node[] = [];
  const grown = growths.map(({ tree: { tenantId, edge }, entries }) => {
    const hashes = entries.map(({ leaf }) => leafHash(leaf));
    entries.forEach((logged, i) => {
      leaves.push({ ...logged, n: edge.size + i, hash: hashes[i] as Buffer });
    });
    const after = appendLeaves(edge, hashes, ({ height, n }, hash) => {
      if (height % tileHeight === 0) nodes.push({ tenantId, level: height / tileHeight, n, hash });
    });
    return { tenantId, ...after };
  });
  await connection.run(append, [
    textArray(leaves.map(({ entry }) => entry.tenantId)),
    int8Array(leaves.map(({ n }) => n)),
    byteaArray(leaves.map(({ leaf }) => leaf)),
    bytesArray(
      leaves.map(({ hash }) => hash),
      hashBytes,
    ),
    uuidArray(leaves.map(({ entry }) => entry.processId)),
    timeArray(leaves.map(({ entry }) => entry.occurredAt)),
    byteaArray(leaves.map(({ nonce }) => nonce)),
    byteaArray(leaves.map(({ payload }) => payload)),
    textArray(leaves.map(({ entry }) => entry.key)),
    textArray(leaves.map(({ entry }) => entry.customerId)),
    textArray(nodes.map(({ tenantId }) => tenantId)),
    int2Array(nodes.map(({ level }) => level)),
    int8Array(nodes.map(({ n }) => n)),
    bytesArray(
      nodes.map(({ hash }) => hash),
      hashBytes,
    ),
    textArray(grown.map(({ tenantId }) => tenantId)),
    int8Array(grown.map(({ size }) => size)),
    byteaArray(grown.map(({ roots }) => Buffer.concat(roots))),
  ]);
}
