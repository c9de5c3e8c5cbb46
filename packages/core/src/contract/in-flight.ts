import { type ContractFinding, inOrder } from "./contract-finding.ts";
import type { SystemContract } from "./published-message.ts";
import type { ContractSnapshot } from "./snapshot.ts";

/** Entries of one type and version found in a journal, or set aside from it. */
export interface VersionInFlight {
  /** The context whose journal it is. */
  readonly journal: string;
  readonly kind: string;
  readonly type: string;
  readonly schemaVersion: string;
  /** Entries kept. */
  readonly entries: number;
  /** Those of them that some consumer has not passed, and those set aside. */
  readonly waiting: number;
}

/**
 * Is everything in the journals still understood? A version is when it is today's, or kept: `checkContract` proves that
 * today's readers accept every kept one. Entries that were consumed count too: rebuilding a read model reads them again.
 */
export function checkInFlight(
  contract: SystemContract,
  snapshot: ContractSnapshot,
  found: readonly VersionInFlight[],
): ContractFinding[] {
  const current = new Map(
    contract.contexts.flatMap(({ messages }) => messages.map((message) => [message.type, message] as const)),
  );
  return inOrder(
    found.flatMap(({ journal, kind, type, schemaVersion, entries, waiting }): ContractFinding[] => {
      // The runtime writes entries of its own, which are versioned with it.
      if (kind === "control" || type.startsWith("entente.")) return [];
      const where = `${entries} in the journal of ${journal}, ${waiting} of them not consumed yet`;
      const about = { severity: "breaking", subject: type, version: schemaVersion } as const;
      const message = current.get(type);
      if (message === undefined) {
        return [
          { ...about, rule: "type-not-published", says: `nobody publishes this type any more: ${where}` },
        ];
      }
      if (message.schemaVersion === schemaVersion) return [];
      const before = snapshot.messages[type];
      if (before?.retired.includes(schemaVersion)) {
        return [{ ...about, rule: "version-retired", says: `this version was given up: ${where}` }];
      }
      if (before !== undefined && Object.hasOwn(before.versions, schemaVersion)) return [];
      return [{ ...about, rule: "version-not-kept", says: `the snapshot has no such version: ${where}` }];
    }),
  );
}
