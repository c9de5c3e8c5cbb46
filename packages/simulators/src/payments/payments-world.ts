import type { Behaviour } from "../control/behaviour.ts";
import type { Control } from "../control/control.ts";
import type { EffectOfCall } from "../control/received-call.ts";
import { type AccountState, accountIn } from "./account-state.ts";
import { accountsByApiKey } from "./description.ts";
import { defaultApiVersion, type PaymentEvent } from "./payment-event.ts";
import { wants } from "./webhook-endpoint.ts";
import { openWebhookSender, type WebhookSender } from "./webhook-sender.ts";

/** Something that is being done in an account, by a request or because its time has come. */
export interface Act {
  readonly state: AccountState;
  /** Rules about callbacks hold for everything that follows from the act, later events included. */
  readonly behaviour: Behaviour | null;
  readonly requestId: string | null;
  readonly idempotencyKey: string | null;
  /** Writes the ground truth. */
  effect(effect: EffectOfCall): void;
  /** Records an event; it is sent when the act is over. */
  happened(type: string, object: object, previous?: object): void;
  /** Sends what was recorded, in order. */
  over(): void;
}

/** Everything the simulated payment service is made of. */
export interface PaymentsWorld {
  readonly control: Control;
  readonly sender: WebhookSender;
  /** Simulator's time in whole seconds, as the service writes times. */
  now(): number;
  /** A new id: `pi_3…`. */
  newId(prefix: string): string;
  /** `req_…`, from a stream of its own: how often somebody reads moves no other id. */
  newRequestId(): string;
  stateOf(apiKey: string): AccountState | null;
  accounts(): Iterable<AccountState>;
  act(by: Omit<Act, "happened" | "over">): Act;
  /** An act that time or a person outside caused; `cause` goes on under its behaviour. */
  later(cause: Act, operation: string, key: string): Act;
  /** Objects younger than this are not found by a search yet (the original's index lags); lists see them at once. */
  searchLagMs: number;
  reset(): void;
}

export function openPaymentsWorld(control: Control): PaymentsWorld {
  const { clock } = control;
  let accounts = accountsIn(control);
  let ids = control.random("payments ids");
  let requestIds = control.random("payments requests");
  const sender = openWebhookSender(control);
  const queue = control.callbacks<{ event: PaymentEvent; state: AccountState }>(({ event, state }) =>
    sender.deliver(event, state.webhookEndpoints.values()),
  );

  const world: PaymentsWorld = {
    control,
    sender,
    searchLagMs: 0,
    now: () => Math.floor(clock.now() / 1000),
    newId: (prefix) => `${prefix}_${ids.token(24)}`,
    newRequestId: () => `req_${requestIds.token(14)}`,
    stateOf: (apiKey) => accounts.get(accountsByApiKey[apiKey] ?? "") ?? null,
    accounts: () => accounts.values(),
    act(by) {
      const { state, behaviour, requestId, idempotencyKey } = by;
      const told: { event: PaymentEvent; state: AccountState }[] = [];
      return {
        ...by,
        happened(type, object, previous) {
          const copy = structuredClone(object);
          const event: PaymentEvent = {
            id: world.newId("evt"),
            object: "event",
            api_version: defaultApiVersion,
            created: world.now(),
            data: previous === undefined ? { object: copy } : { object: copy, previous_attributes: previous },
            livemode: false,
            pending_webhooks: [...state.webhookEndpoints.values()].filter((one) => wants(one, type)).length,
            request: { id: requestId, idempotency_key: idempotencyKey },
            type,
          };
          state.events.set(event.id, event);
          told.push({ event, state });
        },
        over() {
          queue.send(told.splice(0), behaviour);
        },
      };
    },
    later: (cause, operation, key) =>
      world.act({
        state: cause.state,
        behaviour: cause.behaviour,
        requestId: null,
        idempotencyKey: null,
        effect: (effect) => control.effect({ operation, key, ...effect }),
      }),
    reset() {
      accounts = accountsIn(control);
      ids = control.random("payments ids");
      requestIds = control.random("payments requests");
      sender.reset();
      world.searchLagMs = 0;
    },
  };
  return world;
}

function accountsIn({ state }: Control): Map<string, AccountState> {
  return new Map(Object.values(accountsByApiKey).map((account) => [account, accountIn(state, account)]));
}
