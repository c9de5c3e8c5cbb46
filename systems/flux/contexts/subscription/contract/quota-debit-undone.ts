import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { AmountMinor, Currency, CycleMonth, ProcessId, ReasonCode, Units } from "./quantities.ts";

/**
 * Fact: the debit of process `undoneProcessId` was given back. The debit itself stays in the journal.
 * Shape: restoredToQuota + lapsedFromQuota = what it took from quota; undoneOnDemand units are credited with creditedMinor.
 * lapsedFromQuota is not zero only when the debit belongs to an ended cycle, whose quota is gone with it.
 * `cycle` and the last three fields are the running cycle and its balance afterwards; a debit of an ended cycle
 * leaves that balance as it was and its credit goes to the ended cycle's charges.
 * Guarantees: at most one per debit, while the account remembers the undo (its most recent 64).
 */
export const quotaDebitUndone = {
  kind: "event",
  type: "flux.quota-debit-undone",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    undoneProcessId: ProcessId,
    reasonCode: ReasonCode,
    cycle: CycleMonth,
    restoredToQuota: Units,
    lapsedFromQuota: Units,
    undoneOnDemand: Units,
    creditedMinor: AmountMinor,
    currency: Currency,
    quotaRemaining: Units,
    usedUnits: Units,
    onDemandMinor: AmountMinor,
  }),
  example: {
    accountId: "acct-0001",
    undoneProcessId: "0199f0e2-7a3b-7c4d-8e5f-0123456789ab",
    reasonCode: "delivery-failed",
    cycle: "2026-11",
    restoredToQuota: 20,
    lapsedFromQuota: 0,
    undoneOnDemand: 5,
    creditedMinor: 125,
    currency: "EUR",
    quotaRemaining: 20,
    usedUnits: 80,
    onDemandMinor: 0,
  },
} as const;

export type QuotaDebitUndone = Static<typeof quotaDebitUndone.schema>;
