import { type CallbackQueue, openCallbackQueue } from "./callback-queue.ts";
import { type Connections, openConnections } from "./connections.ts";
import { type KeptState, stateInMemory } from "./kept-state.ts";
import { type Effect, type Logs, openLogs } from "./logs.ts";
import { openRuleBook, type RuleBook } from "./rule-book.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";
import { openSimulatorClock, type SimulatorClock } from "./simulator-clock.ts";
import type { SystemDescription } from "./system-description.ts";

/** `refuse`: connections are reset. `hang`: no answer. `unavailable`: 503 in the system's own shape. */
export const outageModes = ["none", "refuse", "hang", "unavailable"] as const;
export type OutageMode = (typeof outageModes)[number];

/** What one simulator shares with its control interface: one per running simulator, nothing process-wide. */
export interface Control {
  readonly system: SystemDescription;
  readonly clock: SimulatorClock;
  readonly rules: RuleBook;
  readonly logs: Logs;
  readonly connections: Connections;
  /** The world, apart from what is only of use to a running program. After a reset its maps must be asked for anew. */
  readonly state: KeptState;
  /** The seed it runs with now. */
  seed(): number;
  /** A stream of randomness. After a reset it must be asked for anew. */
  random(label: string): SeededRandom;
  /** Simulator's time, ISO 8601. */
  isoNow(): string;
  /** Writes down an effect that time caused, not a request; a request's own are written by `request.call.effect`. */
  effect(effect: Omit<Effect, "n" | "at">): void;
  /** A queue for the system's callbacks, emptied by a reset. */
  callbacks<Callback>(deliver: (callback: Callback) => Promise<void>): CallbackQueue<Callback>;
  outage(): OutageMode;
  setOutage(mode: OutageMode): void;
  /** Ends everything that waits: connections that are held, and what time would have brought. */
  release(): void;
  /** As new, with the same seed or another. The system forgets its own state besides. */
  reset(seed?: number): void;
}

export function openControl(
  system: SystemDescription,
  firstSeed: number,
  state: KeptState = stateInMemory(),
): Control {
  let seed = firstSeed;
  let outage: OutageMode = "none";
  const clock = openSimulatorClock();
  const rules = openRuleBook(system, seed);
  const logs = openLogs(state.map("effects"));
  const connections = openConnections(clock);
  const queues: { reset(): void }[] = [];
  const isoNow = () => new Date(clock.now()).toISOString();
  function release(): void {
    connections.releaseAll();
    clock.reset();
    for (const queue of queues) queue.reset();
  }
  return {
    system,
    clock,
    rules,
    logs,
    connections,
    state,
    seed: () => seed,
    // Ids of an earlier start are not given again.
    random: (label) => seededRandom(seed, state.starts === 0 ? label : `${label} ${state.starts}`),
    isoNow,
    effect(effect) {
      logs.effect({ at: isoNow(), ...effect });
    },
    callbacks(deliver) {
      const queue = openCallbackQueue(clock, deliver);
      queues.push(queue);
      return queue;
    },
    outage: () => outage,
    setOutage(mode) {
      // Who hangs on a system that is back was never served: the connection ends, the caller asks again.
      if (mode !== outage) connections.releaseAll();
      outage = mode;
    },
    release,
    reset(next = seed) {
      seed = next;
      outage = "none";
      release();
      rules.reset(seed);
      logs.clear();
      state.clear();
    },
  };
}
