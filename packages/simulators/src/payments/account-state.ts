import type { BalanceTransaction } from "./balance-transaction.ts";
import type { Charge } from "./charge.ts";
import type { Customer } from "./customer.ts";
import type { StoredAnswer } from "./idempotency.ts";
import type { PaymentEvent } from "./payment-event.ts";
import type { PaymentIntent } from "./payment-intent.ts";
import type { Refund } from "./refund.ts";
import type { WebhookEndpoint } from "./webhook-endpoint.ts";

/** Everything one account has, by id, oldest first. */
export interface AccountState {
  readonly account: string;
  readonly paymentIntents: Map<string, PaymentIntent>;
  readonly charges: Map<string, Charge>;
  readonly refunds: Map<string, Refund>;
  readonly customers: Map<string, Customer>;
  readonly balanceTransactions: Map<string, BalanceTransaction>;
  readonly events: Map<string, PaymentEvent>;
  readonly webhookEndpoints: Map<string, WebhookEndpoint>;
  /** Answers by idempotency key. */
  readonly answers: Map<string, StoredAnswer>;
}

export function emptyAccount(account: string): AccountState {
  return {
    account,
    paymentIntents: new Map(),
    charges: new Map(),
    refunds: new Map(),
    customers: new Map(),
    balanceTransactions: new Map(),
    events: new Map(),
    webhookEndpoints: new Map(),
    answers: new Map(),
  };
}
