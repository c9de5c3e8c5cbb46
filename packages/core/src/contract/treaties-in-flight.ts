import { type ContractFinding, inOrder } from "./contract-finding.ts";
import type { JsonSchema } from "./json-schema.ts";
import type { SystemContract, TreatyTerms } from "./published-message.ts";
import { schemaFindings } from "./schema-findings.ts";
import type { ContractSnapshot, SnapshotTerms, SnapshotTreaty } from "./snapshot.ts";
import { errorFindings, finding, keyFindings, timeoutFindings } from "./treaty-terms.ts";

/** Hand-offs of one treaty that are not at their end, by the version of it that they were opened with. */
export interface TreatyInFlight {
  /** The context that carries them. */
  readonly context: string;
  readonly treaty: string;
  /** Null: opened before versions were recorded. */
  readonly version: string | null;
  /** How many (> 0), of all tenants. */
  readonly open: number;
  /** When the oldest of them was opened: epoch milliseconds, business time. */
  readonly oldestAt: number;
}

/**
 * Can everything that was asked for still be carried on? A hand-off holds a request that was made with some version of its treaty, is repeated
 * under the key of that version, and waits for an answer that is read with today's. What a version is not known for is undecided.
 * Guarantees: no finding means that today's treaties accept every request and every answer of the versions found, wait at least as long, and
 * know every code. Pure.
 */
export function checkTreatiesInFlight(
  contract: SystemContract,
  snapshot: ContractSnapshot,
  found: readonly TreatyInFlight[],
): ContractFinding[] {
  const current = new Map((contract.treaties ?? []).map((treaty) => [treaty.name, treaty]));
  return inOrder(
    found.flatMap((open) => findingsOf(open, current.get(open.treaty), snapshot.treaties[open.treaty])),
  );
}

function findingsOf(
  { context, treaty: name, version, open, oldestAt }: TreatyInFlight,
  now: TreatyTerms | undefined,
  before: SnapshotTreaty | undefined,
): ContractFinding[] {
  const [hand, are] = open === 1 ? ["hand-off", "is"] : ["hand-offs", "are"];
  const since = new Date(oldestAt).toISOString();
  const opened = version === null ? "" : ` opened with ${version}`;
  const where = `${open} ${hand} of ${context}${opened} ${are} not at ${open === 1 ? "its" : "their"} end, the oldest since ${since}`;
  const about = (one: ContractFinding): ContractFinding => ({
    ...one,
    ...(version === null ? {} : { version }),
    says: `${one.says}; ${where}`,
  });
  if (now === undefined) {
    return [
      about(
        finding(name, "treaty-removed", "breaking", "the treaty is gone; nobody carries on what it began"),
      ),
    ];
  }
  if (version === null) {
    const says = "undecided, because the version that they were opened with was not recorded then";
    return [about(finding(name, "treaty-version-unknown", "undecided", says))];
  }
  const terms = before === undefined ? undefined : termsOf(before, version);
  return [...majorFindings(now, version), ...heldFindings(now, version, terms)].map(about);
}

function termsOf(before: SnapshotTreaty, version: string): SnapshotTerms | undefined {
  if (version === before.version) return before;
  return Object.hasOwn(before.earlier ?? {}, version) ? before.earlier?.[version] : undefined;
}

function majorFindings({ name, version: now }: TreatyTerms, version: string): ContractFinding[] {
  if (major(now) === major(version)) return [];
  const says = `version ${now} is not of the same agreement as ${version}`;
  return [finding(name, "treaty-major-changed", "breaking", says)];
}

/** Of `2.1.0`: `2`. What is not a semantic version is one of its own. */
function major(version: string): string {
  return /^(\d+)\.\d+\.\d+$/.exec(version)?.[1] ?? version;
}

function heldFindings(
  now: TreatyTerms,
  version: string,
  terms: SnapshotTerms | undefined,
): ContractFinding[] {
  if (terms === undefined) {
    // Opened by this very software, whose promise is accepted later.
    if (version === now.version) return [];
    const says = `undecided, because the snapshot does not have the terms of version ${version}`;
    return [finding(now.name, "treaty-version-not-kept", "undecided", says)];
  }
  return [
    ...keyFindings(now, terms),
    ...timeoutFindings(now, terms),
    ...errorFindings(now, terms),
    ...messageFindings(now, version, terms),
  ].filter(({ severity }) => severity !== "compatible");
}

/** What was asked and what may be answered, both of then, as they are read today. */
function messageFindings(now: TreatyTerms, version: string, terms: SnapshotTerms): ContractFinding[] {
  return Object.entries(terms.schemas).flatMap(([message, { schema }]) => {
    const reader = now.schemas[message];
    if (reader === undefined) {
      return [finding(now.name, "treaty-schema-removed", "breaking", `${message} is gone`)];
    }
    const subject = `treaty ${now.name} ${message}`;
    return schemaFindings(subject, version, schema as JsonSchema, reader.schema, "backward");
  });
}
