/** The clock of one simulator: it runs with the machine's, from wherever it was set. */
export interface SimulatorClock {
  /** Epoch milliseconds. */
  now(): number;
  /**
   * Does something when the clock reaches a time: by running on, or by being set. Returns what takes it back.
   * A time that has passed means at once, but never before this call has returned.
   */
  at(due: number, act: () => void | Promise<void>): () => void;
  /** Resolves after so many milliseconds of this clock. */
  wait(ms: number): Promise<void>;
  /**
   * Sets the clock. What falls due on the way happens in order of its time, each at that time and finished before the next,
   * with what it schedules itself; then this resolves. Set backwards, nothing happens.
   */
  set(now: number): Promise<void>;
  /** Forgets everything scheduled and shows the machine's time again. */
  reset(): void;
}

interface Scheduled {
  readonly due: number;
  readonly act: () => void | Promise<void>;
}

/** The longest a timer of Node can wait. */
const longestMs = 2_147_483_647;

export function openSimulatorClock(wall: () => number = Date.now): SimulatorClock {
  let offset = 0;
  /** Ordered by time, then by when it was scheduled. */
  let scheduled: Scheduled[] = [];
  let timer: NodeJS.Timeout | undefined;
  const now = () => wall() + offset;

  function arm(): void {
    clearTimeout(timer);
    const next = scheduled[0];
    if (next === undefined) return;
    timer = setTimeout(runDue, Math.min(Math.max(next.due - now(), 0), longestMs));
    // A delayed callback keeps no process alive: the listening server does, for as long as it is wanted.
    timer.unref();
  }

  function takeDue(until: number): Scheduled | undefined {
    return (scheduled[0]?.due ?? Number.POSITIVE_INFINITY) <= until ? scheduled.shift() : undefined;
  }

  function runDue(): void {
    // One that takes long must not hold up the others: each is started at its time.
    for (let one = takeDue(now()); one !== undefined; one = takeDue(now())) void one.act();
    arm();
  }

  const clock: SimulatorClock = {
    now,
    at(due, act) {
      const one = { due, act };
      const later = scheduled.findIndex((other) => other.due > due);
      scheduled.splice(later === -1 ? scheduled.length : later, 0, one);
      arm();
      return () => {
        scheduled = scheduled.filter((other) => other !== one);
        arm();
      };
    },
    wait: (ms) =>
      new Promise((resolve) => {
        clock.at(now() + ms, resolve);
      }),
    async set(wanted) {
      for (let one = takeDue(wanted); one !== undefined; one = takeDue(wanted)) {
        offset += Math.max(one.due - now(), 0);
        await one.act();
      }
      offset = wanted - wall();
      arm();
    },
    reset() {
      clearTimeout(timer);
      scheduled = [];
      offset = 0;
    },
  };
  return clock;
}
