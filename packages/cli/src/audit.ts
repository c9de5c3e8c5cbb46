import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Database, Failure, isFailure, type SystemDefinition, type Treaty } from "@entente/core";
import {
  auditContext,
  type BatchPlace,
  type BundleReport,
  type BundleSelection,
  batchTreaties,
  contextAccess,
  databaseNames,
  exportBundle,
  noteVerifier,
  type OutcomePlace,
  openDatabase,
  originOf,
  startEmbeddedPostgres,
  verifyBundle,
} from "@entente/core/internal";
import { everyCounterparty, flux, fluxWith, stages } from "@entente/flux";
import { auditSigning, makeKey, readKey } from "./audit-key.ts";
import { contextUrlsFromEnvironment } from "./settings-from-environment.ts";

export interface AuditExportOptions {
  readonly tenant: string;
  readonly out: string;
  readonly process?: string;
  readonly account?: string;
  readonly from?: string;
  readonly to?: string;
  readonly known?: readonly string[];
  /** False: without what is stored of it, for instance because the log is behind. */
  readonly outcomes?: boolean;
}

/**
 * Writes a bundle, verifies it, and says with which key its reader does. The embedded server is started for the time of the
 * reading, so the system that owns it must be stopped.
 * Errors: those of exportBundle; `audit-key-missing`, `audit-selection-invalid`, `database-url-missing` (refused); `audit-log-damaged`
 * (conflict) when what was exported does not verify.
 */
export async function exportAudit(
  system: string,
  options: AuditExportOptions,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const home = resolve(environment.ENTENTE_HOME || ".entente");
  const mode = environment.ENTENTE_MODE === "production" ? "production" : "dev";
  const signing = auditSigning(mode, home, environment);
  if (signing === null) {
    throw new Failure(
      "refused",
      "audit-key-missing",
      "A bundle is signed: set ENTENTE_AUDIT_KEY to the file with the key.",
    );
  }
  const selection = selectionOf(options);
  const known = (options.known ?? []).map((file) => readFileSync(file, "utf8"));
  const order = { tenantId: options.tenant, selection, folder: options.out, key: signing.key, known };
  const summary = await withDatabases(system, home, environment, async (database, places, batchPlaces) => {
    const plain = { ...order, batchPlaces };
    if (options.outcomes === false) return exportBundle(database, plain);
    try {
      return await exportBundle(database, { ...plain, places });
    } catch (error) {
      // Nothing was written yet. A system at rest does not catch up, and the evidence there is must not wait for it.
      if (!isFailure(error, "audit-evidence-behind")) throw error;
      console.error(
        "The log has not come to everything that is stored of this: exported without stored outcomes.",
      );
      return exportBundle(database, plain);
    }
  });
  const report = await verifyBundle(options.out, { verifier: verifierOf(summary.verifierKey) });
  if (report.findings.length > 0) {
    sayReport(report);
    throw new Failure(
      "conflict",
      "audit-log-damaged",
      "What was exported is not what was signed: the log was changed by hand.",
    );
  }
  console.log(
    `${summary.entries} entries of ${summary.origin}, which has ${summary.size}, in ${options.out}`,
  );
  console.log(`Verify with: entente audit verify ${options.out} --key '${summary.verifierKey}'`);
}

type Work<Result> = (
  audit: Database,
  places: readonly OutcomePlace[],
  batchPlaces: readonly BatchPlace[],
) => Promise<Result>;

/** Works with the databases of the audit log, of everything whose outcomes go into bundles, and of batches. */
async function withDatabases<Result>(
  system: string,
  home: string,
  environment: NodeJS.ProcessEnv,
  work: Work<Result>,
): Promise<Result> {
  const definition = systemOf(system);
  const withOutcomes = definition.contexts.filter(
    ({ intake, outcomes }) => (intake ?? outcomes) !== undefined,
  );
  const names = [auditContext, ...withOutcomes.map(({ name }) => name)];
  const gathering = gatheringContexts();
  const direct = contextUrlsFromEnvironment(environment, [...names, ...gathering.keys()]);
  const workWith = async (adminUrl: string | undefined): Promise<Result> => {
    const made = adminUrl === undefined ? null : await databaseNames(adminUrl);
    const open = (context: string): Database => {
      const own = direct[context];
      const url = own ?? contextAccess({ system, context, adminUrl: adminUrl as string }).app;
      return openDatabase({ url, applicationName: "entente audit", connections: 2, statementTimeoutMs: 0 });
    };
    const audit = open(auditContext);
    const places = withOutcomes.map((one) => ({ definition: one, database: open(one.name) }));
    const batchPlaces = [...gathering].flatMap(([context, treaties]): BatchPlace[] => {
      if (direct[context] === undefined && made === null) {
        console.error(`No address of ${context} is given: its batches are not looked for.`);
        return [];
      }
      // A context whose counterparty was never configured has no database.
      const isThere = direct[context] !== undefined || made?.has(`${system}_${context}`) === true;
      return isThere ? [{ definition: { treaties }, database: open(context) }] : [];
    });
    try {
      return await work(audit, places, batchPlaces);
    } finally {
      const opened = [...places, ...batchPlaces].map(({ database }) => database);
      await Promise.all([audit, ...opened].map((one) => one.close()));
    }
  };
  const given = environment.ENTENTE_DATABASE_URL || undefined;
  if (given !== undefined || names.every((name) => direct[name] !== undefined)) return workWith(given);
  if (!existsSync(join(home, "postgres"))) {
    throw new Failure(
      "refused",
      "database-url-missing",
      `There is no database to look into: ENTENTE_DATABASE_URL is not set and ${home} holds none.`,
      { fields: { home } },
    );
  }
  const embedded = await startEmbeddedPostgres({ home, log: (line) => console.error(line) });
  try {
    return await workWith(embedded.url);
  } finally {
    await embedded.stop();
  }
}

