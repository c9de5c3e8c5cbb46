import type { SeededRandom } from "../control/seeded-random.ts";

/** An event before it is on the bus. */
export interface OutgoingEvent {
  /** Every channel that carries it: `/data/AccountChangeEvent` and `/data/ChangeEvents`. */
  readonly channels: readonly string[];
  readonly schema: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly uuid: string;
}

export interface LoggedEvent extends OutgoingEvent {
  readonly replayId: number;
  /** Simulator's time, milliseconds. */
  readonly at: number;
}

const retentionMs = 72 * 3_600_000;

export type ReplayFrom =
  | { readonly events: readonly LoggedEvent[] }
  /** The id was never given, or what it stands for is kept no longer. */
  | { readonly invalid: true };

/** The event bus of an org: one log for all channels, with gaps in its numbering, kept for 72 hours by the simulator's clock. */
export interface EventLog {
  append(event: OutgoingEvent): LoggedEvent;
  /** Retained events of the channel after the id; -1: none, -2: all. */
  replay(channel: string, after: number): ReplayFrom;
  listen(hear: (event: LoggedEvent) => void): void;
}

/** `kept`: events so far, by replay id; `counters`: where its numbering begins and stands. Both are written to. */
export function openEventLog(
  now: () => number,
  random: SeededRandom,
  kept: Map<string, LoggedEvent> = new Map(),
  counters: Map<string, number> = new Map(),
): EventLog {
  let log: LoggedEvent[] = [...kept.values()];
  let last = counters.get("last event") ?? 1_000 + Math.floor(random.next() * 1_000);
  const first = counters.get("before the first event") ?? last;
  /** Of the last event that retention took away. */
  let forgottenUpTo = counters.get("last event forgotten") ?? 0;
  counters.set("before the first event", first);
  const listeners: ((event: LoggedEvent) => void)[] = [];

  function forget(): void {
    const firstKept = log.findIndex(({ at }) => at > now() - retentionMs);
    const gone = firstKept === -1 ? log : log.slice(0, firstKept);
    if (gone.length === 0) return;
    forgottenUpTo = (gone.at(-1) as LoggedEvent).replayId;
    counters.set("last event forgotten", forgottenUpTo);
    for (const { replayId } of gone) kept.delete(String(replayId));
    log = log.slice(gone.length);
  }

  return {
    append(event) {
      last += 1 + Math.floor(random.next() * 3);
      const logged = { ...event, replayId: last, at: now() };
      log.push(logged);
      kept.set(String(last), logged);
      counters.set("last event", last);
      forget();
      for (const hear of listeners) hear(logged);
      return logged;
    },
    replay(channel, after) {
      forget();
      if (after === -1) return { events: [] };
      const isKnown = after === -2 || (after > forgottenUpTo && after > first && after <= last);
      if (!isKnown) return { invalid: true };
      return {
        events: log.filter(({ replayId, channels }) => replayId > after && channels.includes(channel)),
      };
    },
    listen(hear) {
      listeners.push(hear);
    },
  };
}
