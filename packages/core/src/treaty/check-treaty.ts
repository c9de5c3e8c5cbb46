import type { TSchema } from "typebox";
import { Failure } from "../model/failure.ts";
import { answerClasses } from "../model/hand-off-answer.ts";
import { answeredHere } from "./call-budget.ts";
import { runbookEntries, sheetTextEntries, styleQuestions, treatyQuestions } from "./contract-sheet.ts";
import { isFollowingTreaty, isHandOffTreaty, isReadingTreaty, type Treaty, withDefaults } from "./treaty.ts";
import { contradictionsIn } from "./treaty-style.ts";

type Members = Readonly<Record<string, unknown>>;

const actingKinds = new Set(["command-with-callback", "event-feed", "file-exchange", "control-plane-sync"]);
const readingKinds = new Set(["synchronous-query", "table-replication"]);
const followingKinds = new Set(["change-feed"]);

/**
 * Takes a treaty from anywhere and gives it back, with its defaults, when nothing is missing and nothing contradicts its kind.
 * Errors, both refused and with everything at once, as paths: `treaty-incomplete`, in `missing`; `treaty-contradicts-itself`, in
 * `contradictions`, with why in the text.
 */
export function checkTreaty(given: unknown): Treaty {
  const missing = missingIn(given);
  if (missing.length > 0) throw incomplete(given, missing);
  // Nothing is missing: it has the members of its kind.
  const treaty = given as Treaty;
  const contradictions = contradictionsIn(treaty);
  if (contradictions.length === 0) return isHandOffTreaty(treaty) ? withDefaults(treaty) : treaty;
  const { name } = treaty;
  const says = contradictions.map(({ path, why }) => `${path}: ${why}`).join("; ");
  throw new Failure(
    "refused",
    "treaty-contradicts-itself",
    `The treaty ${name} does not start: it says what a ${treaty.kind} cannot be (${says}).`,
    { fields: { treaty: name, contradictions: contradictions.map(({ path }) => path) } },
  );
}

function incomplete(given: unknown, missing: readonly string[]): Failure {
  const name = isMembers(given) && typeof given.name === "string" ? given.name : "?";
  return new Failure(
    "refused",
    "treaty-incomplete",
    `The treaty ${name} does not start: ${missing.length} entries are missing or wrong (${missing.join(", ")}).`,
    { fields: { treaty: name, missing } },
  );
}

/** Paths of what is missing or of the wrong shape, in the order of the declaration. */
export function missingIn(given: unknown): readonly string[] {
  if (!isMembers(given)) return ["treaty"];
  const missing: string[] = [];
  const want = (path: string, ok: boolean): void => {
    if (!ok) missing.push(path);
  };
  for (const name of ["name", "version", "target"]) want(name, isText(given[name]));
  const kind = String(given.kind);
  want("kind", actingKinds.has(kind) || readingKinds.has(kind) || followingKinds.has(kind));
  wantTexts(want, given, "sheet", sheetTextEntries);
  wantTexts(want, given, "runbook", runbookEntries);
  wantTexts(want, given, "answers", treatyQuestions);
  const style = members(given.style);
  for (const question of styleQuestions) want(`style.${question}`, typeof style[question] === "boolean");
  want("credentials", isTexts(given.credentials));
  const { relation } = given;
  want("relation", relation === undefined || relation === "customer-supplier" || relation === "conformist");
  if (given.budgets !== undefined) wantBudgets(want, given.budgets);
  wantErrorMap(want, given.errorMap);
  want("input", isMembers(given.input));
  want("output", isMembers(given.output));
  if (followingKinds.has(kind)) {
    wantFollowing(want, given);
    return missing;
  }
  want("translate", typeof given.translate === "function");
  if (readingKinds.has(kind)) wantReading(want, given);
  else wantActing(want, given);
  return missing;
}

type Want = (path: string, ok: boolean) => void;

function wantActing(want: Want, given: Members): void {
  want("purpose", isText(given.purpose));
  want("factsFrom", isTexts(given.factsFrom));
  want("facts", isTexts(given.facts));
  // `inquire` is the reconciliation path: without it nobody could ever leave `unknown`.
  for (const name of ["request", "send", "inquire"]) want(name, typeof given[name] === "function");
  const times = members(given.times);
  for (const name of [
    "answerWithinMs",
    "retryFirstMs",
    "retryLongestMs",
    "inFlightMs",
    "resultWithinMs",
    "personAfterMs",
  ]) {
    want(`times.${name}`, isPositive(times[name]));
  }
  const { reconcileEveryMs } = times;
  want("times.reconcileEveryMs", reconcileEveryMs === undefined || isPositive(reconcileEveryMs));
  const limits = members(given.limits);
  for (const name of ["concurrency", "ratePerSecond", "triesAllowed", "circuitFailures", "circuitOpenMs"]) {
    want(`limits.${name}`, isPositive(limits[name]));
  }
  want("order", given.order === "per-key" || given.order === "none");
  if (given.batch !== undefined) want("batch.rowsAllowed", isPositive(members(given.batch).rowsAllowed));
  if (given.totals !== undefined) {
    const totals = members(given.totals);
    for (const name of ["ofAct", "readPage"]) want(`totals.${name}`, typeof totals[name] === "function");
    want("totals.closesAfterMs", isPositive(totals.closesAfterMs));
    want("totals.days", isPositive(totals.days) && Number(totals.days) <= 31);
    want("totals.heldAtOnce", totals.heldAtOnce === undefined || isPositive(totals.heldAtOnce));
  }
  if (given.callback !== undefined) {
    const callback = members(given.callback);
    want("callback.schema", isMembers(callback.schema));
    want("callback.verification", isMembers(callback.verification));
    want("callback.identify", typeof callback.identify === "function");
  }
}

