import type { Json } from "../model/entry.ts";
import type { GapRule } from "./gap.ts";

/** Rules about a contract as a whole, beside those about what its schemas accept. */
export type ContractRule =
  | GapRule
  | "message-added"
  | "message-removed"
  | "kind-changed"
  | "context-changed"
  | "compatibility-lowered"
  | "compatibility-raised"
  | "schema-changed"
  | "schema-version-same"
  | "schema-version-lowered"
  | "example-not-written"
  | "treaty-added"
  | "treaty-removed"
  | "idempotency-key-changed"
  | "timeout-tightened"
  | "timeout-relaxed"
  | "error-code-dropped"
  | "error-code-added"
  | "error-meaning-changed"
  | "retry-policy-changed"
  | "terms-version-same"
  | "treaty-schema-added"
  | "treaty-schema-removed"
  | "type-not-published"
  | "version-not-kept"
  | "version-retired"
  | "treaty-version-unknown"
  | "treaty-version-not-kept"
  | "treaty-major-changed";

export type Severity = "breaking" | "undecided" | "compatible";

/** Whom a change concerns. */
export type Direction = "old writer, new reader" | "new writer, old reader";

/** One difference between what was promised and what is promised now, or what waits in a journal. */
export interface ContractFinding {
  readonly rule: ContractRule;
  readonly severity: Severity;
  /** A message type or `treaty <name>`. */
  readonly subject: string;
  readonly says: string;
  /** The other version: the one kept, or the one in flight. */
  readonly version?: string;
  readonly direction?: Direction;
  /** JSON Pointer into the document. */
  readonly at?: string;
  readonly counterExample?: Json;
}

/** Breaking first, then undecided, then what is only to be accepted; by subject. */
export function inOrder(findings: readonly ContractFinding[]): ContractFinding[] {
  const rank: Record<Severity, number> = { breaking: 0, undecided: 1, compatible: 2 };
  return [...findings].sort(
    (a, b) =>
      rank[a.severity] - rank[b.severity] || (a.subject < b.subject ? -1 : a.subject > b.subject ? 1 : 0),
  );
}

/** Nobody may be broken, and nobody may be left in doubt. */
export function stopsRelease(findings: readonly ContractFinding[]): boolean {
  return findings.some(({ severity }) => severity !== "compatible");
}
