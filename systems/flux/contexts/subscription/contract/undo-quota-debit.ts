import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { ProcessId, ReasonCode } from "./quantities.ts";

/**
 * Command: give back what one top-up took (compensation). `processId` is the top-up's.
 * Send it inside that same process, so that the customer sees the top-up end as failed and undone.
 */
export const undoQuotaDebit = {
  kind: "command",
  type: "flux.undo-quota-debit",
  schemaVersion: "1.0.0",
  schema: Type.Object(
    { accountId: Identifier, processId: ProcessId, reasonCode: ReasonCode },
    { additionalProperties: false },
  ),
  example: {
    accountId: "acct-0001",
    processId: "0199f0e2-7a3b-7c4d-8e5f-0123456789ab",
    reasonCode: "delivery-failed",
  },
} as const;

export type UndoQuotaDebit = Static<typeof undoQuotaDebit.schema>;
