/** Resolves when the next question may be asked. */
export type Pace = () => Promise<void>;

/** The counterparty's rate holds for questions, too: everything that asks on behalf of a treaty shares its pace. Monotonic time. */
export function openPace(ratePerSecond: number): Pace {
  let nextAt = 0;
  return async () => {
    const now = performance.now();
    const at = Math.max(now, nextAt);
    nextAt = at + 1_000 / ratePerSecond;
    if (at > now) await new Promise((resolve) => setTimeout(resolve, at - now));
  };
}
