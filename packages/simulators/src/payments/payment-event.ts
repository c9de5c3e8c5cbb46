/** Something that happened, as it is told to webhook endpoints. Its object is a copy: later changes do not reach it. */
export interface PaymentEvent {
  readonly id: string;
  readonly object: "event";
  readonly api_version: string;
  readonly created: number;
  readonly data: { readonly object: object; readonly previous_attributes?: object };
  readonly livemode: false;
  /** Deliveries that have not succeeded yet. */
  pending_webhooks: number;
  readonly request: { readonly id: string | null; readonly idempotency_key: string | null };
  readonly type: string;
}

/** Version of events and of answers to who names none: that of the client the simulator is checked with. */
export const defaultApiVersion = "2026-10-28.endive";
