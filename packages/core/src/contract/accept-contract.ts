import type { Json } from "../model/entry.ts";
import type { ContractFinding } from "./contract-finding.ts";
import { plainSchema } from "./json-schema.ts";
import {
  compatibilityOf,
  type PublishedMessage,
  type SystemContract,
  type TreatyTerms,
} from "./published-message.ts";
import type { ContractSnapshot, SnapshotMessage, SnapshotTerms, SnapshotTreaty } from "./snapshot.ts";

/** Why a breaking change is accepted all the same, and on which day (UTC, `2026-11-24`). */
export interface BreakReason {
  readonly reason: string;
  readonly date: string;
}

/**
 * The snapshot that promises what the system promises now. Earlier versions stay kept; those that the findings say are
 * broken are retired, which takes a reason. The caller has checked that findings which stop a release have one.
 */
export function acceptContract(
  contract: SystemContract,
  before: ContractSnapshot,
  findings: readonly ContractFinding[],
  because: BreakReason | null,
): ContractSnapshot {
  const stopping = findings.filter(({ severity }) => severity !== "compatible");
  const changes = [
    ...new Set(stopping.map(({ subject, rule, at = "" }) => `${subject}: ${rule} ${at}`.trim())),
  ];
  return {
    system: contract.system,
    messages: Object.fromEntries(
      contract.contexts.flatMap(({ name, messages }) =>
        messages.map((message) => [
          message.type,
          kept(name, message, before.messages[message.type], stopping),
        ]),
      ),
    ),
    treaties: Object.fromEntries(
      (contract.treaties ?? []).map((treaty) => [
        treaty.name,
        promised(treaty, before.treaties[treaty.name]),
      ]),
    ),
    broken:
      because === null || changes.length === 0 ? before.broken : [...before.broken, { ...because, changes }],
  };
}

function kept(
  context: string,
  message: PublishedMessage,
  before: SnapshotMessage | undefined,
  stopping: readonly ContractFinding[],
): SnapshotMessage {
  const { kind, type, schemaVersion, schema } = message;
  const given = new Set(
    stopping.filter((one) => one.subject === type && one.direction !== undefined).map((one) => one.version),
  );
  const versions: Record<string, Json> = {};
  const retired = new Set(before?.retired);
  for (const [version, earlier] of Object.entries(before?.versions ?? {})) {
    if (given.has(version)) retired.add(version);
    else versions[version] = earlier;
  }
  versions[schemaVersion] = plainSchema(schema);
  retired.delete(schemaVersion);
  return {
    context,
    kind,
    compatibility: compatibilityOf(message),
    schemaVersion,
    versions,
    retired: [...retired].sort(),
  };
}

/** Earlier terms stay, broken or not: what was opened with them may be under way for as long as it takes. */
function promised(treaty: TreatyTerms, before: SnapshotTreaty | undefined): SnapshotTreaty {
  const { version } = treaty;
  const acts = treaty.idempotencyKey.length > 0;
  const earlier: Record<string, SnapshotTerms> = acts ? { ...before?.earlier } : {};
  if (acts && before !== undefined) {
    const { version: last, earlier: _earlier, ...terms } = before;
    earlier[last] = terms;
  }
  delete earlier[version];
  return { version, ...termsOf(treaty), ...(Object.keys(earlier).length === 0 ? {} : { earlier }) };
}

function termsOf(treaty: TreatyTerms): SnapshotTerms {
  const { idempotencyKey, timeLimits, errors, retry, schemas } = treaty;
  return {
    idempotencyKey,
    timeLimits,
    errors,
    retry: retry ?? null,
    schemas: Object.fromEntries(
      Object.entries(schemas).map(([name, { schema, compatibility }]) => [
        name,
        { compatibility, schema: plainSchema(schema) },
      ]),
    ),
  };
}
