import { hash } from "node:crypto";
import type { JsonObject, NewEntry } from "../model/entry.ts";
import { ttlOf } from "../model/freshness.ts";
import type { HandOffState } from "../model/hand-off.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import { deriveId } from "../model/id.ts";
import type { DomainCommand } from "./treaty.ts";

/** What hand-offs write into the journal of their context: an opening, then one fact for each move and each thing learnt. */

/** Kept once, here: the rows of a batch and everything a sending needs. */
export interface OpeningData {
  readonly treaty: string;
  /** Absent in entries written before it was recorded. */
  readonly treatyVersion?: string;
  readonly target: string;
  readonly purpose: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly line: string | null;
  readonly idempotencyKey: string;
  readonly requestHash: string;
  /** The request of a single act; null for a batch. */
  readonly request: JsonObject | null;
  readonly rows: readonly OpeningRow[];
}

export interface OpeningRow {
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly line: string | null;
  readonly idempotencyKey: string;
  readonly requestHash: string;
  readonly processId: string;
  readonly factId: string;
  readonly traceparent?: string;
  readonly request: JsonObject;
}

export const openedType = "entente.hand-off-opened";
/** Something was learnt about a hand-off that moved nothing. */
export const notedType = "entente.hand-off-noted";

/** Type of the fact that says into which state a hand-off came. */
export function movedType(to: HandOffState): string {
  return `entente.hand-off-${to.replace("_", "-")}`;
}

/** Why a hand-off moved. */
export interface MoveCause {
  readonly by: "courier" | "answer" | "callback" | "inquiry" | "person" | "deadline" | "domain";
  /** The entry it follows from; null: the opening. */
  readonly entryId: string | null;
  /** Who and why, when it was a person. */
  readonly person?: { readonly by: string; readonly why: string };
}

/**
 * A fact about a hand-off after its opening. Its id follows from the opening and the version, so that the journal refuses a
 * second fact for one move. Evidence goes along, payloads do not.
 */
export function handOffFact(
  context: string,
  handOff: HandOff,
  type: string,
  cause: MoveCause,
  now: number,
  data: JsonObject,
): NewEntry<object> {
  const { tenantId, handOffId, treaty, target, purpose, aggregateType, aggregateId, line } = handOff;
  return {
    id: factId(handOffId, handOff.version),
    kind: "event",
    type,
    schemaVersion: "1.0.0",
    source: context,
    target: null,
    tenantId,
    key: handOff.key,
    keyVersion: null,
    processId: handOff.processId,
    correlationId: handOff.correlationId,
    causationId: cause.entryId ?? handOffId,
    customerId: handOff.customerId,
    ttlMs: null,
    traceparent: handOff.traceparent,
    occurredAt: now,
    data: {
      handOffId,
      treaty,
      target,
      purpose,
      aggregateType,
      aggregateId,
      line,
      state: handOff.state,
      version: handOff.version,
      attempt: handOff.attempt,
      tries: handOff.tries,
      keyHash: keyHash(handOff.idempotencyKey),
      requestHash: handOff.requestHash,
      responseHash: handOff.lastResponseHash,
      externalReference: handOff.externalReference,
      by: cause.by,
      ...(cause.person === undefined ? {} : { person: cause.person.by, why: cause.person.why }),
      ...data,
    },
  };
}

/** Id of the fact that brought a hand-off to this version. */
export function factId(handOffId: string, version: number): string {
  return deriveId(handOffId, version);
}

/** The n-th command to the domain that follows from the move a hand-off has just made. Its id is far above any version's. */
export function consequence(
  context: string,
  handOff: HandOff,
  n: number,
  command: DomainCommand,
  now: number,
): NewEntry<object> {
  const { tenantId, handOffId, version, processId, correlationId, customerId, traceparent } = handOff;
  const { type, schemaVersion, key, ttlMs, data } = command;
  const isOwnProcess = (command.processId ?? processId) === processId;
  return {
    ...plainEntry(context, deriveId(handOffId, 0x4000_0000 + version * 1_024 + n), tenantId, key, now),
    kind: "command",
    type,
    schemaVersion,
    target: context,
    processId: command.processId ?? processId,
    correlationId,
    causationId: factId(handOffId, version),
    // Of another process the context is not known here; its trace is then the one that follows from its id.
    traceparent: isOwnProcess ? traceparent : null,
    customerId: isOwnProcess ? customerId : null,
    ttlMs: ttlOf(ttlMs, null, now),
    data,
  };
}

/** What of a key may be shown and logged. */
export function keyHash(key: string): string {
  return hash("sha256", key, "hex").slice(0, 16);
}

/** What every entry of treaties has in common. */
export function plainEntry(context: string, id: string, tenantId: string, key: string, now: number) {
  return {
    id,
    schemaVersion: "1.0.0",
    source: context,
    tenantId,
    key,
    keyVersion: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: now,
  } as const;
}
