import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StoredOutcome } from "../model/replay.ts";
import { manifestFile } from "./bundle.ts";
import { type NoteSigner, type NoteVerifier, openNote, signNote } from "./signed-note.ts";

/**
 * The outcomes of a bundle: what read models said of its process or account when it was exported, and up to which entries. They come from
 * other tables than the evidence, which is what makes comparing them worth anything. Signed for this bundle and no other.
 */

export const outcomesFile = "outcomes.jsonl";
export const outcomesNoteFile = "outcomes.txt";
const title = "Entente audit outcomes, version 1";

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Writes both files beside a manifest that is written already. */
export async function writeOutcomes(
  folder: string,
  outcomes: readonly StoredOutcome[],
  origin: string,
  signer: NoteSigner,
): Promise<void> {
  const lines = outcomes.map((one) => `${JSON.stringify(one)}\n`).join("");
  await writeFile(join(folder, outcomesFile), lines);
  const manifest = await readFile(join(folder, manifestFile), "utf8");
  const said = [
    title,
    `origin ${origin}`,
    `${manifestFile} ${hashOf(manifest)}`,
    `${outcomesFile} ${hashOf(lines)}`,
  ];
  await writeFile(join(folder, outcomesNoteFile), signNote(`${said.join("\n")}\n`, [signer]));
}

/** Outcomes that the key vouches for, or why they are not believed. `absent`: a bundle from before there were any. */
export async function readOutcomes(
  folder: string,
  verifier: NoteVerifier,
): Promise<
  { readonly outcomes: readonly StoredOutcome[] } | { readonly refused: "absent" | "not-as-signed" }
> {
  let note: string;
  let lines: string;
  let manifest: string;
  try {
    [note, lines, manifest] = (await Promise.all(
      [outcomesNoteFile, outcomesFile, manifestFile].map((name) => readFile(join(folder, name), "utf8")),
    )) as [string, string, string];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return { refused: "absent" };
  }
  const opened = openNote(note, [verifier]);
  const expected = [
    title,
    `origin ${verifier.name}`,
    `${manifestFile} ${hashOf(manifest)}`,
    `${outcomesFile} ${hashOf(lines)}`,
    "",
  ].join("\n");
  if ("refused" in opened || opened.text !== expected) return { refused: "not-as-signed" };
  const outcomes = lines
    .split("\n")
    .filter((line) => line !== "")
    // Signed: they are what writeOutcomes wrote.
    .map((line) => JSON.parse(line) as StoredOutcome);
  return { outcomes };
}
