import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../model/failure.ts";
import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import { type NoteVerifier, openNote } from "./signed-note.ts";

/** A checkpoint that we signed and that somebody outside kept. */
export interface WitnessedNote extends Checkpoint {
  /** The file it was found in. */
  readonly file: string;
}

/** Files that are read from one folder: whoever keeps more does not need all of them, the newest of each log says most. */
const filesAllowed = 10_000;

/**
 * Checkpoints as somebody outside kept them: a file, or a folder of files, each with signed notes one after the other. What the
 * database and the record beside the key say can be set back together; what others hold cannot.
 * Notes of other keys, and of logs that are not ours, are passed over.
 */
export class WitnessedNotes {
  private readonly path: string;
  private readonly verifierOf: (origin: string) => NoteVerifier | null;
  /** By file: what it was when it was read, and what it says. Signatures are verified once. */
  private read: ReadonlyMap<string, { readonly state: string; readonly notes: readonly WitnessedNote[] }> =
    new Map();

  /** `verifierOf`: our key under the name of a log; null for an origin that is none of ours. */
  constructor(path: string, verifierOf: (origin: string) => NoteVerifier | null) {
    this.path = path;
    this.verifierOf = verifierOf;
  }

  /**
   * By origin. Hidden files and folders in the folder are passed over; an empty folder says nothing.
   * Errors: `audit-witness-unreadable` (refused) when there is nothing at the path, when a file cannot be read or holds something else
   * than signed notes, or when a note has a false signature of ours.
   */
  async all(): Promise<ReadonlyMap<string, readonly WitnessedNote[]>> {
    const next = new Map<string, { state: string; notes: readonly WitnessedNote[] }>();
    for (const file of await this.files()) {
      try {
        const { ino, size, mtimeMs } = await stat(file);
        const state = `${ino} ${size} ${mtimeMs}`;
        const before = this.read.get(file);
        next.set(
          file,
          before?.state === state
            ? before
            : { state, notes: this.notesOf(file, await readFile(file, "utf8")) },
        );
      } catch (error) {
        throw error instanceof Failure ? error : unreadable(file, "cannot be read", error);
      }
    }
    this.read = next;
    return Map.groupBy(
      [...next.values()].flatMap(({ notes }) => notes),
      ({ origin }) => origin,
    );
  }

  private async files(): Promise<readonly string[]> {
    try {
      if ((await stat(this.path)).isFile()) return [this.path];
      const entries = await readdir(this.path, { withFileTypes: true });
      const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."));
      if (files.length > filesAllowed)
        throw unreadable(this.path, `has more than ${filesAllowed} files`, undefined);
      return files.map(({ name }) => join(this.path, name)).sort();
    } catch (error) {
      throw error instanceof Failure ? error : unreadable(this.path, "cannot be read", error);
    }
  }

  private notesOf(file: string, text: string): readonly WitnessedNote[] {
    const notes = notesIn(text);
    // What was cut off on its way here must not count as nothing to say.
    if (notes.length === 0) throw unreadable(file, "holds no signed note", undefined);
    return notes.flatMap((note) => {
      const well = openNote(note, []);
      if ("refused" in well && well.refused === "note-malformed")
        throw unreadable(file, "holds something else than signed notes", undefined);
      const verifier = this.verifierOf(note.slice(0, note.indexOf("\n")));
      if (verifier === null) return [];
      const checkpoint = openCheckpoint(note, verifier);
      // Every log begins with an empty one.
      if (!("refused" in checkpoint)) return checkpoint.size === 0 ? [] : [{ ...checkpoint, file }];
      if (checkpoint.refused === "note-unsigned") return [];
      throw unreadable(
        file,
        `holds a note under our name that we did not sign (${checkpoint.refused})`,
        undefined,
      );
    });
  }
}

/** A note ends with its lines of signatures; the next one begins with a line that is none. */
function notesIn(text: string): readonly string[] {
  return text
    .split(/(?<=^— [^\n]*\n)(?!— )/m)
    .map((note) => note.replace(/^\n+/, ""))
    .filter((note) => note !== "");
}

function unreadable(file: string, why: string, cause: unknown): Failure {
  const text = `What somebody outside kept of the audit log cannot be used: ${file} ${why}. Nothing is signed.`;
  return new Failure("refused", "audit-witness-unreadable", text, { cause, fields: { file } });
}
