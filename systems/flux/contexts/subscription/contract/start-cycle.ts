import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";

/**
 * Command, sent by the account's own `cycle` timer: start every billing cycle that is due.
 * It names no cycle on purpose: what is due follows from business time, so a late, early or repeated timer is harmless.
 */
export const startCycle = {
  kind: "command",
  type: "flux.start-cycle",
  schemaVersion: "1.0.0",
  schema: Type.Object({ accountId: Identifier }, { additionalProperties: false }),
  example: { accountId: "acct-0001" },
} as const;

export type StartCycle = Static<typeof startCycle.schema>;

/** Name of the timer that sends it; one per account. */
export const cycleTimerName = "cycle";
