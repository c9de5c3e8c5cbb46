import type { Quantiles } from "./histogram.ts";

/** How a target is spoken to. `{accountId}` and `{id}` are filled in; `confirmed` is a status or a piece of body. */
export type Wire = {
  submit: string;
  id: string;
  state: string;
  confirmed: string;
  /** Headers that carry the request's own key. Default: `idempotency-key` alone. */
  keyHeaders?: string[];
};

/** What one load run does. */
export type LoadSpec = {
  url: string;
  wire: Wire;
  /** Values of the Authorization header; account n uses number n modulo their count. */
  authorization: string[];
  accounts: number;
  connections: number;
  /** Requests per second, evenly spaced (open loop); absent: every connection as fast as it can (closed loop). */
  rate?: number;
  seconds: number;
  /** Share of the requests (0..1) that goes to the first account; the rest is uniform over all. */
  hotShare: number;
  /** End-to-end samples per second, each polled until confirmed. */
  samples: number;
  /** The generator holds back while accepted minus confirmed exceeds this; 0: never. */
  maxBacklog: number;
  seed: number;
};

/** One request of the followed account: its order in the ledger is checked against these times (epoch ms). */
export type Followed = { key: string; processId: string; sentAt: number; acceptedAt: number };

/** What one load run saw. */
export type LoadReport = {
  sent: number;
  accepted: number;
  /** 429 and 503: nothing was stored. */
  refused: number;
  errors: number;
  /** Connections that broke before the answer. */
  unknown: number;
  firstErrors: string[];
  firstSentAt: number;
  lastAcceptedAt: number;
  /** Seconds in which the generator held back because of `maxBacklog`. */
  heldSeconds: number;
  accept: Quantiles;
  endToEnd: Quantiles;
  samplesSkipped: number;
  /** How often the sampler asked for a state. */
  questions: number;
  cpuSeconds: number;
  followed: Followed[];
};

/** Messages between the benchmark and the load generator's process. */
export type ToLoad = { spec: LoadSpec } | { confirmed: number };
export type FromLoad = { progress: { accepted: number } } | { report: LoadReport };
