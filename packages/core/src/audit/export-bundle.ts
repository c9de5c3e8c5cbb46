import { createHash } from "node:crypto";
import { mkdir, open, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Failure } from "../model/failure.ts";
import type { StoredOutcome } from "../model/replay.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import {
  type BundleSelection,
  type CheckpointLine,
  checkpointsFile,
  type EntryLine,
  entriesFile,
  keyFile,
  manifestFile,
  readmeFile,
  selectionText,
  signManifest,
} from "./bundle.ts";
import { readmeText } from "./bundle-readme.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { writeOutcomes } from "./outcomes.ts";
import { LogTiles, missingEntry, readCheckpoints, readLeavesAt, type StoredLeaf } from "./read-audit-log.ts";
import { evidencedFrom, type OutcomePlace, readStoredOutcomes } from "./read-outcomes.ts";
import { originOf } from "./sign-checkpoints.ts";
import { type NoteVerifier, noteVerifier, type SigningKey } from "./signed-note.ts";

export interface BundleOrder {
  readonly tenantId: string;
  readonly selection: BundleSelection;
  /** Must not exist, or be empty. */
  readonly folder: string;
  readonly key: SigningKey;
  /** Signed checkpoints that the reader has from earlier: the bundle proves that the log still begins with them. */
  readonly known?: readonly string[];
  /** Contexts whose outcomes go into it, to be compared with a replay; absent: none do. */
  readonly places?: readonly OutcomePlace[];
  /** How long the log may take to have and sign everything that the outcomes reflect (default: 0, as of a system at rest). */
  readonly outcomesWithinMs?: number;
  /** Of a process or account (default: `indexesAllowed`). */
  readonly entriesAllowed?: number;
}

export interface BundleSummary {
  readonly origin: string;
  readonly size: number;
  readonly entries: number;
  readonly verifierKey: string;
  readonly outcomes: number;
}

/** Entries whose places a bundle by process or account may list; more are a period or the whole log. */
export const indexesAllowed = 100_000;
/** Entries read, proved and written at once. */
const pageEntries = 256;
/** Checkpoints in a bundle at most: one an hour, the newest. */
const checkpointsGiven = 1_000;

/**
 * Writes a bundle of what has been signed of a tenant's log.
 * Errors: `audit-evidence-behind` (unavailable): outcomes are asked for, and the signed log has not come to them;
 * `audit-checkpoint-missing`, `audit-nothing-selected`, `audit-selection-too-large`, `audit-folder-taken` (refused);
 * `audit-log-damaged` (conflict), which names what is missing.
 */
export async function exportBundle(database: Database, order: BundleOrder): Promise<BundleSummary> {
  const { tenantId, selection, folder } = order;
  const origin = originOf(order.key.name, tenantId);
  const signer = order.key.named(origin);
  const verifier = noteVerifier(signer.verifierKey) as NoteVerifier;
  const outcomes = await readStoredOutcomes(order.places ?? [], tenantId, selection);
  if (outcomes.length > 0) await untilEvidenced(database, order, outcomes);
  const signed = await readCheckpoints(database, tenantId, checkpointsGiven);
  const bySize = new Map<number, string>();
  const take = (note: string, most: number): void => {
    const checkpoint = openCheckpoint(note, verifier);
    if ("size" in checkpoint && checkpoint.size > 0 && checkpoint.size <= most)
      bySize.set(checkpoint.size, note);
  };
  for (const { note } of signed) take(note, Number.POSITIVE_INFINITY);
  const newest = Math.max(0, ...bySize.keys());
  // One that knows of more than there is proves that the log was cut; its owner will be told so when verifying.
  for (const note of order.known ?? []) take(note, newest);
  const sizes = [...bySize.keys()].sort((a, b) => a - b);
  const size = sizes.at(-1);
  if (size === undefined) {
    throw new Failure(
      "refused",
      "audit-checkpoint-missing",
      "Nothing of this log has been signed with this key.",
      {
        fields: { origin },
      },
    );
  }
  const indexes = await selected(database, tenantId, size, selection, order.entriesAllowed ?? indexesAllowed);
  await takeFolder(folder);
  const tiles = new LogTiles(database, tenantId, size);
  const proofs = await tiles.consistency(sizes);
  const checkpoints = sizes.map((one, i): CheckpointLine => {
    return { note: bySize.get(one) as string, proof: (proofs[i] ?? []).map(base64) };
  });
  const checkpointsHash = await writeLines(join(folder, checkpointsFile), [checkpoints]);
  const erased: number[] = [];
  const pages = entryPages(database, tenantId, tiles, indexes, (index) => erased.push(index));
  const entriesHash = await writeLines(join(folder, entriesFile), pages);
  const said = { origin, selection: selectionText(selection), size, indexes, erased };
  const manifest = { ...said, entriesHash, checkpointsHash };
  await writeFile(join(folder, manifestFile), signManifest(manifest, signer));
  await writeFile(join(folder, keyFile), `${signer.verifierKey}\n`);
  await writeFile(join(folder, readmeFile), readmeText({ ...manifest, verifierKey: signer.verifierKey }));
  if (order.places !== undefined) await writeOutcomes(folder, outcomes, origin, signer);
  const { verifierKey } = signer;
  return { origin, size, entries: indexes.length, verifierKey, outcomes: outcomes.length };
}

