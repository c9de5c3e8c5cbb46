import type { Metadata } from "./parameters.ts";

/** Where events go. The secrets stand apart: the object is shown, they are shown once. */
export interface WebhookEndpoint {
  readonly id: string;
  readonly object: "webhook_endpoint";
  readonly api_version: string | null;
  readonly application: null;
  readonly created: number;
  description: string | null;
  /** Event types, or `*`. */
  enabled_events: readonly string[];
  readonly livemode: false;
  metadata: Metadata;
  status: "enabled" | "disabled";
  url: string;
}

/** A secret to sign with until a time (milliseconds by the simulator's clock; null: until it is replaced). */
export interface WebhookSecret {
  readonly secret: string;
  until: number | null;
}

export function wants(endpoint: WebhookEndpoint, type: string): boolean {
  return (
    endpoint.status === "enabled" &&
    endpoint.enabled_events.some((wanted) => wanted === "*" || wanted === type)
  );
}