function wantReading(want: Want, given: Members): void {
  want("ask", typeof given.ask === "function");
  want("timeoutMs", isPositive(given.timeoutMs));
  want("staleAllowedMs", typeof given.staleAllowedMs === "number" && given.staleAllowedMs >= 0);
  const limits = members(given.limits);
  for (const name of ["concurrency", "ratePerSecond"]) want(`limits.${name}`, isPositive(limits[name]));
}

function wantFollowing(want: Want, given: Members): void {
  want("tenantId", isText(given.tenantId));
  for (const name of ["listen", "readPage", "tells", "tellsGone"])
    want(name, typeof given[name] === "function");
  const times = members(given.times);
  for (const name of ["answerWithinMs", "quietMs", "retryFirstMs", "retryLongestMs", "readAllEveryMs"])
    want(`times.${name}`, isPositive(times[name]));
}

function wantTexts(want: Want, given: Members, part: string, entries: readonly string[]): void {
  const found = members(given[part]);
  for (const entry of entries) want(`${part}.${entry}`, isText(found[entry]));
}

function wantBudgets(want: Want, given: unknown): void {
  want("budgets", Array.isArray(given));
  for (const [n, budget] of (Array.isArray(given) ? given : []).entries()) {
    const { name, perDay, warnAtShare } = members(budget);
    want(`budgets.${n}.name`, isText(name) && name !== answeredHere);
    want(`budgets.${n}.perDay`, isPositive(perDay));
    want(`budgets.${n}.warnAtShare`, isPositive(warnAtShare) && Number(warnAtShare) <= 1);
  }
}

function wantErrorMap(want: Want, given: unknown): void {
  want("errorMap", isMembers(given) && Object.keys(given).length > 0);
  for (const [code, meaning] of Object.entries(members(given))) {
    const { class: answerClass, means } = members(meaning) as { class?: unknown; means?: unknown };
    want(`errorMap.${code}`, answerClasses.some((known) => known === answerClass) && isText(means));
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function members(value: unknown): Members {
  return isMembers(value) ? value : {};
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "";
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isPositive(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

/** The contract sheet with its 21 entries, as the registry and the documents show it. */
export function contractSheet(treaty: Treaty): Readonly<Record<string, string | TSchema>> {
  const { sheet, runbook } = treaty;
  const acting = isHandOffTreaty(treaty) ? treaty : null;
  return {
    name: `${treaty.name} ${treaty.version}`,
    purpose: sheet.purpose,
    owner: sheet.owner,
    authority: sheet.authority,
    direction: sheet.direction,
    protocol: sheet.protocol,
    trigger: sheet.trigger,
    inputSchema: treaty.input,
    outputSchema: treaty.output,
    idempotencyKey:
      acting === null
        ? "none: it only reads"
        : `tenant, aggregate, line, ${treaty.target}, ${acting.purpose}, attempt`,
    correlationId: sheet.correlationId,
    tenantPropagation: sheet.tenantPropagation,
    timeout:
      acting === null
        ? readingTimeout(treaty)
        : `${acting.times.answerWithinMs} ms for an answer, ${acting.times.resultWithinMs} ms for the result`,
    retryPolicy:
      acting === null
        ? runbook.retryPolicy
        : `${acting.limits.triesAllowed} sendings at most, after ${acting.times.retryFirstMs} to ${acting.times.retryLongestMs} ms; what may have happened is asked about first`,
    errorMapping: Object.entries(treaty.errorMap)
      .map(([code, meaning]) => `${code}: ${meaning.class}`)
      .join(", "),
    stateImpact: sheet.stateImpact,
    auditEvidence: sheet.auditEvidence,
    replayBehaviour: sheet.replayBehaviour,
    reconciliationPath: sheet.reconciliationPath,
    securityControl: sheet.securityControl,
    dashboard: sheet.dashboard,
  };
}

function readingTimeout(treaty: Treaty): string {
  if (isReadingTreaty(treaty)) return `${treaty.timeoutMs} ms`;
  if (!isFollowingTreaty(treaty)) return "";
  return `${treaty.times.answerWithinMs} ms for an answer, ${treaty.times.quietMs} ms for news`;
}

/** Where each of the ten concerns of an integration is taken care of. */
export const treatyParts: Readonly<Record<string, string>> = {
  port: "request and tells of the treaty",
  commandService: "advance-hand-offs.ts",
  repository: "hand-off-rows.ts",
  entity: "model/hand-off.ts",
  outboxMapper: "send of the treaty, called by the courier after the commit",
  callbackConsumer: "hand-off-desk.ts",
  reconciliation: "reconcile.ts and inquire of the treaty",
  errorMapper: "errorMap and translate of the treaty",
  auditRecorder: "hand-off-entries.ts",
  securityVerifier: "receive-callback.ts",
};
