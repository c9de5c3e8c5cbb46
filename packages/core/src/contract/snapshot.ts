import type { Json } from "../model/entry.ts";
import type { Compatibility, RetryPolicy } from "./published-message.ts";

/** The committed record of what was promised: one JSON file per system, sorted, so that its diff reads as the change. */
export interface ContractSnapshot {
  readonly system: string;
  readonly messages: Readonly<Record<string, SnapshotMessage>>;
  readonly treaties: Readonly<Record<string, SnapshotTreaty>>;
  /** Changes accepted although they break somebody, oldest first. */
  readonly broken: readonly AcceptedBreak[];
}

export interface SnapshotMessage {
  readonly context: string;
  readonly kind: "command" | "event";
  readonly compatibility: Compatibility;
  /** The version of today. */
  readonly schemaVersion: string;
  /** Schemas by version: today's and every earlier one that must still be understood. */
  readonly versions: Readonly<Record<string, Json>>;
  /** Versions given up by a breaking change; none may be in flight. */
  readonly retired: readonly string[];
}

/** What a treaty promises in one of its versions. */
export interface SnapshotTerms {
  readonly idempotencyKey: readonly string[];
  /** Milliseconds by name of the limit. */
  readonly timeLimits: Readonly<Record<string, number>>;
  /** Class of answer by code. */
  readonly errors: Readonly<Record<string, string>>;
  readonly retry: RetryPolicy | null;
  readonly schemas: Readonly<
    Record<string, { readonly compatibility: Compatibility; readonly schema: Json }>
  >;
}

export interface SnapshotTreaty extends SnapshotTerms {
  /** The version of today. */
  readonly version: string;
  /**
   * Terms of the versions before it. Nobody is held to them any more but hand-offs that were opened with them and are not at their end.
   * Absent: there are none, or the treaty only reads.
   */
  readonly earlier?: Readonly<Record<string, SnapshotTerms>>;
}

export interface AcceptedBreak {
  /** Calendar day, UTC. */
  readonly date: string;
  readonly reason: string;
  /** `flux.top-up: member-missing /currency`. */
  readonly changes: readonly string[];
}

export function emptySnapshot(system: string): ContractSnapshot {
  return { system, messages: {}, treaties: {}, broken: [] };
}

/** The file's text: two spaces, sorted where order means nothing, a new line at the end. */
export function snapshotText(snapshot: ContractSnapshot): string {
  const { system, messages, treaties, broken } = snapshot;
  const sorted = {
    system,
    messages: byKey(messages, compareText, (message) => ({
      ...message,
      versions: byKey(message.versions, compareVersions),
    })),
    treaties: byKey(treaties, compareText, ({ earlier, ...treaty }) => ({
      ...sortedTerms(treaty),
      ...(earlier === undefined ? {} : { earlier: byKey(earlier, compareVersions, sortedTerms) }),
    })),
    broken,
  };
  return `${JSON.stringify(sorted, null, 2)}\n`;
}

/** Reads the file's text. Null when it is not a snapshot. */
export function readSnapshot(text: string): ContractSnapshot | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { system, messages, treaties, broken } = value as Partial<ContractSnapshot>;
  if (typeof system !== "string" || !isMap(messages) || !isMap(treaties) || !Array.isArray(broken))
    return null;
  const sound =
    Object.values(messages).every(
      (one) => isMap(one.versions) && one.versions[one.schemaVersion] !== undefined,
    ) &&
    Object.values(treaties).every(
      (one) =>
        areTerms(one) &&
        (one.earlier === undefined || (isMap(one.earlier) && Object.values(one.earlier).every(areTerms))),
    );
  return sound ? { system, messages, treaties, broken } : null;
}

function areTerms(one: SnapshotTerms): boolean {
  return (
    isMap(one) &&
    isMap(one.schemas) &&
    isMap(one.timeLimits) &&
    isMap(one.errors) &&
    Array.isArray(one.idempotencyKey)
  );
}

function sortedTerms(terms: SnapshotTerms): object {
  return {
    ...terms,
    timeLimits: byKey(terms.timeLimits, compareText),
    errors: byKey(terms.errors, compareText),
    schemas: byKey(terms.schemas, compareText),
  };
}

function isMap(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function byKey<T>(
  map: Readonly<Record<string, T>>,
  compare: (a: string, b: string) => number,
  change: (one: T) => unknown = (one) => one,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(map)
      .sort(compare)
      .map((key) => [key, change(map[key] as T)]),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Order of semantic versions; what is not one comes after, by its text. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => /^(\d+)\.(\d+)\.(\d+)$/.exec(text)?.slice(1).map(Number));
  if (left === undefined || right === undefined) {
    return left === right ? compareText(a, b) : left === undefined ? 1 : -1;
  }
  for (const part of [0, 1, 2]) {
    const difference = (left[part] as number) - (right[part] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
