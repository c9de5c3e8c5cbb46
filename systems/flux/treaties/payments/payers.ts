/** What an account pays with: the provider's names for a customer and one of the customer's stored payment methods. No card data. */
export interface Payer {
  /** Null: the payment method belongs to no customer object, as test payment methods do. */
  readonly customer: string | null;
  readonly paymentMethod: string;
}

/**
 * Who pays for which account, or null when nothing is on file: then the charge is declined without asking anybody.
 * Pure. What it says when a charge is asked for is stored with the request and stays, so that a repeat is the same request.
 */
export type PayerOf = (tenantId: string, accountId: string) => Payer | null;

/** Accounts of a tenant that have a payer of their own, and what all others of it pay with. */
export interface PayerTable {
  readonly accounts: Readonly<Record<string, Payer | null>>;
  readonly others: Payer | null;
}

/** Looks payers up in a table by tenant. A tenant that is not in it has none. */
export function payersFrom(tables: Readonly<Record<string, PayerTable>>): PayerOf {
  return (tenantId, accountId) => {
    const table = Object.hasOwn(tables, tenantId) ? tables[tenantId] : undefined;
    if (table === undefined) return null;
    const own = Object.hasOwn(table.accounts, accountId) ? table.accounts[accountId] : undefined;
    return own === undefined ? table.others : own;
  };
}

const card = (paymentMethod: string): Payer => ({ customer: null, paymentMethod });

/**
 * Demo: everybody pays by a card that works, apart from six accounts at the end of the list, with which declines, and a refund that
 * comes back, can be seen without telling the simulator anything.
 */
export const demoPayers: PayerOf = payersFrom({
  demo: {
    accounts: {
      "acct-0995": card("pm_card_refundFail"),
      "acct-0996": card("pm_usBankAccount_success"),
      "acct-0997": null,
      "acct-0998": card("pm_card_authenticationRequired"),
      "acct-0999": card("pm_card_chargeDeclinedExpiredCard"),
      "acct-1000": card("pm_card_chargeDeclinedInsufficientFunds"),
    },
    others: card("pm_card_visa"),
  },
});
