import type { DomainCommand, HandOffNews } from "@entente/core";
import { type Static, Type } from "typebox";
import {
  type RecordDecline,
  recordCharge,
  recordDecline,
} from "../../contexts/subscription/contract/charge.ts";
import { undoQuotaDebit } from "../../contexts/subscription/contract/undo-quota-debit.ts";
import { reasonOf } from "./declines.ts";

const { accountId, processId, debit } = undoQuotaDebit.schema.properties;

/** What is asked for, with everything that its compensation needs. `debit` is copied unchanged from the fact that asks. */
export const ChargeRequest = Type.Object({
  accountId,
  processId,
  currency: recordCharge.schema.properties.currency,
  customer: Type.Union([Type.String(), Type.Null()]),
  paymentMethod: Type.Union([Type.String(), Type.Null()]),
  debit,
});

export type ChargeRequest = Static<typeof ChargeRequest>;

/**
 * What the subscription is told of a charge: that it was made; or that it was not, and with it the undo of its debit. Nothing in
 * between, and nothing while it is unknown or a person's: the customer sees a step that is open.
 */
export function tellOfCharge({ handOff, request, to, code }: HandOffNews): readonly DomainCommand[] {
  if (request === null) return [];
  const { accountId: key, processId: ofTopUp, currency, debit: taken } = request as unknown as ChargeRequest;
  const charge = {
    accountId: key,
    processId: ofTopUp,
    amountMinor: taken.onDemandAmountMinor,
    currency,
    reference: handOff.externalReference,
  };
  if (to === "completed") return [command(recordCharge, key, charge)];
  // A conflict passes through `rejected` on its way to a person, and may have happened: it is compensated by nobody yet.
  const refused = to === "rejected" && !handOff.doubt;
  const givenUp = to === "cancelled" && !handOff.withdrawn;
  if (!refused && !givenUp) return [];
  const reasonCode = refused ? reasonOf(code) : reasonOf(null);
  const decline: RecordDecline = { ...charge, reasonCode };
  return [
    command(recordDecline, key, decline),
    command(undoQuotaDebit, key, { accountId: key, processId: ofTopUp, reasonCode, debit: taken }),
  ];
}

function command(
  { type, schemaVersion }: { readonly type: string; readonly schemaVersion: string },
  key: string,
  data: DomainCommand["data"],
): DomainCommand {
  return { type, schemaVersion, key, data };
}
