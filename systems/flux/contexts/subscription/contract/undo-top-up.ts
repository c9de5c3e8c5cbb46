import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { By, Why } from "./operator-order.ts";
import { AmountMinor, Currency, CycleMonth, Units } from "./quantities.ts";
import { undoQuotaDebit } from "./undo-quota-debit.ts";

const Uuid = Type.String({ format: "uuid" });
/** What the payment provider calls the charge. */
const ChargeReference = Type.String({ minLength: 1, maxLength: 255 });

/** Reason code of the undo that follows from it, in the process of the top-up. */
export const undoneByOperator = "undone-by-operator";

const { debit } = undoQuotaDebit.schema.properties;

/**
 * Command: undo a confirmed top-up, because an operator says so; an adjustment. A process of its own, and about another: `undoneProcessId`.
 * Shape: `debit` is copied unchanged from the fact `debitId`, as for `flux.undo-quota-debit`; `charge` is what was charged for it and has to
 * go back, null when nothing was. Ordering key: accountId.
 */
export const undoTopUp = {
  kind: "command",
  type: "flux.undo-top-up",
  schemaVersion: "1.0.0",
  schema: Type.Object(
    {
      accountId: Identifier,
      undoneProcessId: Uuid,
      debitId: Uuid,
      debit,
      charge: Type.Union([
        Type.Object(
          { amountMinor: AmountMinor, currency: Currency, reference: ChargeReference },
          { additionalProperties: false },
        ),
        Type.Null(),
      ]),
      by: By,
      why: Why,
    },
    { additionalProperties: false },
  ),
  example: {
    accountId: "acct-0001",
    undoneProcessId: "0199f0e2-7a3b-7c4d-8e5f-0123456789ab",
    debitId: "0199f0e2-7a3b-7c4d-8e5f-0123456789ac",
    debit: { cycle: "2026-11", fundedFromQuota: 20, fundedOnDemand: 5, onDemandAmountMinor: 125 },
    charge: { amountMinor: 125, currency: "EUR", reference: "pi_3Nabc" },
    by: "olga",
    why: "The condenser was not plugged in; ticket 4711.",
  },
} as const;
export type UndoTopUp = Static<typeof undoTopUp.schema>;

const Standing = Type.Object({
  cycle: CycleMonth,
  quotaRemaining: Units,
  usedUnits: Units,
  onDemandMinor: AmountMinor,
});

/**
 * Fact: a confirmed top-up was undone, by whom and why. In the adjustment's own process; `flux.quota-debit-undone` of the same decision
 * stands in the process of the top-up and is what moves balance, books and charge.
 * Shape: `before` and `after` are the running cycle and its balance; they are the same when the debit was of a cycle that has ended.
 * restoredToQuota + lapsedFromQuota = what the debit took from quota; undoneOnDemand units are credited with creditedMinor.
 * `refund`: the charge that is given back because of it; null when nothing was charged.
 * Guarantees: at most one per top-up, while the account remembers the undo.
 */
export const topUpUndone = {
  kind: "event",
  type: "flux.top-up-undone",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    undoneProcessId: Uuid,
    debitId: Uuid,
    by: By,
    why: Why,
    before: Standing,
    after: Standing,
    restoredToQuota: Units,
    lapsedFromQuota: Units,
    undoneOnDemand: Units,
    creditedMinor: AmountMinor,
    currency: Currency,
    refund: Type.Union([
      Type.Object({ amountMinor: AmountMinor, currency: Currency, chargeReference: ChargeReference }),
      Type.Null(),
    ]),
  }),
  example: {
    accountId: "acct-0001",
    undoneProcessId: "0199f0e2-7a3b-7c4d-8e5f-0123456789ab",
    debitId: "0199f0e2-7a3b-7c4d-8e5f-0123456789ac",
    by: "olga",
    why: "The condenser was not plugged in; ticket 4711.",
    before: { cycle: "2026-11", quotaRemaining: 0, usedUnits: 105, onDemandMinor: 125 },
    after: { cycle: "2026-11", quotaRemaining: 20, usedUnits: 80, onDemandMinor: 0 },
    restoredToQuota: 20,
    lapsedFromQuota: 0,
    undoneOnDemand: 5,
    creditedMinor: 125,
    currency: "EUR",
    refund: { amountMinor: 125, currency: "EUR", chargeReference: "pi_3Nabc" },
  },
} as const;
export type TopUpUndone = Static<typeof topUpUndone.schema>;