const askAgainMs = 100;

/** Outcomes whose evidence is not in the bundle would look like lies. */
async function untilEvidenced(
  database: Database,
  { tenantId, outcomesWithinMs = 0 }: BundleOrder,
  outcomes: readonly StoredOutcome[],
): Promise<void> {
  const isSigned = async (): Promise<boolean> => {
    const from = await evidencedFrom(database, tenantId, outcomes);
    const [newest] = from === null ? [] : await readCheckpoints(database, tenantId, 1);
    return from !== null && (newest?.size ?? 0) >= from;
  };
  // What is waited for is another program's commit and signature, which nothing announces.
  for (let waitedMs = 0; !(await isSigned()); waitedMs += askAgainMs) {
    if (waitedMs >= outcomesWithinMs) {
      throw new Failure(
        "unavailable",
        "audit-evidence-behind",
        "The signed log has not come to everything that is stored of this yet.",
      );
    }
    await setTimeout(askAgainMs);
  }
}

const base64 = (bytes: Buffer): string => bytes.toString("base64");

async function* entryPages(
  connection: Connection,
  tenantId: string,
  tiles: LogTiles,
  indexes: readonly number[],
  erased: (index: number) => void,
): AsyncGenerator<EntryLine[]> {
  for (let at = 0; at < indexes.length; at += pageEntries) {
    const page = indexes.slice(at, at + pageEntries);
    const leaves = new Map((await readLeavesAt(connection, tenantId, page)).map((leaf) => [leaf.n, leaf]));
    const missing = page.find((index) => !leaves.has(index));
    if (missing !== undefined) throw missingEntry(tenantId, missing);
    const proofs = await tiles.inclusion(page);
    tiles.forget();
    for (const { n, payload } of leaves.values()) if (payload === null) erased(n);
    yield page.map((index, i) => entryLine(leaves.get(index) as StoredLeaf, proofs[i] ?? []));
  }
}

function entryLine({ n, leaf, nonce, payload }: StoredLeaf, proof: readonly Buffer[]): EntryLine {
  return {
    index: n,
    leaf: base64(leaf),
    nonce: nonce === null ? null : base64(nonce),
    payload: payload === null ? null : payload.toString("utf8"),
    proof: proof.map(base64),
  };
}

/** Writes a JSON document per line and returns the file's hash. */
async function writeLines(
  path: string,
  pages: Iterable<readonly object[]> | AsyncIterable<readonly object[]>,
): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, "wx");
  try {
    for await (const page of pages) {
      const text = page.map((line) => `${JSON.stringify(line)}\n`).join("");
      hash.update(text);
      await file.appendFile(text);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

async function takeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length === 0) return;
  throw new Failure(
    "refused",
    "audit-folder-taken",
    `${folder} is not empty. Name a folder that is, or does not exist.`,
    {
      fields: { folder },
    },
  );
}

const ofProcess: Statement = {
  name: "audit-select-process",
  text: `select n from entente.audit_leaf where tenant_id = $1 and process_id = $2::uuid and n < $3 order by n limit $4`,
};

const ofAccount: Statement = {
  name: "audit-select-account",
  text: `select n from entente.audit_leaf where tenant_id = $1 and key = $2 and n < $3 order by n limit $4`,
};

/** Between these two nothing is left out, so that the reader sees that nothing is. */
const ofPeriod: Statement = {
  name: "audit-select-period",
  text: `select min(n) as first, max(n) as last from entente.audit_leaf
    where tenant_id = $1 and n < $2 and occurred_at >= to_timestamp($3::float8 / 1000)
      and occurred_at < to_timestamp($4::float8 / 1000)`,
};

async function selected(
  connection: Connection,
  tenantId: string,
  size: number,
  selection: BundleSelection,
  allowed: number,
): Promise<readonly number[]> {
  if (selection.kind === "all") return numbers(0, size);
  if (selection.kind === "period") {
    const { from, to } = selection;
    const [row] = await connection.run<{ first: string | null; last: string | null }>(ofPeriod, [
      tenantId,
      size,
      from,
      to,
    ]);
    if (row === undefined || row.first === null) throw nothing(selection);
    return numbers(Number(row.first), Number(row.last) + 1);
  }
  const [statement, what] =
    selection.kind === "process" ? [ofProcess, selection.processId] : [ofAccount, selection.key];
  const rows = await connection.run<{ n: string }>(statement, [tenantId, what, size, allowed + 1]);
  if (rows.length === 0) throw nothing(selection);
  if (rows.length > allowed) {
    throw new Failure(
      "refused",
      "audit-selection-too-large",
      `More than ${allowed} entries are selected. Export an account, a period or the whole log.`,
      { fields: { indexesAllowed: allowed } },
    );
  }
  return rows.map(({ n }) => Number(n));
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

function nothing(selection: BundleSelection): Failure {
  return new Failure("refused", "audit-nothing-selected", "The signed log has no such entry.", {
    fields: { selection: selectionText(selection) },
  });
}
