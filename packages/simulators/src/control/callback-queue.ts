import type { Behaviour } from "./behaviour.ts";
import type { SimulatorClock } from "./simulator-clock.ts";

/**
 * Callbacks on their way out: in order, or as a behaviour says: late, several times, behind later ones, never.
 * How one is delivered, and tried again, is the system's own matter.
 */
export interface CallbackQueue<Callback> {
  /** Sends the callbacks of one request, in their order, under the behaviour chosen for it. */
  send(callbacks: readonly Callback[], behaviour: Behaviour | null): void;
  /** Forgets what it holds back. */
  reset(): void;
}

interface HeldBack {
  behind: number;
  release(): void;
}

const holdMsDefault = 60_000;

/** `deliver` resolves when the callback has arrived or its first attempt failed; it must not throw. */
export function openCallbackQueue<Callback>(
  clock: SimulatorClock,
  deliver: (callback: Callback) => Promise<void>,
): CallbackQueue<Callback> {
  let heldBack: HeldBack[] = [];

  async function deliverAll(callbacks: readonly Callback[]): Promise<void> {
    for (const callback of callbacks) await deliver(callback);
  }

  /** Callbacks of a later request have arrived: what was held back for them comes nearer. */
  function passed(groups: readonly HeldBack[]): void {
    for (const group of groups) {
      group.behind -= 1;
      if (group.behind <= 0) group.release();
    }
  }

  function sendAt(due: number, callbacks: readonly Callback[]): void {
    const overtaken = heldBack;
    clock.at(due, async () => {
      await deliverAll(callbacks);
      passed(overtaken);
    });
  }

  function holdBack(callbacks: readonly Callback[], behind: number, holdMs: number): void {
    const reversed = callbacks.toReversed();
    if (behind === 0) {
      clock.at(clock.now(), () => deliverAll(reversed));
      return;
    }
    const forget = clock.at(clock.now() + holdMs, () => {
      leave();
      return deliverAll(reversed);
    });
    const group: HeldBack = {
      behind,
      release() {
        if (!heldBack.includes(group)) return;
        leave();
        forget();
        clock.at(clock.now(), () => deliverAll(reversed));
      },
    };
    const leave = () => {
      heldBack = heldBack.filter((other) => other !== group);
    };
    heldBack = [...heldBack, group];
  }

  return {
    send(callbacks, behaviour) {
      if (callbacks.length === 0) return;
      switch (behaviour?.behaviour) {
        case "lost-callback":
          return;
        case "delayed-callback":
          return sendAt(clock.now() + behaviour.delayMs, callbacks);
        case "duplicate-callback": {
          const { count = 2 } = behaviour;
          return sendAt(
            clock.now(),
            callbacks.flatMap((callback) => Array.from({ length: count }, () => callback)),
          );
        }
        case "out-of-order-callback":
          return holdBack(callbacks, behaviour.behind ?? 1, behaviour.holdMs ?? holdMsDefault);
        default:
          return sendAt(clock.now(), callbacks);
      }
    },
    reset() {
      heldBack = [];
    },
  };
}
