import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { Failure } from "@entente/core";

/** A folder of documents names in this file what of it we wrote; the rest belongs to somebody else and is left alone. */
export const marker = "generated.json";
const writer = "entente docs";

interface Marker {
  readonly generatedBy: string;
  readonly system: string;
  readonly files: readonly string[];
}

/**
 * Makes the folder hold exactly these files of ours: new ones are written, those of the last run that are gone are removed.
 * `files`: texts by relative name with forward slashes.
 * Errors: `docs-folder-not-ours` (refused; nothing written) when the folder holds something and has no marker of this
 * system, or when a file that somebody else wrote stands in the way; `docs-folder-not-writable` (refused).
 */
export function writeDocs(folder: string, system: string, files: ReadonlyMap<string, string>): void {
  try {
    const ours = filesOfOurs(folder, system);
    const taken = [...files.keys()].find((file) => !ours.has(file) && existsSync(join(folder, file)));
    if (taken !== undefined) throw notOurs(folder, `${taken} was written by somebody else`);
    mkdirSync(folder, { recursive: true });
    // First, so that a run which is cut off is known by the next one.
    writeMarker(folder, system, [...ours, ...files.keys()]);
    for (const [file, text] of files) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    for (const file of ours) if (!files.has(file)) rmSync(join(folder, file), { force: true });
    writeMarker(folder, system, [...files.keys()]);
  } catch (error) {
    throw isOfFiles(error) ? notWritable(folder, error) : error;
  }
}

/** What a folder lacks to be what `writeDocs` would make of it; one sentence each, none when it is current. */
export function staleDocs(folder: string, system: string, files: ReadonlyMap<string, string>): string[] {
  const ours = filesOfOurs(folder, system);
  return [
    ...[...files].flatMap(([file, text]) => {
      if (!existsSync(join(folder, file))) return [`${file} is missing`];
      return readFileSync(join(folder, file), "utf8") === text ? [] : [`${file} says something else`];
    }),
    ...[...ours].filter((file) => !files.has(file)).map((file) => `${file} is of something that is gone`),
  ];
}

function filesOfOurs(folder: string, system: string): Set<string> {
  if (!existsSync(folder)) return new Set();
  const held = readdirSync(folder);
  if (held.length === 0) return new Set();
  const found = held.includes(marker) ? readMarker(readFileSync(join(folder, marker), "utf8")) : null;
  if (found === null) throw notOurs(folder, "it is not empty");
  if (found.system !== system) throw notOurs(folder, `it holds the documents of ${found.system}`);
  // A marker is a file like any other: it must not lead out of the folder.
  return new Set(found.files.filter((file) => resolve(folder, file).startsWith(resolve(folder) + sep)));
}

function readMarker(text: string): Marker | null {
  try {
    const { generatedBy, system, files } = JSON.parse(text) as Partial<Marker>;
    const sound = Array.isArray(files) && files.every((file) => typeof file === "string");
    return generatedBy === writer && typeof system === "string" && sound
      ? { generatedBy, system, files }
      : null;
  } catch {
    return null;
  }
}

function writeMarker(folder: string, system: string, files: readonly string[]): void {
  const content: Marker = { generatedBy: writer, system, files: [...new Set(files)].sort() };
  writeFileSync(join(folder, marker), `${JSON.stringify(content, null, 2)}\n`);
}

function notOurs(folder: string, why: string): Failure {
  return new Failure(
    "refused",
    "docs-folder-not-ours",
    `Nothing was written into ${folder}: ${why}. Choose an empty folder:  --out <dir>`,
    { fields: { folder } },
  );
}

function notWritable(folder: string, cause: unknown): Failure {
  return new Failure(
    "refused",
    "docs-folder-not-writable",
    `Documents cannot be written into ${folder}: ${(cause as Error).message}.`,
    { fields: { folder }, cause },
  );
}

function isOfFiles(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
