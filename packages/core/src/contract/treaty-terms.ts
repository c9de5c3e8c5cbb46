import type { ContractFinding, ContractRule, Severity } from "./contract-finding.ts";
import { type JsonSchema, sameJson } from "./json-schema.ts";
import type { TreatyTerms } from "./published-message.ts";
import { schemaFindings } from "./schema-findings.ts";
import type { SnapshotTreaty } from "./snapshot.ts";

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

function finding(treaty: string, rule: ContractRule, severity: Severity, says: string): ContractFinding {
  return { rule, severity, subject: `treaty ${treaty}`, says };
}

function termFindings(treaty: TreatyTerms, before: SnapshotTreaty | undefined): ContractFinding[] {
  const { name } = treaty;
  if (before === undefined) return [finding(name, "treaty-added", "compatible", "new")];
  return [
    ...keyFindings(treaty, before),
    ...timeoutFindings(treaty, before),
    ...errorFindings(treaty, before),
    ...retryFindings(treaty, before),
    ...messageFindings(treaty, before),
  ];
}

function keyFindings({ name, idempotencyKey }: TreatyTerms, before: SnapshotTreaty): ContractFinding[] {
  if (sameJson(idempotencyKey, before.idempotencyKey)) return [];
  const says =
    `the key was ${before.idempotencyKey.join(" + ")} and is ${idempotencyKey.join(" + ")}: ` +
    "a repeat under the old key would be taken for something new and done twice";
  return [finding(name, "idempotency-key-changed", "breaking", says)];
}

function timeoutFindings({ name, timeoutMs }: TreatyTerms, before: SnapshotTreaty): ContractFinding[] {
  if (timeoutMs === before.timeoutMs) return [];
  const says = `${before.timeoutMs} ms became ${timeoutMs} ms`;
  return timeoutMs < before.timeoutMs
    ? [
        finding(
          name,
          "timeout-tightened",
          "breaking",
          `${says}: answers that were in time are now unknown outcomes`,
        ),
      ]
    : [finding(name, "timeout-relaxed", "compatible", says)];
}

function errorFindings({ name, errorCodes }: TreatyTerms, before: SnapshotTreaty): ContractFinding[] {
  const dropped = before.errorCodes.filter((code) => !errorCodes.includes(code));
  const added = errorCodes.filter((code) => !before.errorCodes.includes(code));
  return [
    ...dropped.map((code) =>
      finding(name, "error-code-dropped", "breaking", `${code} is gone: whoever acts on it waits in vain`),
    ),
    ...added.map((code) => finding(name, "error-code-added", "compatible", `${code} is new`)),
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
        "committed",
        earlier.schema as JsonSchema,
        schema,
        both,
      );
    }),
    ...removed.map((message) => finding(name, "treaty-schema-removed", "breaking", `${message} is gone`)),
  ];
}
