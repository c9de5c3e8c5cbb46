import { type NoteSigner, type NoteVerifier, openNote, signNote } from "./signed-note.ts";

/**
 * A bundle: part of one tenant's audit log in a folder, with everything that is needed to verify it but the key one trusts.
 * Files and fields are described for strangers in docs/reference/audit-log.md.
 */

export const manifestFile = "manifest.txt";
export const entriesFile = "entries.jsonl";
export const checkpointsFile = "checkpoints.jsonl";
export const keyFile = "key.txt";
export const readmeFile = "README.md";

/** Which entries of a log. `from` and `to` are epoch milliseconds, business time; `to` is not in it. */
export type BundleSelection =
  | { readonly kind: "all" }
  | { readonly kind: "process"; readonly processId: string }
  | { readonly kind: "account"; readonly key: string }
  | { readonly kind: "period"; readonly from: number; readonly to: number };

/** A line of entries.jsonl. Hashes and bytes in base64; the payload is the very text that was committed to. */
export interface EntryLine {
  readonly index: number;
  readonly leaf: string;
  /** Both null once they were erased, and of a closed entry. */
  readonly nonce: string | null;
  readonly payload: string | null;
  readonly proof: readonly string[];
}

/** A line of checkpoints.jsonl: a signed checkpoint and the proof that the bundle's newest begins with it. Oldest first. */
export interface CheckpointLine {
  readonly note: string;
  readonly proof: readonly string[];
}

/** What the exporter signs: which entries there are, and the files as they were written. */
export interface Manifest {
  readonly origin: string;
  readonly selection: string;
  /** Of the newest checkpoint, which all proofs lead to. */
  readonly size: number;
  /** Ascending. */
  readonly indexes: readonly number[];
  /** Those of them whose payload had been erased. */
  readonly erased: readonly number[];
  /** Those of them whose opening is held back, because it may speak of others. */
  readonly closed: readonly number[];
  /** SHA-256 of the files, hexadecimal. */
  readonly entriesHash: string;
  readonly checkpointsHash: string;
}

const title = "Entente audit bundle, version 1";

export function selectionText(selection: BundleSelection): string {
  switch (selection.kind) {
    case "all":
      return "all";
    case "process":
      return `process ${selection.processId}`;
    case "account":
      return `account ${encodeURIComponent(selection.key)}`;
    case "period":
      return `period ${new Date(selection.from).toISOString()} ${new Date(selection.to).toISOString()}`;
  }
}

/** The manifest as a signed note. Its first lines are those of no checkpoint, so that neither stands in for the other. */
export function signManifest(manifest: Manifest, signer: NoteSigner): string {
  const { origin, selection, size, indexes, erased, closed, entriesHash, checkpointsHash } = manifest;
  const lines = [
    title,
    `origin ${origin}`,
    `selection ${selection}`,
    `size ${size}`,
    `entries ${indexes.length}`,
    `indexes ${rangesText(indexes)}`,
    `erased ${erased.length === 0 ? "none" : rangesText(erased)}`,
    // Not in a manifest of before there were any: archives go on to be read.
    ...(closed.length === 0 ? [] : [`closed ${rangesText(closed)}`]),
    `${entriesFile} ${entriesHash}`,
    `${checkpointsFile} ${checkpointsHash}`,
  ];
  return signNote(`${lines.join("\n")}\n`, [signer]);
}

/** The manifest of a note that the verifier vouches for, or why it is not believed. */
export function openManifest(
  note: string,
  verifier: NoteVerifier,
):
  | Manifest
  | { readonly refused: "note-malformed" | "note-unsigned" | "note-forged" | "manifest-malformed" } {
  const opened = openNote(note, [verifier]);
  if ("refused" in opened) return opened;
  return readManifest(opened.text) ?? { refused: "manifest-malformed" };
}

function readManifest(text: string): Manifest | null {
  const pattern = new RegExp(
    `^${RegExp.escape(title)}\\norigin (\\S+)\\nselection (.+)\\nsize (\\d{1,15})\\nentries (\\d{1,15})\\n` +
      `indexes (\\S+)\\nerased (\\S+)\\n(?:closed (\\S+)\\n)?${RegExp.escape(entriesFile)} ([0-9a-f]{64})\\n${RegExp.escape(checkpointsFile)} ([0-9a-f]{64})\\n$`,
  );
  const [
    matched,
    origin = "",
    selection = "",
    size,
    count,
    ranges = "",
    erasedText = "",
    closedText = "none",
    entriesHash = "",
    checkpointsHash = "",
  ] = pattern.exec(text) ?? [];
  if (matched === undefined) return null;
  const indexes = indexesOf(ranges, Number(size));
  const erased = erasedText === "none" ? [] : indexesOf(erasedText, Number(size));
  const closed = closedText === "none" ? [] : indexesOf(closedText, Number(size));
  if (indexes === null || erased === null || closed === null || indexes.length !== Number(count)) return null;
  return { origin, selection, size: Number(size), indexes, erased, closed, entriesHash, checkpointsHash };
}

/** `0-4,7,9-10` for ascending numbers. */
export function rangesText(indexes: readonly number[]): string {
  const ranges: string[] = [];
  for (let i = 0; i < indexes.length; ) {
    const from = indexes[i] as number;
    let end = i;
    while (indexes[end + 1] === (indexes[end] as number) + 1) end++;
    ranges.push(end === i ? `${from}` : `${from}-${indexes[end]}`);
    i = end + 1;
  }
  return ranges.join(",");
}

function indexesOf(ranges: string, size: number): number[] | null {
  const indexes: number[] = [];
  for (const range of ranges.split(",")) {
    const [matched, from, to = from] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(range) ?? [];
    if (matched === undefined || Number(to) >= size || Number(from) <= (indexes.at(-1) ?? -1)) return null;
    for (let index = Number(from); index <= Number(to); index++) indexes.push(index);
  }
  return indexes;
}
