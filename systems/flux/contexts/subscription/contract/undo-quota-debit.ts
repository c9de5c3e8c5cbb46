import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { AmountMinor, CycleMonth, ProcessId, ReasonCode, Units } from "./quantities.ts";

/**
 * Command: give back what one top-up took (compensation). `processId` is the top-up's.
 * Internal: sent by whoever compensates, never offered to customers, because what it says is believed.
 * Shape: `debit` is copied unchanged from the `flux.balance-debited` fact of that process. So the account need not keep
 * its debits to check against, and a debit can be undone however long ago it was.
 * Who vouches for the figures: that fact, in this context's own journal. Name it as the command's causation, so that an
 * audit can compare the two, and derive the command's id from it, so that compensating twice sends one command.
 * Send it inside the top-up's process, so that the customer sees the top-up end as failed and undone.
 */
export const undoQuotaDebit = {
  kind: "command",
  type: "flux.undo-quota-debit",
  schemaVersion: "1.0.0",
  schema: Type.Object(
    {
      accountId: Identifier,
      processId: ProcessId,
      reasonCode: ReasonCode,
      debit: Type.Object(
        {
          cycle: CycleMonth,
          fundedFromQuota: Units,
          fundedOnDemand: Units,
          onDemandAmountMinor: AmountMinor,
        },
        { additionalProperties: false },
      ),
    },
    { additionalProperties: false },
  ),
  example: {
    accountId: "acct-0001",
    processId: "0199f0e2-7a3b-7c4d-8e5f-0123456789ab",
    reasonCode: "delivery-failed",
    debit: { cycle: "2026-11", fundedFromQuota: 20, fundedOnDemand: 5, onDemandAmountMinor: 125 },
  },
} as const;

export type UndoQuotaDebit = Static<typeof undoQuotaDebit.schema>;

const { processId, debit } = undoQuotaDebit.schema.properties;
/** Open to further fields: a compensator that copied too much still gets its undo. */
const WellFormed = Type.Object({ processId, debit: Type.Object(debit.properties) });

/** True when process and figures are within the contract's ranges. */
export function isUndoQuotaDebit(data: unknown): boolean {
  return Value.Check(WellFormed, data);
}
