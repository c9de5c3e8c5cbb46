import type {
  DomainCommand,
  Entry,
  HandOff,
  HandOffNews,
  JsonObject,
  Subject,
  UndoRequest,
} from "@entente/core";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { type TopUpPaidBack, topUpPaidBack } from "../../contexts/subscription/contract/pay-back.ts";
import { recordRefund, recordRefundFailure } from "../../contexts/subscription/contract/refund.ts";
import { ChargeRequest } from "./charge-news.ts";

/** Name of the treaty: its callbacks go to `/callbacks/payments-refund`. */
export const paymentsRefund = "payments-refund";

const { accountId, processId, amountMinor, currency, chargeReference } = recordRefund.schema.properties;

/** What is asked for: the whole of one charge back. */
export const RefundRequest = Type.Object({ accountId, processId, amountMinor, currency, chargeReference });

export type RefundRequest = Static<typeof RefundRequest>;

/**
 * The refund of a charge that was made and is not wanted any more. One per payment of theirs, and so never two of one charge, whoever
 * asks and however often. Null when their name for the charge, or what was charged, is not known: then a person gives it back. Pure.
 */
export function refundOf({ externalReference }: HandOff, request: JsonObject): UndoRequest | null {
  if (externalReference === null || !Value.Check(ChargeRequest, request)) return null;
  const { accountId: account, processId: topUp, currency: inCurrency, debit } = request;
  const data: RefundRequest = {
    accountId: account,
    processId: topUp,
    amountMinor: debit.onDemandAmountMinor,
    currency: inCurrency,
    chargeReference: externalReference,
  };
  return { treaty: paymentsRefund, ...aboutCharge(externalReference), data };
}

const aboutCharge = (chargeReference: string): Subject => ({
  aggregateType: "charge",
  aggregateId: chargeReference,
  line: null,
});

/**
 * The refund that nobody wants any more after people paid the money back another way: nobody may have it sent anew, and when it turns out made
 * all the same a person has the case. One that was made and that the bank sent back is over; withdrawn, it would be told as made once more. Pure.
 */
export function notWantedAfter({ type, data }: Entry): readonly Subject[] {
  if (type !== topUpPaidBack.type) return [];
  const { chargeReference, refund } = data as TopUpPaidBack;
  return refund === "sent-back" || chargeReference === null ? [] : [aboutCharge(chargeReference)];
}

/** What the subscription is told of a refund: that the money is back. Until then the customer reads that it is owed. */
export function tellOfRefund(news: HandOffNews): readonly DomainCommand[] {
  return news.to === "completed" ? told(recordRefund, news) : [];
}

/** That it came back to us, days after it had gone: a bank may refuse it late. The customer reads again that it is owed; a person sees to it. */
export function tellOfReturn(news: HandOffNews): readonly DomainCommand[] {
  return told(recordRefundFailure, news);
}

function told(
  { type, schemaVersion }: { readonly type: string; readonly schemaVersion: string },
  { handOff, request }: HandOffNews,
): readonly DomainCommand[] {
  if (request === null) return [];
  const data = { ...(request as RefundRequest), refundReference: handOff.externalReference };
  return [{ type, schemaVersion, key: data.accountId, data }];
}
