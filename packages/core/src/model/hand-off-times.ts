import type { HandOffLife } from "./hand-off.ts";

/** A quarter of an hour: how often what is open is looked at when the treaty says nothing else. Source: requirements OMS-04, OMS-88. */
export const reconcileEveryMsByDefault = 15 * 60_000;

/** When a treaty's hand-offs are due. Milliseconds of business time throughout. */
export interface HandOffTimes {
  /** Before the second sending; each further one waits twice as long, up to `retryLongestMs`. */
  readonly retryFirstMs: number;
  readonly retryLongestMs: number;
  /** A request may take effect this long after it was sent: before that, "not here" proves nothing. */
  readonly inFlightMs: number;
  /** From being accepted to a result; past it the outcome is unknown. */
  readonly resultWithinMs: number;
  /** Between looks at what is open; a declaration may leave it out: `reconcileEveryMsByDefault`. */
  readonly reconcileEveryMs: number;
  /** From the first sending to the moment a person takes over what is still unknown. */
  readonly personAfterMs: number;
}

export interface DueTimes {
  /** May be sent from then on; null: not to be sent. */
  readonly nextTryAt: number | null;
  /** Ask what became of it. */
  readonly lookAt: number | null;
  /** What happens by itself then: overdue, or over to a person. */
  readonly deadlineAt: number | null;
}

/**
 * What is due next after a change at `now`. `since`: when the present key was first sent, or `now`. `jitter` in 0..1 spreads
 * retries over ±25 % so that what failed together does not come back together.
 */
export function dueTimes(
  life: HandOffLife,
  times: HandOffTimes,
  now: number,
  since: number,
  jitter: number,
  askedToWaitMs = 0,
): DueTimes {
  switch (life.state) {
    case "created":
      return { nextTryAt: now, lookAt: null, deadlineAt: null };
    case "retry_wait": {
      const wait = Math.max(askedToWaitMs, retryDelayMs(times, life.tries, jitter));
      return { nextTryAt: now + wait, lookAt: null, deadlineAt: null };
    }
    case "blocked":
      return { nextTryAt: now, lookAt: null, deadlineAt: null };
    case "accepted":
      return {
        nextTryAt: null,
        lookAt: now + times.reconcileEveryMs,
        deadlineAt: now + times.resultWithinMs,
      };
    case "unknown":
      return {
        nextTryAt: null,
        lookAt: now + times.inFlightMs,
        deadlineAt: Math.max(since + times.personAfterMs, now + times.inFlightMs * 2),
      };
    case "fallout":
      return { nextTryAt: life.released ? now : null, lookAt: null, deadlineAt: null };
    default:
      return { nextTryAt: null, lookAt: null, deadlineAt: null };
  }
}

/** Milliseconds before the next sending after `tries` of them. */
export function retryDelayMs(
  times: Pick<HandOffTimes, "retryFirstMs" | "retryLongestMs">,
  tries: number,
  jitter: number,
): number {
  const full = Math.min(times.retryLongestMs, times.retryFirstMs * 2 ** Math.min(30, Math.max(0, tries - 1)));
  return Math.round(full * (0.75 + jitter / 2));
}
