import type { Freshness } from "../model/freshness.ts";
import type { JsonSchema } from "./json-schema.ts";

/**
 * Who has to understand whom.
 * - `backward`: readers of today understand writers of every version kept.
 * - `forward`: readers of every version kept understand writers of today.
 * - `full`: both.
 */
export type Compatibility = "backward" | "forward" | "full";

/** A command or fact as its context publishes it. */
export interface PublishedMessage {
  readonly kind: "command" | "event";
  /** Dotted, lower case: `flux.top-up`. */
  readonly type: string;
  /** Semantic version of the schema. */
  readonly schemaVersion: string;
  readonly schema: JsonSchema;
  /** How long it may be taken for news; absent: for ever. No part of what is promised: it says how old a truth is, not what may be read. */
  readonly ttlMs?: Freshness;
  readonly example?: unknown;
  /** Absent: `backward` for commands, `full` for facts. */
  readonly compatibility?: Compatibility;
}

/** Everything the contexts of a system promise each other and the world. */
export interface SystemContract {
  readonly system: string;
  readonly contexts: readonly { readonly name: string; readonly messages: readonly PublishedMessage[] }[];
  readonly treaties?: readonly TreatyTerms[];
}

/** What a treaty promises beyond the shape of its messages. */
export interface TreatyTerms {
  readonly name: string;
  /** Semantic version of what is agreed. */
  readonly version: string;
  /** Parts that make a repeat a repeat, in the order they are put together. Empty: it only reads. */
  readonly idempotencyKey: readonly string[];
  /** How long is waited, by name of the limit, in milliseconds (>= 0). */
  readonly timeLimits: Readonly<Record<string, number>>;
  /** Every code of the counterparty that is understood, with the class of answer it means. */
  readonly errors: Readonly<Record<string, string>>;
  readonly retry?: RetryPolicy;
  /** By name of the message: `request`, `answer`, `callback`. */
  readonly schemas: Readonly<Record<string, TreatySchema>>;
}

export interface RetryPolicy {
  /** Tries in all (>= 1). */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

export interface TreatySchema {
  readonly schema: JsonSchema;
  readonly compatibility: Compatibility;
}

/**
 * Commands wait in journals and come from senders that are older than their reader. Facts are also read by subscribers that
 * are older than their writer, and again, from the start, whenever a read model is rebuilt.
 */
export function compatibilityOf(message: PublishedMessage): Compatibility {
  return message.compatibility ?? (message.kind === "command" ? "backward" : "full");
}
