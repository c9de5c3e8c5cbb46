import type { DomainCommand, HandOff, HandOffNews, JsonObject, UndoRequest } from "@entente/core";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
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
  return {
    treaty: paymentsRefund,
    aggregateType: "charge",
    aggregateId: externalReference,
    line: null,
    data,
  };
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