/** Contexts that gather hand-offs into batches in any stage, and by which treaties: a batch is evidence whatever the stage is now. */
function gatheringContexts(): ReadonlyMap<string, readonly Treaty[]> {
  const contexts = stages.flatMap((stage) => fluxWith(everyCounterparty, stage).contexts);
  const gathering = new Map<string, Treaty[]>();
  for (const { name, treaties } of contexts) {
    const known = gathering.get(name) ?? [];
    const added = batchTreaties(treaties).filter((one) => !known.some((other) => other.name === one.name));
    if (added.length > 0) gathering.set(name, [...known, ...added]);
  }
  return gathering;
}

/** Errors: `system-unknown` (refused). */
function systemOf(name: string): SystemDefinition {
  if (name === flux.name) return flux;
  throw new Failure("refused", "system-unknown", `There is no system "${name}". There is: ${flux.name}.`);
}

/** Which entries the options ask for; none: all. */
export function selectionOf(options: AuditExportOptions): BundleSelection {
  const { process: processId, account: key, from, to } = options;
  const byTime = from !== undefined || to !== undefined;
  if ([processId !== undefined, key !== undefined, byTime].filter(Boolean).length > 1)
    throw selectionInvalid("Choose one of --process, --account and --from/--to.");
  if (processId !== undefined) {
    if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(processId))
      throw selectionInvalid(`"${processId}" is not the id of a process.`);
    return { kind: "process", processId };
  }
  if (key !== undefined) return { kind: "account", key };
  if (!byTime) return { kind: "all" };
  const period = { from: timeOf(from, 0), to: timeOf(to, 8_640_000_000_000_000) };
  if (period.from >= period.to) throw selectionInvalid("--to must be after --from.");
  return { kind: "period", ...period };
}

function timeOf(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw selectionInvalid(`"${text}" is not a time.`);
  return at;
}

function selectionInvalid(text: string): Failure {
  return new Failure("refused", "audit-selection-invalid", text);
}

export interface AuditVerifyOptions {
  readonly key: string;
  readonly known?: readonly string[];
  readonly list?: true;
}

/** Verifies and reports. Shape: the exit code. Errors: `audit-key-invalid` (refused). */
export async function verifyAudit(bundle: string, options: AuditVerifyOptions): Promise<number> {
  const verifier = verifierOf(
    existsSync(options.key) ? readFileSync(options.key, "utf8").trim() : options.key,
  );
  const known = (options.known ?? []).map((file) => readFileSync(file, "utf8"));
  const report = await verifyBundle(bundle, { verifier, known }, (index, leaf, payload) => {
    if (options.list !== true) return;
    const { commitment, ...said } = leaf;
    console.log(
      JSON.stringify({
        index,
        ...said,
        commitment: commitment.toString("hex"),
        payload: payload === null ? null : JSON.parse(payload),
      }),
    );
  });
  sayReport(report);
  return report.findings.length === 0 ? 0 : 1;
}

/** Tells people what verifying found. */
export function sayReport({
  origin,
  selection,
  size,
  entries,
  erased,
  closed,
  findings,
  moreFindings,
}: BundleReport): void {
  for (const { what, place, says } of findings) console.error(`${what}: ${place}: ${says}`);
  if (moreFindings > 0) console.error(`… and ${moreFindings} more.`);
  if (findings.length > 0) {
    console.error(`NOT as it was signed. Findings: ${findings.length + moreFindings}.`);
    return;
  }
  const gone = erased === 0 ? "" : `, ${erased} of them without their payload, which was erased`;
  const held = closed === 0 ? "" : `, ${closed} of them closed, because they may speak of others`;
  console.error(
    `Verified: ${entries} entries (${selection}) of the log ${origin}, which has ${size}${gone}${held}.`,
  );
}

function verifierOf(text: string) {
  const verifier = noteVerifier(text);
  if (verifier !== null) return verifier;
  throw new Failure(
    "refused",
    "audit-key-invalid",
    "This is not the public key of an audit log: name+hash+base64.",
  );
}

/** Makes the key when there is none, and prints a public key. */
export function auditKey(file: string, options: { readonly name?: string; readonly tenant?: string }): void {
  const key = existsSync(file) || options.name === undefined ? readKey(file) : makeKey(file, options.name);
  const name = options.tenant === undefined ? key.name : originOf(key.name, options.tenant);
  console.log(key.named(name).verifierKey);
}
