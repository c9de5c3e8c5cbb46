import { hashBytes } from "./merkle-tree.ts";
import { type NoteRefusal, type NoteSigner, type NoteVerifier, openNote, signNote } from "./signed-note.ts";

/** A log's word about itself: its origin, how many entries it has, and the root over them. Text as c2sp.org/tlog-checkpoint has it. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString("base64")}\n`;
}

/** The checkpoint a note's text says, or null. Extension lines are passed over. */
export function checkpointOf(text: string): Checkpoint | null {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.includes("")) return null;
  const [origin = "", size = "", base64 = ""] = lines;
  const root = Buffer.from(base64, "base64");
  if (origin === "" || !/^(?:0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    return null;
  if (root.length !== hashBytes || root.toString("base64") !== base64) return null;
  return { origin, size: Number(size), root };
}

export function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): string {
  return signNote(checkpointText(checkpoint), [signer]);
}

/** The checkpoint of a note that the verifier vouches for, and that is of the log the verifier is named for. */
export function openCheckpoint(
  note: string,
  verifier: NoteVerifier,
): Checkpoint | { readonly refused: NoteRefusal | "checkpoint-malformed" | "checkpoint-of-another-log" } {
  const opened = openNote(note, [verifier]);
  if ("refused" in opened) return opened;
  const checkpoint = checkpointOf(opened.text);
  if (checkpoint === null) return { refused: "checkpoint-malformed" };
  return checkpoint.origin === verifier.name ? checkpoint : { refused: "checkpoint-of-another-log" };
}
