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

export function openEventLog(now: () => number, random: SeededRandom): EventLog {
  let log: LoggedEvent[] = [];
  /** Of the last event that retention took away. */
  let forgottenUpTo = 0;
  let last = 1_000 + Math.floor(random.next() * 1_000);
  const first = last;
  const listeners: ((event: LoggedEvent) => void)[] = [];

  function forget(): void {
    const kept = log.findIndex(({ at }) => at > now() - retentionMs);
    const gone = kept === -1 ? log : log.slice(0, kept);
    if (gone.length === 0) return;
    forgottenUpTo = (gone.at(-1) as LoggedEvent).replayId;
    log = log.slice(gone.length);
  }

  return {
    append(event) {
      last += 1 + Math.floor(random.next() * 3);
      const logged = { ...event, replayId: last, at: now() };
      log.push(logged);
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
