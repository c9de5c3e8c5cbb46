import type { TSchema } from "typebox";
import type { PublishedMessage, SystemContract, TreatyTerms } from "../contract/published-message.ts";
import { handOffKeyParts } from "../model/hand-off-key.ts";
import { type HandOffTreaty, isHandOffTreaty, type Treaty } from "./treaty.ts";

/**
 * The contract of a system: its contexts' messages, and the terms of every treaty of the definition, so that none can be
 * forgotten. Pure.
 */
export function systemContract(
  definition: {
    readonly name: string;
    readonly contexts: readonly { readonly treaties?: readonly Treaty[] }[];
  },
  contexts: readonly { readonly name: string; readonly messages: readonly PublishedMessage[] }[],
): SystemContract {
  const treaties = definition.contexts.flatMap((context) => context.treaties ?? []);
  return { system: definition.name, contexts, treaties: treaties.map(promisedTerms) };
}

/** What a treaty promises, read from its declaration. */
export function promisedTerms(treaty: Treaty): TreatyTerms {
  const { name, version, errorMap } = treaty;
  const errors = Object.fromEntries(Object.entries(errorMap).map(([code, meaning]) => [code, meaning.class]));
  return {
    name,
    version,
    errors,
    ...(isHandOffTreaty(treaty) ? actingTerms(treaty) : listeningTerms(treaty)),
  };
}

type Terms = Omit<TreatyTerms, "name" | "version" | "errors">;

function actingTerms({ target, purpose, input, output, callback, times, limits }: HandOffTreaty): Terms {
  const said: Readonly<Record<string, string>> = {
    target: `target ${target}`,
    purpose: `purpose ${purpose}`,
  };
  const { answerWithinMs, inFlightMs, resultWithinMs, personAfterMs, retryFirstMs, retryLongestMs } = times;
  return {
    idempotencyKey: handOffKeyParts.map((part) => said[part] ?? part),
    timeLimits: { answerWithinMs, inFlightMs, resultWithinMs, personAfterMs },
    retry: {
      attempts: limits.triesAllowed,
      firstDelayMs: retryFirstMs,
      longestDelayMs: retryLongestMs,
    },
    schemas: {
      // They read what we write; and what was opened by yesterday's software waits in the journal to be sent by today's.
      request: { schema: input, compatibility: "full" },
      answer: { schema: output, compatibility: "backward" },
      ...(callback === undefined
        ? {}
        : { callback: { schema: callback.schema, compatibility: "backward" } as const }),
    },
  };
}

/** A treaty that acts on nothing over there: it asks, or it follows their changes. */
interface Listening {
  readonly input: TSchema;
  readonly output: TSchema;
  readonly timeoutMs?: number;
  readonly staleAllowedMs?: number;
  readonly times?: object;
}

function listeningTerms({ input, output, timeoutMs, staleAllowedMs, times = {} }: Listening): Terms {
  const limits = { answerWithinMs: timeoutMs, staleAllowedMs, ...times };
  return {
    idempotencyKey: [],
    // How soon something is tried again is no promise to anybody.
    timeLimits: Object.fromEntries(
      Object.entries(limits).filter(
        (limit): limit is [string, number] => typeof limit[1] === "number" && !limit[0].startsWith("retry"),
      ),
    ),
    schemas: {
      request: { schema: input, compatibility: "forward" },
      answer: { schema: output, compatibility: "backward" },
    },
  };
}
