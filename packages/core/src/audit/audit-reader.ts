import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../model/failure.ts";
import type { Database } from "../postgres/database.ts";
import type { BundleSelection } from "./bundle.ts";
import { exportBundle } from "./export-bundle.ts";
import { missingEntry, readCheckpoints, readLeaves, readTile } from "./read-audit-log.ts";
import type { OutcomePlace } from "./read-outcomes.ts";
import type { SigningKey } from "./signed-note.ts";
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
  /**
   * The files of a bundle of one process or account with its outcomes, by name, as they are exported.
   * Bounds: `bundleEntriesAllowed` entries; one at a time in this process.
   * Errors: those of exportBundle; `audit-key-missing` (refused) where nothing can be signed.
   */
  bundle(tenantId: string, selection: BundleSelection): Promise<Readonly<Record<string, string>>>;
}

export interface AuditReading {
  readonly database: Database;
  /** Contexts with outcomes. */
  readonly places: readonly OutcomePlace[];
  /** Null: bundles cannot be given. */
  readonly key: SigningKey | null;
}

/** Entries of a bundle that is given over HTTP; larger ones are exported. */
export const bundleEntriesAllowed = 5_000;
/** How long the log may take to come to what is stored of a process: a few signatures. */
const outcomesWithinMs = 5_000;

export function openAuditReader({ database, places, key }: AuditReading): AuditReader {
  let last: Promise<unknown> = Promise.resolve();
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
    bundle(tenantId, selection) {
      if (key === null) {
        const text = "A bundle is signed, and this program has no key.";
        return Promise.reject(new Failure("refused", "audit-key-missing", text));
      }
      const order = {
        tenantId,
        selection,
        key,
        places,
        outcomesWithinMs,
        entriesAllowed: bundleEntriesAllowed,
      };
      // One at a time: a bundle reads much, and whoever asks for many must not keep customers waiting.
      const given = last.then(() => inFolder((folder) => exportBundle(database, { ...order, folder })));
      last = given.catch(() => {});
      return given;
    },
  };
}

/** The files that `write` leaves in a folder of its own, which is removed. */
async function inFolder(write: (folder: string) => Promise<unknown>): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "entente-bundle-"));
  try {
    await write(folder);
    const names = await readdir(folder);
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
    return Object.fromEntries(names.map((name, n) => [name, texts[n] as string]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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
