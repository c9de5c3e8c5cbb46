import { existsSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Failure, isId, type ReplayRules } from "@entente/core";
import { noteVerifier, type ReplayReport, replayBundle } from "@entente/core/internal";
import { fluxReplay } from "@entente/flux";
import { sayReport } from "./audit.ts";
import { tenantOf } from "./tenant-of-token.ts";

export interface AuditReplayOptions {
  readonly key?: string;
  readonly system?: string;
  readonly tenant?: string;
  readonly keep?: string;
  readonly json?: true;
}

const rulesOf: Readonly<Record<string, ReplayRules>> = { flux: fluxReplay };

/**
 * Rebuilds what a bundle's entries lead to, and compares it with the outcomes that were stored. `what`: the folder of a bundle, read off
 * line; or a process or account, whose bundle is asked of a running system. Environment for the latter: ENTENTE_URL, ENTENTE_TOKEN (an
 * auditor's). Shape: the exit code, 0 when everything agrees.
 * Errors: `system-unknown`, `audit-key-invalid`, `audit-question-invalid`, `audit-bundle-not-given`, `audit-folder-taken` (refused), `system-not-reached` (unavailable).
 */
export async function replayAudit(
  what: string,
  options: AuditReplayOptions,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const { system = "flux" } = options;
  const rules = Object.hasOwn(rulesOf, system) ? rulesOf[system] : undefined;
  if (rules === undefined)
    throw new Failure(
      "refused",
      "system-unknown",
      `There is no system "${system}". There is: ${Object.keys(rulesOf).join(", ")}.`,
    );
  if (existsSync(what) && statSync(what).isDirectory()) return replayFolder(what, rules, options);
  const files = await askForBundle(what, options, environment);
  const folder = options.keep ?? (await mkdtemp(join(tmpdir(), "entente-replay-")));
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeNew(folder, name, text);
    return await replayFolder(folder, rules, options);
  } finally {
    if (options.keep === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** Names come from elsewhere: none may lead out of the folder, and nothing is written over. */
async function writeNew(folder: string, name: string, text: string): Promise<void> {
  if (name !== basename(name) || name.startsWith("."))
    throw new Failure(
      "refused",
      "audit-bundle-not-given",
      `The answer names a file ${JSON.stringify(name)}.`,
    );
  try {
    await writeFile(join(folder, name), text, { flag: "wx" });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new Failure(
      "refused",
      "audit-folder-taken",
      `${folder} has a file ${name} already. Name another folder.`,
      { cause },
    );
  }
}

async function replayFolder(
  folder: string,
  rules: ReplayRules,
  { key, json }: AuditReplayOptions,
): Promise<number> {
  const isTrusted = key !== undefined;
  const text = key === undefined ? await keyOf(folder) : existsSync(key) ? await readFile(key, "utf8") : key;
  const verifier = noteVerifier(text.trim());
  if (verifier === null)
    throw new Failure(
      "refused",
      "audit-key-invalid",
      "This is not the public key of an audit log: name+hash+base64.",
    );
  const report = await replayBundle(folder, { verifier }, rules);
  if (json === true) console.log(JSON.stringify(report, null, 2));
  else tell(report);
  if (!isTrusted)
    console.error(
      "The key is the bundle's own: give the one you trust with --key. This shows that the evidence agrees with itself only.",
    );
  const { bundle, findings, outcomes } = report;
  return bundle.findings.length === 0 && findings.length === 0 && outcomes !== "not-as-signed" ? 0 : 1;
}

function keyOf(folder: string): Promise<string> {
  return readFile(join(folder, "key.txt"), "utf8").catch((cause: unknown) => {
    throw new Failure("refused", "audit-key-invalid", "The bundle has no key: give one with --key.", {
      cause,
    });
  });
}

function tell({ bundle, outcomes, rebuilt, findings }: ReplayReport): void {
  sayReport(bundle);
  if (bundle.findings.length > 0) return;
  for (const { what, id, digest, entries, outcome, agrees } of rebuilt) {
    const verdict = agrees === null ? "no stored outcome" : agrees ? "as stored" : "NOT as stored";
    console.log(`${what} ${id}: ${verdict}; ${entries} entries, sha256 ${digest}`);
    console.log(`  ${JSON.stringify(outcome)}`);
  }
  for (const { what, index, says } of findings)
    console.error(`${what}: ${index === null ? "" : `entry ${index}: `}${says}`);
  if (outcomes === "absent")
    console.error("The bundle holds no stored outcomes: nothing was compared with any.");
  if (outcomes === "not-as-signed")
    console.error("The stored outcomes are not as they were signed: nothing was replayed.");
}

async function askForBundle(
  what: string,
  options: AuditReplayOptions,
  environment: NodeJS.ProcessEnv,
): Promise<Readonly<Record<string, string>>> {
  const token = environment.ENTENTE_TOKEN;
  if (token === undefined || token === "")
    throw questionInvalid(
      `${what} is no folder, and to ask a system for it ENTENTE_TOKEN must be an auditor's token.`,
    );
  const tenant = options.tenant ?? tenantOf(token);
  if (tenant === null) throw questionInvalid("The token names no tenant: say whose log it is with --tenant.");
  const base = environment.ENTENTE_URL || "http://127.0.0.1:8080";
  if (!URL.canParse(base)) throw questionInvalid("ENTENTE_URL is not a URL.");
  const url = new URL(`/audit/${encodeURIComponent(tenant)}/bundle`, base);
  url.searchParams.set(isId(what) ? "process" : "account", what);
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${token}` },
    redirect: "error",
    signal: AbortSignal.timeout(60_000),
  }).catch((cause: unknown) => {
    throw new Failure("unavailable", "system-not-reached", `Nothing answers at ${url.origin}.`, { cause });
  });
  const body = (await answer.json().catch(() => ({}))) as {
    files?: unknown;
    code?: unknown;
    detail?: unknown;
  };
  if (answer.status === 200 && isTexts(body.files)) return body.files;
  const said = typeof body.detail === "string" ? ` ${body.detail}` : "";
  const code = typeof body.code === "string" ? ` (${body.code})` : "";
  throw new Failure(
    "refused",
    "audit-bundle-not-given",
    `The system answered ${answer.status}${code}.${said}`,
  );
}

function isTexts(files: unknown): files is Readonly<Record<string, string>> {
  return (
    typeof files === "object" &&
    files !== null &&
    Object.values(files).every((one) => typeof one === "string")
  );
}

function questionInvalid(text: string): Failure {
  return new Failure("refused", "audit-question-invalid", text);
}
