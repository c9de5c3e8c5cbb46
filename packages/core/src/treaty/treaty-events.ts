import type { HandOff } from "../model/hand-off-record.ts";
import type { CircuitState } from "./circuit.ts";
import { keyHash } from "./hand-off-entries.ts";

/** What operators, logs and metrics hear of treaties. */
export type TreatyEvent =
  | { readonly event: "hand-offs-sent"; readonly target: string; readonly count: number }
  | {
      readonly event: "hand-offs-answered";
      readonly target: string;
      readonly count: number;
      readonly unheard: number;
    }
  | { readonly event: "circuit"; readonly target: string; readonly state: CircuitState }
  | { readonly event: "hand-offs-lost"; readonly target: string; readonly count: number }
  | {
      readonly event: "courier-trouble";
      readonly target: string;
      readonly code: string;
      readonly text: string;
    }
  | {
      readonly event: "reconciled";
      readonly treaty: string;
      readonly looked: number;
      readonly corrected: number;
    }
  | HandOffLine;

/** One line for the log: everything to find it again, nothing of what it carries. */
export interface HandOffLine {
  readonly event: "hand-off";
  readonly correlationId: string;
  readonly tenantId: string;
  readonly aggregateId: string;
  readonly handOffId: string;
  readonly target: string;
  readonly keyHash: string;
  readonly externalReference: string | null;
  readonly code: string | null;
  readonly state: string;
}

export function lineOf(handOff: HandOff): HandOffLine {
  const { correlationId, tenantId, aggregateId, handOffId, target, externalReference, state } = handOff;
  return {
    event: "hand-off",
    correlationId,
    tenantId,
    aggregateId,
    handOffId,
    target,
    keyHash: keyHash(handOff.idempotencyKey),
    externalReference,
    code: handOff.lastErrorClass,
    state,
  };
}
