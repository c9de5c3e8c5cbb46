/**
 * Wakes sleeping loops of this process the moment a journal grew. Other processes hear through NOTIFY,
 * and an adaptive poll is the safety net, so a lost wake-up costs time and never an entry.
 */
export interface WakeUps {
  /** Something happened to the journal of this context. */
  ring(context: string): void;
  /** Calls the listener at each ring of any of the contexts; returns the unsubscribe function. */
  listen(contexts: readonly string[], listener: () => void): () => void;
}

export function openWakeUps(): WakeUps {
  const listeners = new Map<string, Set<() => void>>();
  return {
    ring(context) {
      for (const listener of listeners.get(context) ?? []) listener();
    },
    listen(contexts, listener) {
      for (const context of contexts) {
        const known = listeners.get(context) ?? new Set();
        known.add(listener);
        listeners.set(context, known);
      }
      return () => {
        for (const context of contexts) listeners.get(context)?.delete(listener);
      };
    },
  };
}

/**
 * A sleep that a signal cuts short. A signal that comes while nobody sleeps is remembered for the next sleep.
 */
export function openAlarm(): { signal(): void; sleep(ms: number): Promise<boolean> } {
  let signalled = false;
  let wake: (() => void) | null = null;
  return {
    signal() {
      signalled = true;
      wake?.();
    },
    /** Resolves true when a signal ended the sleep. */
    sleep(ms) {
      if (signalled) {
        signalled = false;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const timer = setTimeout(() => done(false), ms);
        const done = (bySignal: boolean) => {
          clearTimeout(timer);
          wake = null;
          signalled = false;
          resolve(bySignal);
        };
        wake = () => done(true);
      });
    },
  };
}
