/**
 * How many connections of a pool may be in use at once: as few as will do. Opening one costs client and server as much as dozens of
 * statements, and each costs memory for as long as it stays; most statements take a millisecond. So whoever finds all in use waits for
 * one to come back, and another is allowed only when that takes longer than a statement should.
 */
export interface Permits {
  /** Waits for a permit. Rejects after `longestMs`. */
  take(): Promise<void>;
  /** The connection of a permit is there (or will not be): only then is another one opened. */
  connected(): void;
  give(): void;
  /** The connection of a permit could not be opened. When it was the only one, nobody else is let wait for another try: it rejects them. */
  failed(error: unknown): void;
  /** A connection was closed: it was not needed, or is no good. */
  closed(): void;
}

export interface PermitLimits {
  /** Permits at most. */
  readonly most: number;
  /** Milliseconds of waiting after which one more is allowed. */
  readonly patienceMs: number;
  /** Milliseconds of waiting after which it is given up. */
  readonly longestMs: number;
}

interface Waiting {
  readonly since: number;
  readonly taken: () => void;
  readonly refused: (error: unknown) => void;
}

export function openPermits({ most, patienceMs, longestMs }: PermitLimits): Permits {
  const waiting: Waiting[] = [];
  let allowed = 1;
  let used = 0;
  let connecting = 0;
  let calmSince = 0;
  let growing: NodeJS.Timeout | null = null;

  function serve(): void {
    while (used < allowed) {
      const next = waiting.shift();
      if (next === undefined) break;
      used++;
      connecting++;
      next.taken();
    }
    const [first] = waiting;
    if (first === undefined || connecting > 0 || allowed >= most || growing !== null) return;
    const dueInMs = Math.max(first.since, calmSince) + patienceMs - performance.now();
    growing = setTimeout(
      () => {
        growing = null;
        const [oldest] = waiting;
        const isLate = oldest !== undefined && performance.now() - oldest.since >= patienceMs;
        if (isLate && connecting === 0 && allowed < most) allowed++;
        serve();
      },
      Math.max(1, dueInMs),
    );
  }

  return {
    take() {
      if (used < allowed && waiting.length === 0) {
        used++;
        connecting++;
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        const givenUp = setTimeout(() => {
          waiting.splice(waiting.indexOf(one), 1);
          reject(new Error(`no connection was free for ${longestMs} ms`));
        }, longestMs);
        const one: Waiting = {
          since: performance.now(),
          taken() {
            clearTimeout(givenUp);
            resolve();
          },
          refused(error) {
            clearTimeout(givenUp);
            reject(error);
          },
        };
        waiting.push(one);
        serve();
      });
    },
    connected() {
      connecting--;
      calmSince = performance.now();
      serve();
    },
    give() {
      used--;
      serve();
    },
    failed(error) {
      connecting--;
      used--;
      if (used === 0) for (const one of waiting.splice(0)) one.refused(error);
      serve();
    },
    closed() {
      allowed = Math.max(1, allowed - 1);
    },
  };
}
