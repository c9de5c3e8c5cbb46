import type { ContractFinding, ContractRule, Severity } from "./contract-finding.ts";
import { type JsonSchema, sameJson, schemaText } from "./json-schema.ts";
import type { TreatyTerms } from "./published-message.ts";
import { schemaFindings } from "./schema-findings.ts";
import { compareVersions, type SnapshotTerms, type SnapshotTreaty } from "./snapshot.ts";

/** Compares treaties with those promised before. The terms break as surely as a schema does, only later and at night. */
export function treatyFindings(
  treaties: readonly TreatyTerms[],
  before: Readonly<Record<string, SnapshotTreaty>>,
): ContractFinding[] {
  const names = new Set(treaties.map(({ name }) => name));
  return [
    ...treaties.flatMap((treaty) => termFindings(treaty, before[treaty.name])),
    ...Object.keys(before)
      .filter((name) => !names.has(name))
      .map((name) =>
        finding(name, "treaty-removed", "breaking", "the treaty is gone; its counterparty is left alone"),
      ),
  ];
}

export function finding(
  treaty: string,
  rule: ContractRule,
  severity: Severity,
  says: string,
): ContractFinding {
  return { rule, severity, subject: `treaty ${treaty}`, says };
}

function termFindings(treaty: TreatyTerms, before: SnapshotTreaty | undefined): ContractFinding[] {
  const { name } = treaty;
  if (before === undefined) return [finding(name, "treaty-added", "compatible", "new")];
  const terms = [
    ...keyFindings(treaty, before),
    ...timeoutFindings(treaty, before),
    ...errorFindings(treaty, before),
  ];
  return [
    ...terms,
    ...sameVersionFindings(treaty, before, terms),
    ...retryFindings(treaty, before),
    ...versionFindings(treaty, before),
    ...messageFindings(treaty, before),
  ];
}

export function keyFindings({ name, idempotencyKey }: TreatyTerms, before: SnapshotTerms): ContractFinding[] {
  if (sameJson(idempotencyKey, before.idempotencyKey)) return [];
  const says =
    `the key was ${before.idempotencyKey.join(" + ")} and is ${idempotencyKey.join(" + ")}: ` +
    "a repeat under the old key would be taken for something new and done twice";
  return [finding(name, "idempotency-key-changed", "breaking", says)];
}

export function timeoutFindings({ name, timeLimits }: TreatyTerms, before: SnapshotTerms): ContractFinding[] {
  const limits = new Set([...Object.keys(before.timeLimits), ...Object.keys(timeLimits)]);
  return [...limits].flatMap((limit) => {
    const [earlier, now] = [before.timeLimits[limit], timeLimits[limit]];
    if (earlier === now) return [];
    const told = (ms: number | undefined) => (ms === undefined ? "no limit" : `${ms} ms`);
    const says = `${limit}: ${told(earlier)} became ${told(now)}`;
    // Where there is no limit, one waits for ever.
    return (now ?? Number.POSITIVE_INFINITY) < (earlier ?? Number.POSITIVE_INFINITY)
      ? [finding(name, "timeout-tightened", "breaking", `${says}: what was in time is now too late`)]
      : [finding(name, "timeout-relaxed", "compatible", says)];
  });
}

export function errorFindings({ name, errors }: TreatyTerms, before: SnapshotTerms): ContractFinding[] {
  return [
    ...Object.entries(before.errors).flatMap(([code, earlier]) => {
      if (!Object.hasOwn(errors, code)) {
        const says = `${code} is gone: whoever acts on it waits in vain`;
        return [finding(name, "error-code-dropped", "breaking", says)];
      }
      if (errors[code] === earlier) return [];
      const says = `${code} meant ${earlier} and means ${errors[code]}: the same answer leads elsewhere`;
      return [finding(name, "error-meaning-changed", "breaking", says)];
    }),
    ...Object.keys(errors)
      .filter((code) => !Object.hasOwn(before.errors, code))
      .map((code) => finding(name, "error-code-added", "compatible", `${code} is new`)),
  ];
}

function retryFindings(
  { name, retry = null }: { name: string; retry?: TreatyTerms["retry"] | null },
  before: SnapshotTreaty,
) {
  if (sameJson(retry, before.retry)) return [];
  const says = `${JSON.stringify(before.retry)} became ${JSON.stringify(retry)}`;
  return [finding(name, "retry-policy-changed", "compatible", says)];
}

/** A request waits in the journal under the version of the treaty that opened it. */
function versionFindings(treaty: TreatyTerms, before: SnapshotTreaty): ContractFinding[] {
  const { name, version, schemas } = treaty;
  const order = compareVersions(version, before.version);
  const says = `version ${version} follows ${before.version}`;
  if (order < 0) {
    return [finding(name, "schema-version-lowered", "breaking", `${says}, which is higher`)];
  }
  if (order > 0) return [finding(name, "schema-changed", "compatible", says)];
  return Object.entries(schemas)
    .filter(([message, { schema }]) => {
      const earlier = before.schemas[message];
      return earlier !== undefined && schemaText(earlier.schema as JsonSchema) !== schemaText(schema);
    })
    .map(([message]) => {
      const same = `the schema of the ${message} is another one, the version is still ${version}`;
      return finding(name, "schema-version-same", "breaking", same);
    });
}

/** A hand-off names the version it was opened with: harder terms under the same name would hide what it was promised. */
function sameVersionFindings(
  { name, version }: TreatyTerms,
  before: SnapshotTreaty,
  terms: readonly ContractFinding[],
): ContractFinding[] {
  if (version !== before.version || !terms.some(({ severity }) => severity === "breaking")) return [];
  const says = `its terms are others, the version is still ${version}: hand-offs opened with either could not be told apart`;
  return [finding(name, "terms-version-same", "breaking", says)];
}

function messageFindings({ name, schemas }: TreatyTerms, before: SnapshotTreaty): ContractFinding[] {
  const removed = Object.keys(before.schemas).filter((message) => !Object.hasOwn(schemas, message));
  return [
    ...Object.entries(schemas).flatMap(([message, { schema, compatibility }]) => {
      const earlier = before.schemas[message];
      if (earlier === undefined)
        return [finding(name, "treaty-schema-added", "compatible", `${message} is new`)];
      const both = compatibility === earlier.compatibility ? compatibility : "full";
      return schemaFindings(
        `treaty ${name} ${message}`,
        before.version,
        earlier.schema as JsonSchema,
        schema,
        both,
      );
    }),
    ...removed.map((message) => finding(name, "treaty-schema-removed", "breaking", `${message} is gone`)),
  ];
}
