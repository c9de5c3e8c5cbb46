/**
 * What a counterparty may be asked at this moment: a token bucket for the rate, and a circuit that opens after failures in a row.
 * After an outage one request tries; each that succeeds doubles what may be under way, so that a counterparty that has just come
 * back is not knocked over again. Pure but for its own state: times are arguments, milliseconds of any monotonic clock.
 */
export interface Circuit {
  /** Requests that may be started now with so many under way already. */
  room(now: number, underWay: number): number;
  started(count: number, now: number): void;
  succeeded(now: number): void;
  failed(now: number): void;
  /** They asked for a pause. */
  pauseUntil(at: number): void;
  /** Share of the limits that is ours: 0..1. */
  setShare(concurrency: number, ratePerSecond: number): void;
  state(now: number): CircuitState;
  /** When to look again while there is no room; null: when something ends. */
  nextRoomAt(now: number): number | null;
}

export type CircuitState = "closed" | "open" | "trying" | "resuming" | "paused";

export interface CircuitLimits {
  readonly failures: number;
  readonly openMs: number;
}

export function openCircuit(limits: CircuitLimits, now: number): Circuit {
  let concurrency = 0;
  let ratePerSecond = 0;
  let tokens = 0;
  let filledAt = now;
  let failures = 0;
  let openUntil: number | null = null;
  let pausedUntil = 0;
  /** Allowed under way while resuming; null: the full share. */
  let allowed: number | null = null;

  const burst = (): number => Math.max(1, ratePerSecond);
  function fill(at: number): void {
    tokens = Math.min(burst(), tokens + ((at - filledAt) / 1_000) * ratePerSecond);
    filledAt = at;
  }

  return {
    room(at, underWay) {
      fill(at);
      if (at < pausedUntil || concurrency === 0) return 0;
      if (openUntil !== null) {
        if (at < openUntil) return 0;
        return underWay === 0 && tokens >= 1 ? 1 : 0;
      }
      const slots = Math.min(concurrency, allowed ?? concurrency) - underWay;
      return Math.max(0, Math.min(slots, Math.floor(tokens)));
    },
    started(count, at) {
      fill(at);
      tokens -= count;
    },
    succeeded() {
      failures = 0;
      if (openUntil !== null) {
        openUntil = null;
        allowed = 1;
      } else if (allowed !== null) {
        allowed *= 2;
        if (allowed >= concurrency) allowed = null;
      }
    },
    failed(at) {
      failures++;
      // While trying or resuming one failure is enough: they are not back yet.
      if (openUntil === null && allowed === null && failures < limits.failures) return;
      openUntil = at + limits.openMs;
      allowed = null;
    },
    pauseUntil(at) {
      pausedUntil = Math.max(pausedUntil, at);
    },
    setShare(slots, rate) {
      if (ratePerSecond === 0 && rate > 0) tokens = Math.max(1, rate);
      concurrency = slots;
      ratePerSecond = rate;
    },
    state(at) {
      if (openUntil !== null) return at < openUntil ? "open" : "trying";
      if (at < pausedUntil) return "paused";
      return allowed === null ? "closed" : "resuming";
    },
    nextRoomAt(at) {
      if (at < pausedUntil) return pausedUntil;
      if (openUntil !== null && at < openUntil) return openUntil;
      if (tokens < 1 && ratePerSecond > 0) return at + ((1 - tokens) / ratePerSecond) * 1_000;
      return null;
    },
  };
}
