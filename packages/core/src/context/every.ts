import { isFailure } from "../model/failure.ts";

/** Repeats work after a pause, never overlapping, until stopped. Trouble with the store waits for the next turn. */
export function every(
  ms: number,
  work: () => Promise<void>,
): { now(): Promise<void>; stop(): Promise<void> } {
  let stopped = false;
  let current: Promise<void> = Promise.resolve();
  const turn = (): Promise<void> => {
    current = current.then(work).catch((error: unknown) => {
      if (!isFailure(error)) throw error;
    });
    return current;
  };
  const timer = setInterval(() => {
    if (!stopped) void turn();
  }, ms);
  return {
    now: turn,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await current;
    },
  };
}
