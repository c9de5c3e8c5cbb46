import type { ProcessReason } from "@entente/core/model";
import { refusalReasons, topUpRefusalCodes, undoRefusalCodes } from "../../subscription/contract/refusals.ts";
import { type GivenBack, givenBackText } from "./given-back-text.ts";
import { moneyText } from "./money-text.ts";

/** Sentences for refusals: the published reason, and that nothing was charged. Closed: one per code a top-up can meet. */
const refusals = new Map<string, ProcessReason>(
  topUpRefusalCodes.map((code) => [code, { code, message: `${refusalReasons[code]} Nothing was charged.` }]),
);

const undoRefusals: ReadonlySet<string> = new Set(undoRefusalCodes);

/**
 * The reason shown for a refused top-up. A code this release has no sentence for (the subscription context may be newer)
 * keeps its code and gets a plain sentence, so that no process is left open and no raw text leaks.
 */
export function refusedReason(code: string): ProcessReason {
  return refusals.get(code) ?? { code, message: "This top-up was not possible. Nothing was charged." };
}

/** True for refusals of an undo in the same process: they leave the top-up's own outcome as it is. */
export function saysNothingOfTopUp(code: string): boolean {
  return undoRefusals.has(code);
}

/** Reasons that come from running the command rather than from a rule. */
export const topUpReasons = {
  /** The command broke and was set aside (FLX-89). */
  processingFailed: (processId: string): ProcessReason => ({
    code: "processing-failed",
    message: `We could not complete this top-up. Nothing was charged. Quote process ${processId} to support.`,
  }),
  /** An operator gave the broken command up. */
  discarded: (processId: string): ProcessReason => ({
    code: "discarded",
    message: `This top-up was cancelled. Nothing was charged. Quote process ${processId} to support.`,
  }),
  /** It was paid, then undone (FLX-70). */
  compensated: (processId: string): ProcessReason => ({
    code: "compensated",
    message: `This top-up could not be completed and its payment was undone. Quote process ${processId} to support.`,
  }),
  /** It was confirmed, and an operator undid it. */
  undone: (processId: string, back: GivenBack): ProcessReason => ({
    code: "undone",
    message: `This top-up was undone. ${givenBackText(back)} Quote process ${processId} to support.`,
  }),
  /** The same of one that was charged; the money is on its way back. */
  undoneToRefund: (processId: string, amountMinor: number, currency: string): ProcessReason => ({
    code: "charge-to-refund",
    message: `This top-up was undone. We give back the ${moneyText(amountMinor, currency)} charged for it. Quote process ${processId} to support.`,
  }),
  /** It was undone, and charged all the same; the money is on its way back. */
  chargeToRefund: (processId: string): ProcessReason => ({
    code: "charge-to-refund",
    message: `This top-up was undone, but a charge was made for it all the same. We give it back. Quote process ${processId} to support.`,
  }),
  /** It was undone, and what was charged for it is back. */
  refunded: (processId: string, amountMinor: number, currency: string): ProcessReason => ({
    code: "refunded",
    message: `This top-up was undone, and the ${moneyText(amountMinor, currency)} charged for it was given back; your bank may take some days to show it. Quote process ${processId} to support.`,
  }),
  /** It was undone, and people paid back what was charged for it, past the payment provider. */
  paidBack: (processId: string, amountMinor: number, currency: string): ProcessReason => ({
    code: "paid-back",
    message: `This top-up was undone, and the ${moneyText(amountMinor, currency)} charged for it was paid back to you another way. Quote process ${processId} to support.`,
  }),
} as const;
