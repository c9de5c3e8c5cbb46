import { checkpointOf } from "../audit/checkpoint.ts";
import { decodeLeaf } from "../audit/leaf.ts";
import { LogTiles, readCheckpoints, type StoredLeaf, storedLeaf } from "../audit/read-audit-log.ts";
import type { Entry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { textArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import type { ArchiveProof } from "./archive-lines.ts";
import type { Proofs } from "./write-archive.ts";

/** Leaves that entries may have: a leaf has no index by entry, but one by process. */
const candidates: Statement = {
  name: "retention-leaves",
  text: `select s.tenant_id, s.first + p.place - 1 as n,
      substring(s.leaves from b.leaf + 1 for s.leaf_ends[p.place] - b.leaf) as leaf,
      substring(s.openings from b.opening + 1 for s.opening_ends[p.place] - b.opening) as opening
    from entente.audit_sheet s
    cross join lateral unnest(s.process_ids) with ordinality as u(process_id, place)
    cross join lateral (select u.place::int4 as place) p
    cross join lateral (select coalesce(s.leaf_ends[p.place - 1], 0) as leaf, coalesce(s.opening_ends[p.place - 1], 0) as opening) b
    where s.tenant_id = any($1::text[]) and s.process_ids && $2::uuid[] and u.process_id = any($2::uuid[])`,
};

interface CandidateRow extends Record<string, unknown> {
  tenant_id: string;
  n: string;
  leaf: Buffer;
  opening: Buffer | null;
}

interface SignedLog {
  readonly note: string;
  readonly size: number;
  readonly tiles: LogTiles;
}

/**
 * Proofs for entries of one journal, all of a tenant under the newest checkpoint there is at the first question about it.
 * Errors of `of`: `audit-checkpoint-missing` (refused) when an entry is logged and not signed yet; `audit-log-damaged` (conflict).
 */
export function openLogProofs(audit: Connection, source: string, generation: string): Proofs {
  const logs = new Map<string, SignedLog | null>();

  async function logOf(tenantId: string): Promise<SignedLog | null> {
    const known = logs.get(tenantId);
    if (known !== undefined) return known;
    const [newest] = await readCheckpoints(audit, tenantId, 1);
    const text = newest?.note.slice(0, newest.note.lastIndexOf("\n\n") + 1) ?? "";
    const size = checkpointOf(text)?.size ?? 0;
    const log =
      newest === undefined || size === 0
        ? null
        : { note: newest.note, size, tiles: new LogTiles(audit, tenantId, size) };
    logs.set(tenantId, log);
    return log;
  }

  async function leavesOf(entries: readonly Entry[]): Promise<Map<string, Map<string, StoredLeaf>>> {
    const rows = await audit.run<CandidateRow>(candidates, [
      textArray([...new Set(entries.map(({ tenantId }) => tenantId))]),
      uuidArray([...new Set(entries.map(({ processId }) => processId))]),
    ]);
    const places = new Map(entries.map(({ id, position: { xid, seq } }) => [id, `${xid}/${seq}`]));
    const byTenant = new Map<string, Map<string, StoredLeaf>>();
    for (const { tenant_id: tenantId, n, leaf: bytes, opening } of rows) {
      const leaf = decodeLeaf(bytes);
      if (leaf?.source !== source || leaf.generation !== generation) continue;
      if (places.get(leaf.id) !== `${leaf.xid}/${leaf.seq}`) continue;
      const found = byTenant.get(tenantId) ?? new Map<string, StoredLeaf>();
      byTenant.set(tenantId, found.set(leaf.id, storedLeaf(Number(n), bytes, opening)));
    }
    return byTenant;
  }

  return {
    checkpoint: async (tenantId) => (await logOf(tenantId))?.note ?? null,
    async of(entries) {
      const proofs = new Map<string, ArchiveProof>();
      if (entries.length === 0) return proofs;
      for (const [tenantId, leaves] of await leavesOf(entries)) {
        const log = await logOf(tenantId);
        const found = [...leaves];
        if (log === null || found.some(([, { n }]) => n >= log.size)) throw unsigned(tenantId);
        const hashes = await log.tiles.inclusion(found.map(([, { n }]) => n));
        log.tiles.forget();
        found.forEach(([id, { n, leaf, nonce }], i) => {
          proofs.set(id, {
            index: n,
            leaf: leaf.toString("base64"),
            nonce: nonce?.toString("base64") ?? null,
            hashes: (hashes[i] ?? []).map((hash) => hash.toString("base64")),
          });
        });
      }
      return proofs;
    },
  };
}

function unsigned(tenantId: string): Failure {
  return new Failure(
    "refused",
    "audit-checkpoint-missing",
    `What the audit log of ${tenantId} holds has not been signed yet.`,
    { fields: { tenantId } },
  );
}
