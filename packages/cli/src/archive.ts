import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "@entente/core";
import { type ArchiveReport, noteVerifier, verifyArchive } from "@entente/core/internal";

export interface ArchiveVerifyOptions {
  readonly key?: readonly string[];
  readonly digest?: string;
}

/** Verifies one archive and reports. Shape: the exit code. Errors: `audit-key-invalid`, `archive-unknown` (refused). */
export async function verifyOneArchive(file: string, options: ArchiveVerifyOptions): Promise<number> {
  if (!existsSync(file)) throw unknown(file);
  const keys = (options.key ?? []).map(keyText);
  const expected = options.digest === undefined ? {} : { digest: options.digest };
  const report = await verifyArchive(file, { keys, ...expected });
  for (const { what, at, says } of report.findings) {
    console.error(`${what}: ${at === 0 ? "the file" : `line ${at}`}: ${says}`);
  }
  if (report.moreFindings > 0) console.error(`… and ${report.moreFindings} more.`);
  if (report.findings.length > 0) {
    console.error(`NOT as it was written. Findings: ${report.findings.length + report.moreFindings}.`);
    return 1;
  }
  console.error(`Whole: ${textOf(report)}`);
  if (keys.length === 0 && report.proved > 0)
    console.error("Signatures were not looked at: give the public key with --key.");
  if (options.digest === undefined)
    console.error("That it is the file of the journal's entry, its digest says: give it with --digest.");
  return 0;
}

/** Names the archives of a folder, what is in each, and whether it is whole. Shape: the exit code, 1 when one is not. */
export async function listArchives(folder: string): Promise<number> {
  if (!existsSync(folder)) throw unknown(folder);
  let code = 0;
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl.gz"))
    .sort()) {
    const report = await verifyArchive(join(folder, file));
    if (report.findings.length > 0) code = 1;
    console.log(`${file}: ${report.findings.length === 0 ? textOf(report) : "NOT as it was written"}`);
  }
  return code;
}

function textOf({ head, entries, proved, withoutPayload, digest }: ArchiveReport): string {
  const gone =
    withoutPayload === 0 ? "" : `, ${withoutPayload} of them without their payload, which was erased`;
  return `${head?.context} ${head?.month}: ${entries} entries, ${proved} proved by an audit log${gone}; SHA-256 ${digest}`;
}

function keyText(given: string): string {
  const text = existsSync(given) ? readFileSync(given, "utf8").trim() : given;
  if (noteVerifier(text) !== null) return text;
  throw new Failure(
    "refused",
    "audit-key-invalid",
    "This is not the public key of an audit log: name+hash+base64.",
  );
}

function unknown(path: string): Failure {
  return new Failure("refused", "archive-unknown", `There is no ${path}.`, { fields: { path } });
}
