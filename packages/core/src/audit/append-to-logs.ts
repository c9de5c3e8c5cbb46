import { Failure } from "../model/failure.ts";
import {
  byteaArray,
  bytesArray,
  digestArray,
  int2Array,
  int4Array,
  int8Array,
  textArray,
  timeArray,
  uuidArray,
} from "../postgres/arrays.ts";
import type { Connection, Statement, Write } from "../postgres/database.ts";
import { appendLeaves, emptyEdge, hashBytes, type TreeEdge } from "./merkle-tree.ts";
import type { Sheet } from "./sheet.ts";
import { splitHashes, tileHeight } from "./tile.ts";

/** The stored trees: locked, grown in memory, written back, with one statement each whatever the number of entries and tenants. */

/** A tenant's tree, held until the transaction ends. */
export interface LockedTree {
  readonly tenantId: string;
  readonly edge: TreeEdge;
}

/**
 * Locks that are no rows: taking one writes nothing, and readers of journals wait for whoever has written. A few that tenants share,
 * because the server has room for so many; in one order, so that workers wait for each other in turn.
 */
const lockLogs: Statement = {
  name: "audit-lock-logs",
  text: `select pg_advisory_xact_lock(hashtext('entente.audit_tree'), shard) from (
      select distinct hashtext(t.tenant_id) & 63 as shard from unnest($1::text[]) as t(tenant_id) order by shard) s`,
};

const readTrees: Statement = {
  name: "audit-trees",
  text: "select tenant_id, size, edge from entente.audit_tree where tenant_id = any($1::text[])",
};

const lastSheets: Statement = {
  name: "audit-last-sheets",
  text: `select t.tenant_id, s.entries from unnest($1::text[]) as t(tenant_id) cross join lateral (
      select first + entries as entries from entente.audit_sheet where tenant_id = t.tenant_id order by first desc limit 1) s`,
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
 * The trees of these tenants, locked until the transaction ends; what has not begun is empty. Reading them takes statements of their
 * own: they must see what was committed while the locks were waited for.
 * Errors: `audit-log-damaged` (conflict) when a log does not end where its tree does: somebody added or removed entries by hand.
 */
export async function lockTrees(connection: Connection, tenants: readonly string[]): Promise<LockedTree[]> {
  const names = textArray(tenants);
  const [, rows, lasts] = await Promise.all([
    connection.run(lockLogs, [names]),
    connection.run<TreeRow>(readTrees, [names]),
    connection.run<{ tenant_id: string; entries: string }>(lastSheets, [names]),
  ]);
  const edges = new Map(rows.map((row) => [row.tenant_id, edgeOf(row)]));
  const sizes = new Map(lasts.map(({ tenant_id, entries }) => [tenant_id, Number(entries)]));
  return tenants.map((tenantId) => {
    const edge = edges.get(tenantId) ?? emptyEdge;
    const entries = sizes.get(tenantId) ?? 0;
    if (entries !== edge.size) throw damagedEnd(tenantId, edge.size, entries);
    return { tenantId, edge };
  });
}

function damagedEnd(tenantId: string, size: number, entries: number): Failure {
  const text =
    entries > size
      ? `The audit log of ${tenantId} has an entry ${entries - 1}, and its tree ends before entry ${size}: entries were added by hand.`
      : `The audit log of ${tenantId} ends before entry ${entries}, and its tree has ${size}: entries were removed by hand.`;
  return new Failure("conflict", "audit-log-damaged", text, { fields: { tenantId, size, entries } });
}

/** What is of every entry travels in one array, of which each sheet takes its part. */
const append: Statement = {
  name: "audit-append",
  text: `with sheets as (
      insert into entente.audit_sheet (tenant_id, first, entries, first_at, last_at, leaves, hashes, openings,
        leaf_ends, opening_ends, process_ids, keys)
      select s.tenant_id, s.first, s.entries, s.first_at, s.last_at, s.leaves, s.hashes, s.openings,
        ($9::int4[])[s.at + 1:s.at + s.entries], ($10::int4[])[s.at + 1:s.at + s.entries],
        ($11::uuid[])[s.at + 1:s.at + s.entries], ($12::uuid[])[s.at + 1:s.at + s.entries]
      from unnest($1::text[], $2::int8[], $3::int4[], $4::timestamptz[], $5::timestamptz[], $6::bytea[], $7::bytea[], $8::bytea[],
        $13::int4[]) as s(tenant_id, first, entries, first_at, last_at, leaves, hashes, openings, at)),
    nodes as (
      insert into entente.audit_node (tenant_id, level, n, hash)
      select * from unnest($14::text[], $15::int2[], $16::int8[], $17::bytea[]))
    insert into entente.audit_tree (tenant_id, size, edge)
      select * from unnest($18::text[], $19::int8[], $20::bytea[])
    on conflict (tenant_id) do update set size = excluded.size, edge = excluded.edge`,
};

interface Growth {
  readonly tree: LockedTree;
  readonly sheets: readonly Sheet[];
}

interface Node {
  readonly tenantId: string;
  readonly level: number;
  readonly n: number;
  readonly hash: Buffer;
}

/** What appends sheets to locked trees, in the order given, in one statement. */
export function appendToLogs(growths: readonly Growth[]): Write {
  const sheets = growths.flatMap((growth) => growth.sheets);
  const firsts: number[] = [];
  const nodes: Node[] = [];
  const grown = growths.map(({ tree: { tenantId, edge }, sheets: added }) => {
    let after = edge;
    for (const { hashes } of added) {
      firsts.push(after.size);
      after = appendLeaves(after, splitHashes(hashes), ({ height, n }, hash) => {
        if (height % tileHeight === 0) nodes.push({ tenantId, level: height / tileHeight, n, hash });
      });
    }
    return { tenantId, ...after };
  });
  const entries = sheets.map(({ keys }) => keys.length);
  let before = 0;
  const values = [
    textArray(sheets.map(({ tenantId }) => tenantId)),
    int8Array(firsts),
    int4Array(entries),
    timeArray(sheets.map(({ firstAt }) => firstAt)),
    timeArray(sheets.map(({ lastAt }) => lastAt)),
    byteaArray(sheets.map(({ leaves }) => leaves)),
    byteaArray(sheets.map(({ hashes }) => hashes)),
    byteaArray(sheets.map(({ openings }) => openings)),
    int4Array(sheets.flatMap(({ leafEnds }) => leafEnds)),
    int4Array(sheets.flatMap(({ openingEnds }) => openingEnds)),
    uuidArray(sheets.flatMap(({ processIds }) => processIds)),
    digestArray(sheets.flatMap(({ keys }) => keys)),
    int4Array(
      entries.map((count) => {
        before += count;
        return before - count;
      }),
    ),
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
  ];
  return { statement: append, values };
}
