import { ApiError } from "./api-error.ts";

export interface LimitSettings {
  /** Requests allowed in any 24 hours. */
  readonly dailyApiRequests: number;
  /** Requests longer than 20 seconds allowed at once. */
  readonly longRequests: number;
  /** Events delivered in any 24 hours, counted per subscriber. */
  readonly dailyEvents: number;
  readonly streamingClients: number;
}

/** An Enterprise org with few licences. */
export const defaultLimits: LimitSettings = {
  dailyApiRequests: 100_000,
  longRequests: 25,
  dailyEvents: 25_000,
  streamingClients: 1_000,
};

const dayMs = 86_400_000;
const minuteMs = 60_000;
const longMs = 20_000;

/** Counts over the last 24 hours, by the minute. */
interface RollingCount {
  add(): void;
  used(): number;
}

/** What the org has used of what it may use, by the simulator's clock. */
export interface ApiLimits {
  settings(): LimitSettings;
  change(settings: Partial<LimitSettings>): void;
  readonly requests: RollingCount;
  readonly events: RollingCount;
  /** Counts a request. Errors: 403 REQUEST_LIMIT_EXCEEDED when none is left; a refused one is not counted. */
  admit(): void;
  /** A request is being worked on until the returned function is called. */
  working(): () => void;
  /** `api-usage=17/100000` */
  usage(): string;
}

export function openApiLimits(now: () => number, initial: LimitSettings): ApiLimits {
  let settings = initial;
  const startedAt = new Set<{ readonly at: number }>();
  const requests = rollingCount(now);
  return {
    settings: () => settings,
    change(changed) {
      settings = { ...settings, ...changed };
    },
    requests,
    events: rollingCount(now),
    admit() {
      if (requests.used() >= settings.dailyApiRequests) throw exceeded("TotalRequests Limit exceeded.");
      const long = [...startedAt].filter(({ at }) => now() - at >= longMs).length;
      if (long >= settings.longRequests) {
        throw exceeded("ConcurrentRequests (Concurrent API Requests) Limit exceeded.");
      }
      requests.add();
    },
    working() {
      const one = { at: now() };
      startedAt.add(one);
      return () => startedAt.delete(one);
    },
    usage: () => `api-usage=${requests.used()}/${settings.dailyApiRequests}`,
  };
}

function exceeded(message: string): ApiError {
  return new ApiError(403, { errorCode: "REQUEST_LIMIT_EXCEEDED", message });
}

function rollingCount(now: () => number): RollingCount {
  const minutes = new Map<number, number>();
  return {
    add() {
      const minute = Math.floor(now() / minuteMs);
      minutes.set(minute, (minutes.get(minute) ?? 0) + 1);
    },
    used() {
      const since = Math.floor((now() - dayMs) / minuteMs);
      let used = 0;
      for (const [minute, count] of minutes) {
        if (minute > since) used += count;
        else minutes.delete(minute);
      }
      return used;
    },
  };
}
