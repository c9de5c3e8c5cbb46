import { createHash } from "node:crypto";
import { mkdir, open, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Failure } from "../model/failure.ts";
import type { StoredOutcome } from "../model/replay.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { addBelonging, type BatchPlace, type Belonging, selectionTooLarge } from "./belonging-entries.ts";
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
import { decodeLeaf } from "./leaf.ts";
import type { LeafRange } from "./merkle-tree.ts";
import { writeOutcomes } from "./outcomes.ts";
import {
  LogTiles,
  missingEntry,
  readCheckpoints,
  readLeaves,
  readLeavesAt,
  type StoredLeaf,
} from "./read-audit-log.ts";
import { evidencedFrom, type OutcomePlace, readStoredOutcomes } from "./read-outcomes.ts";
import { keyDigest } from "./sheet.ts";
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
  /** Contexts in which the batches of a process or account are looked for (default: `places`). */
  readonly batchPlaces?: readonly BatchPlace[];
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
  const { indexes, closed } = await selectedOf(database, size, order);
  await takeFolder(folder);
  const tiles = new LogTiles(database, tenantId, size);
  const proofs = await tiles.consistency(sizes);
  const checkpoints = sizes.map((one, i): CheckpointLine => {
    return { note: bySize.get(one) as string, proof: (proofs[i] ?? []).map(base64) };
  });
  const checkpointsHash = await writeLines(join(folder, checkpointsFile), [checkpoints]);
  const erased: number[] = [];
  const pages = entryPages(database, tenantId, tiles, { indexes, closed }, (index) => erased.push(index));
  const entriesHash = await writeLines(join(folder, entriesFile), pages);
  const said = { origin, selection: selectionText(selection), size, indexes, erased, closed: [...closed] };
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
  { indexes, closed }: Belonging,
  erased: (index: number) => void,
): AsyncGenerator<EntryLine[]> {
  for (let at = 0; at < indexes.length; at += pageEntries) {
    const page = indexes.slice(at, at + pageEntries);
    const leaves = new Map((await readLeavesAt(connection, tenantId, page)).map((leaf) => [leaf.n, leaf]));
    const missing = page.find((index) => !leaves.has(index));
    if (missing !== undefined) throw missingEntry(tenantId, missing);
    const proofs = await tiles.inclusion(page);
    tiles.forget();
    for (const { n, payload } of leaves.values()) if (payload === null && !closed.has(n)) erased(n);
    yield page.map((index, i) => {
      const { n, leaf, ...opening } = leaves.get(index) as StoredLeaf;
      const given = closed.has(index) ? { nonce: null, payload: null } : opening;
      return entryLine({ n, leaf, ...given }, proofs[i] ?? []);
    });
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
  text: `select s.first + p.place - 1 as n from entente.audit_sheet s
    cross join lateral unnest(array_positions(s.process_ids, $2::uuid)) as p(place)
    where s.tenant_id = $1 and s.process_ids @> array[$2::uuid] and s.first + p.place - 1 < $3 order by n limit $4`,
};

const ofAccount: Statement = {
  name: "audit-select-account",
  text: `select s.first + p.place - 1 as n from entente.audit_sheet s
    cross join lateral unnest(array_positions(s.keys, $2::uuid)) as p(place)
    where s.tenant_id = $1 and s.keys @> array[$2::uuid] and s.first + p.place - 1 < $3 order by n limit $4`,
};

/** The sheet nearest to the log's beginning, or to its end, of those between two entries that may hold something of the period. */
const ofPeriod = (name: string, order: string): Statement => ({
  name: `audit-select-period-${name}`,
  text: `select first, first + entries as after from entente.audit_sheet
    where tenant_id = $1 and first >= $2 and first < $3 and last_at >= to_timestamp($4::float8 / 1000)
      and first_at < to_timestamp($5::float8 / 1000) order by first ${order} limit 1`,
});
const firstOfPeriod = ofPeriod("first", "asc");
const lastOfPeriod = ofPeriod("last", "desc");

/** The range from the period's first entry to its last. Between these two nothing is left out, so that the reader sees that nothing is. */
async function periodRange(
  connection: Connection,
  tenantId: string,
  size: number,
  { from, to }: BundleSelection & { readonly kind: "period" },
): Promise<LeafRange | null> {
  let low = 0;
  let high = size;
  const within = async (statement: Statement): Promise<{ sheet: LeafRange; found: number[] } | null> => {
    const values = [tenantId, low, high, from, to];
    const [row] = await connection.run<{ first: string; after: string }>(statement, values);
    if (row === undefined) return null;
    const sheet = { from: Number(row.first), to: Math.min(Number(row.after), size) };
    const leaves = await readLeaves(connection, tenantId, sheet);
    const found = leaves.filter(({ leaf }) => {
      const at = decodeLeaf(leaf)?.occurredAt;
      return at !== undefined && at >= from && at < to;
    });
    return { sheet, found: found.map(({ n }) => n) };
  };
  for (;;) {
    const ahead = await within(firstOfPeriod);
    if (ahead === null) return null;
    low = ahead.found[0] ?? ahead.sheet.to;
    if (ahead.found.length > 0) break;
  }
  const first = low;
  low = 0;
  for (;;) {
    const behind = await within(lastOfPeriod);
    const last = behind?.found.at(-1);
    if (behind === null || last !== undefined) return { from: first, to: (last ?? first) + 1 };
    high = behind.sheet.from;
  }
}

/** The entries of a bundle: of a process or account with what belongs to them. */
async function selectedOf(
  connection: Connection,
  size: number,
  {
    tenantId,
    selection,
    places = [],
    batchPlaces = places,
    entriesAllowed: allowed = indexesAllowed,
  }: BundleOrder,
): Promise<Belonging> {
  const indexes = await selected(connection, tenantId, size, selection, allowed);
  // Nothing is closed to whoever exports a period or the whole log.
  if (selection.kind === "all" || selection.kind === "period") return { indexes, closed: new Set() };
  return addBelonging({ connection, tenantId, size }, batchPlaces, indexes, allowed);
}

async function selected(
  connection: Connection,
  tenantId: string,
  size: number,
  selection: BundleSelection,
  allowed: number,
): Promise<readonly number[]> {
  if (selection.kind === "all") return numbers(0, size);
  if (selection.kind === "period") {
    const range = await periodRange(connection, tenantId, size, selection);
    if (range === null) throw nothing(selection);
    return numbers(range.from, range.to);
  }
  const [statement, what] =
    selection.kind === "process"
      ? [ofProcess, selection.processId]
      : [ofAccount, keyDigest(tenantId, selection.key)];
  const rows = await connection.run<{ n: string }>(statement, [tenantId, what, size, allowed + 1]);
  if (rows.length === 0) throw nothing(selection);
  if (rows.length > allowed) throw selectionTooLarge(allowed);
  return rows.map(({ n }) => Number(n));
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

function nothing(selection: BundleSelection): Failure {
  return new Failure("refused", "audit-nothing-selected", "The signed log has no such entry.", {
    fields: { selection: selectionText(selection) },
  });
}
