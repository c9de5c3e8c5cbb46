import type { KeptState } from "../control/kept-state.ts";
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

/** The account as it is kept; new, when nothing is. */
export function accountIn(state: KeptState, account: string): AccountState {
  const kept = <Value>(what: string): Map<string, Value> => state.map(`${account} ${what}`);
  const answers = kept<StoredAnswer>("answers");
  // The program ended while these requests ran: nobody was answered, and a repeat runs.
  for (const [key, { answer }] of answers) if (answer === null) answers.delete(key);
  return {
    account,
    paymentIntents: kept("payment intents"),
    charges: kept("charges"),
    refunds: kept("refunds"),
    customers: kept("customers"),
    balanceTransactions: kept("balance transactions"),
    events: kept("events"),
    // Whoever listens is a running program, and says so when it starts.
    webhookEndpoints: new Map(),
    answers,
  };
}
