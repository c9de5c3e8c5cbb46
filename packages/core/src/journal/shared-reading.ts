import { comparePositions, type Entry, type Position } from "../model/entry.ts";
import type { Database } from "../postgres/database.ts";
import { together } from "../postgres/together.ts";
import { type OwnWriting, openOwnWriting } from "./own-writing.ts";
import { type JournalIdentity, type LanePosition, readJournalIdentity } from "./read.ts";

/**
 * One journal read for several consumers of a process. What one of them read, another that follows behind takes from
 * memory: entries never change and are only ever read once nothing earlier can appear, so the copy is as good as the table.
 */
export interface SharedReading extends Pick<OwnWriting, "committed"> {
  /** As readLanesAfter, for the follower of that name. Lanes with remembered entries after their position are answered from memory. */
  after(follower: string, lanes: readonly LanePosition[], perLane: number): Promise<Entry[]>;
  /** As readJournalIdentity, asked after the call: once for all who ask at the same time. */
  identity(): Promise<JournalIdentity>;
  /** Forgets everything: the journal may have been replaced. */
  forget(): void;
}

/** Milliseconds in which those who renew their leases at the same moment have come to asking for the journal. */
const gatherMs = 5;

/** A run of a lane without a gap: everything after `from`, up to its last entry. */
interface Remembered {
  from: Position;
  entries: Entry[];
}

/** `perLaneRemembered`: entries kept per lane at most (default 1,024, about 12 MB for a journal of small entries). */
export function shareReading(database: Database, perLaneRemembered = 1_024): SharedReading {
  const lanes = new Map<number, Remembered>();
  /** Where each follower of a lane stood when it last asked: what all have passed is kept for nobody. */
  const passed = new Map<number, Map<string, Position>>();
  const own = openOwnWriting(database);
  const identity = together<undefined, JournalIdentity>(async (asked) => {
    const now = await readJournalIdentity(database);
    return asked.map(() => now);
  }, gatherMs);

  function recall({ lane, position }: LanePosition, perLane: number): Entry[] {
    const known = lanes.get(lane);
    if (known === undefined || comparePositions(position, known.from) < 0) return [];
    const start = firstAfter(known.entries, position);
    return known.entries.slice(start, start + perLane);
  }

  function pass(follower: string, { lane, position }: LanePosition): void {
    let places = passed.get(lane);
    if (places === undefined) {
      places = new Map();
      passed.set(lane, places);
    }
    places.set(follower, position);
    const known = lanes.get(lane);
    if (known === undefined) return;
    let last = position;
    for (const place of places.values()) if (comparePositions(place, last) < 0) last = place;
    forgetUpTo(known, firstAfter(known.entries, last));
  }

  /** Followers may have read the same at the same time: runs that meet become one, and only one with a gap before it begins anew. */
  function remember(asked: readonly LanePosition[], read: readonly Entry[]): void {
    const byLane = Map.groupBy(read, (entry) => entry.lane);
    for (const { lane, position } of asked) {
      const entries = byLane.get(lane);
      const last = entries?.at(-1)?.position;
      if (entries === undefined || last === undefined) continue;
      const known = lanes.get(lane);
      const end = known?.entries.at(-1)?.position ?? known?.from;
      if (known === undefined || end === undefined || comparePositions(end, position) < 0) {
        lanes.set(lane, { from: position, entries: [...entries] });
        continue;
      }
      const isEarlier = comparePositions(position, known.from) < 0;
      // A follower far behind reads for itself until it comes to what the others remember.
      if (isEarlier && comparePositions(last, known.from) < 0) continue;
      if (isEarlier) {
        known.entries.unshift(...entries.slice(0, firstAfter(entries, known.from)));
        known.from = position;
      }
      known.entries.push(...entries.slice(firstAfter(entries, end)));
      forgetUpTo(known, known.entries.length - perLaneRemembered);
    }
  }

  return {
    async after(follower, asked, perLane) {
      const found: Entry[] = [];
      const missing: LanePosition[] = [];
      for (const lane of asked) {
        pass(follower, lane);
        const entries = recall(lane, perLane);
        if (entries.length === 0) missing.push(lane);
        else found.push(...entries);
      }
      if (missing.length > 0) {
        const read = await own.readLanesAfter(missing, perLane);
        remember(missing, read);
        found.push(...read);
      }
      // Oldest first over all lanes, as the table would have answered.
      return missing.length === asked.length
        ? found
        : found.sort((a, b) => comparePositions(a.position, b.position));
    },
    committed: own.committed,
    identity: () => identity(undefined),
    forget() {
      lanes.clear();
      passed.clear();
      own.forget();
    },
  };
}

/** Forgets the first entries of a run, as many as said. */
function forgetUpTo(known: Remembered, count: number): void {
  if (count <= 0) return;
  known.from = known.entries[count - 1]?.position ?? known.from;
  known.entries = known.entries.slice(count);
}

/** Index of the first entry after the position; entries are in order. */
function firstAfter(entries: readonly Entry[], position: Position): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = entries[middle] as Entry;
    if (comparePositions(entry.position, position) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
