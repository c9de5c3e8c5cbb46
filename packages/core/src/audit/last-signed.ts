import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure } from "../model/failure.ts";
import { type Checkpoint, checkpointOf, checkpointText } from "./checkpoint.ts";

/**
 * What was signed last, by origin: a file beside the key and outside the database, so that a database that was set back, or whose
 * past was rewritten, is noticed before anything is signed. It is written and flushed before the signature leaves.
 * Shape: checkpoint texts, one after the other, with a blank line between.
 */
export class LastSigned {
  private readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** Null when there is no such file. Errors: `audit-record-unreadable` (refused). */
  async read(): Promise<ReadonlyMap<string, Checkpoint> | null> {
    let text: string;
    try {
      text = await readFile(this.file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw this.unreadable(error);
    }
    const checkpoints = new Map<string, Checkpoint>();
    for (const part of text.split("\n\n")) {
      if (part === "") continue;
      const checkpoint = checkpointOf(part.endsWith("\n") ? part : `${part}\n`);
      if (checkpoint === null) throw this.unreadable(undefined);
      checkpoints.set(checkpoint.origin, checkpoint);
    }
    return checkpoints;
  }

  /** Replaces the file, whole or not at all, and returns once that survives a loss of power. Errors: `audit-record-unreadable`. */
  async write(checkpoints: ReadonlyMap<string, Checkpoint>): Promise<void> {
    const sorted = [...checkpoints.values()].sort((a, b) => (a.origin < b.origin ? -1 : 1));
    const next = `${this.file}.next`;
    try {
      const file = await open(next, "w", 0o600);
      try {
        await file.writeFile(sorted.map((checkpoint) => `${checkpointText(checkpoint)}\n`).join(""));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(next, this.file);
      const folder = await open(dirname(this.file), "r");
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch (error) {
      throw this.unreadable(error);
    }
  }

  private unreadable(cause: unknown): Failure {
    return new Failure(
      "refused",
      "audit-record-unreadable",
      `The record of what was signed last cannot be used: ${this.file}. Nothing is signed.`,
      { cause, fields: { file: this.file } },
    );
  }
}
