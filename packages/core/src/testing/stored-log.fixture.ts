/** A stored audit log entry by entry, whatever sheets they stand in, as somebody sees and changes it who may do anything. */
import type { AuditScene } from "./audit.fixture.ts";

export interface StoredEntry {
  readonly n: number;
  readonly leaf: Buffer;
  readonly hash: Buffer;
  /** Nonce and payload; nothing when erased. */
  readonly opening: Buffer;
  readonly processId: string;
  readonly key: string | null;
}

interface SheetRow {
  first: string;
  entries: number;
  leaves: Buffer;
  leaf_ends: number[];
  hashes: Buffer;
  openings: Buffer | null;
  opening_ends: number[] | null;
  process_ids: string[];
  keys: (string | null)[] | null;
}

export async function storedEntries(scene: AuditScene, tenantId: string): Promise<StoredEntry[]> {
  const sheets = await scene.sql("select * from entente.audit_sheet where tenant_id = $1 order by first", [
    tenantId,
  ]);
  return sheets.flatMap((row) => {
    const sheet = row as unknown as SheetRow;
    const part = (bytes: Buffer | null, ends: number[] | null, i: number): Buffer =>
      bytes?.subarray(ends?.[i - 1] ?? 0, ends?.[i]) ?? Buffer.alloc(0);
    return Array.from({ length: sheet.entries }, (_, i) => ({
      n: Number(sheet.first) + i,
      leaf: part(sheet.leaves, sheet.leaf_ends, i),
      hash: sheet.hashes.subarray(32 * i, 32 * i + 32),
      opening: part(sheet.openings, sheet.opening_ends, i),
      processId: sheet.process_ids[i] as string,
      key: sheet.keys?.[i] ?? null,
    }));
  });
}

/** Replaces what is stored of a log, as the superuser. Entries that do not follow one another come to stand in different sheets. */
export async function rewriteLog(
  scene: AuditScene,
  tenantId: string,
  change: (entries: StoredEntry[]) => readonly StoredEntry[],
): Promise<void> {
  const changed = change(await storedEntries(scene, tenantId));
  await scene.sql("delete from entente.audit_sheet where tenant_id = $1", [tenantId]);
  let sheet: StoredEntry[] = [];
  for (const entry of changed) {
    const last = sheet.at(-1);
    if (last !== undefined && (entry.n !== last.n + 1 || sheet.length === 1_024)) {
      await writeSheet(scene, tenantId, sheet);
      sheet = [];
    }
    sheet.push(entry);
  }
  if (sheet.length > 0) await writeSheet(scene, tenantId, sheet);
}

export async function writeSheet(
  scene: AuditScene,
  tenantId: string,
  entries: readonly StoredEntry[],
): Promise<void> {
  const ends = (parts: readonly Buffer[]): number[] => {
    let end = 0;
    return parts.map(({ length }) => (end += length));
  };
  const leaves = entries.map(({ leaf }) => leaf);
  const openings = entries.map(({ opening }) => opening);
  await scene.sql(
    `insert into entente.audit_sheet (tenant_id, first, entries, leaves, leaf_ends, hashes, openings, opening_ends, process_ids, keys, first_at, last_at)
      values ($1, $2, $3, $4, $5::int4[], $6, $7, $8::int4[], $9::uuid[], $10::uuid[], now(), now())`,
    [
      tenantId,
      entries[0]?.n,
      entries.length,
      Buffer.concat(leaves),
      ends(leaves),
      Buffer.concat(entries.map(({ hash }) => hash)),
      Buffer.concat(openings),
      ends(openings),
      entries.map(({ processId }) => processId),
      entries.map(({ key }) => key),
    ],
  );
}
