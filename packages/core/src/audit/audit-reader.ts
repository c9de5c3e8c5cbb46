import { Failure } from "../model/failure.ts";
import type { Database } from "../postgres/database.ts";
import { readCheckpoints, readLeaves, readTile } from "./read-audit-log.ts";
import { entryBundle, isInTree, type Tile, tileOfPath, tileWidth } from "./tile.ts";

/** The audit log as third parties read it: the resources of c2sp.org/tlog-tiles, a tenant at a time, up to what was signed. */
export interface AuditReader {
  /** The newest signed checkpoint. Errors: `audit-checkpoint-missing` (refused) while nothing was signed. */
  checkpoint(tenantId: string): Promise<string>;
  /**
   * The bytes of a tile or bundle by its path, such as `tile/0/001.p/5`. It never changes.
   * Errors: `audit-tile-unknown` (refused) for what is no path, or past the signed size; `audit-log-damaged` (conflict).
   */
  tile(tenantId: string, path: string): Promise<Buffer>;
}

export function openAuditReader(database: Database): AuditReader {
  const newest = async (tenantId: string) => (await readCheckpoints(database, tenantId, 1))[0];
  return {
    async checkpoint(tenantId) {
      const signed = await newest(tenantId);
      if (signed !== undefined) return signed.note;
      throw new Failure("refused", "audit-checkpoint-missing", "Nothing of this log has been signed yet.");
    },
    async tile(tenantId, path) {
      const tile = tileOfPath(path);
      const size = tile === null ? 0 : ((await newest(tenantId))?.size ?? 0);
      const found = tile === null ? null : await readResource(database, tenantId, size, tile);
      if (found === null) {
        throw new Failure("refused", "audit-tile-unknown", "The signed log has no such tile.", {
          fields: { path: path.slice(0, 100) },
        });
      }
      return found;
    },
  };
}

async function readResource(
  database: Database,
  tenantId: string,
  size: number,
  { level, n, width }: Tile,
): Promise<Buffer | null> {
  if (level !== "entries") return readTile(database, tenantId, size, { level, n, width });
  if (!isInTree({ level, n, width }, size)) return null;
  const range = { from: n * tileWidth, to: n * tileWidth + width };
  const leaves = await readLeaves(database, tenantId, range);
  for (let at = range.from; at < range.to; at++) {
    if (leaves[at - range.from]?.n !== at) throw missingEntry(tenantId, at);
  }
  return entryBundle(leaves.map(({ leaf }) => leaf));
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
