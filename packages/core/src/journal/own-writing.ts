import { comparePositions, compareXids, type Entry, type JsonObject, type NewEntry } from "../model/entry.ts";
import { laneOf } from "../model/lane.ts";
import type { Database } from "../postgres/database.ts";
import type { AppendedAt } from "./append.ts";
import { countLanesAfter, type LanePosition, readLanesAfter } from "./read.ts";

/**
 * Entries this process wrote and will soon read back. The journal is asked only how many entries a lane holds below the
 * gate: when they are as many as were written here, they are the same, because what was committed here is among them.
 * Sending, parsing and sorting them again cost a tenth of a command's CPU.
 */
export interface OwnWriting {
  /**
   * Call once the entries' commit was confirmed, never before: of a transaction that failed, another process may write
   * other content under the same id. Without a place they are read from the table.
   * `rows`: which of the statement's rows they were, from 0, when others were among them that were not stored.
   */
  committed(entries: readonly NewEntry<object>[], at: AppendedAt | null, rows?: readonly number[]): void;
  /** As the function of that name. */
  readLanesAfter(lanes: readonly LanePosition[], perLane: number): Promise<Entry[]>;
  /** Forgets everything: the journal may have been replaced. */
  forget(): void;
}

interface OwnLane {
  /** In order, without those already served. */
  entries: Entry[];
  /** Others write here, too, so counting first would only add a round trip. */
  foreign: boolean;
}

/** `perLaneKept`: entries kept per lane (default 1,024). A reader that is further behind reads from the table. */
export function openOwnWriting(database: Database, perLaneKept = 1_024): OwnWriting {
  const lanes = new Map<number, OwnLane>();

  function add(entry: Entry): void {
    let lane = lanes.get(entry.lane);
    if (lane === undefined) {
      lane = { entries: [], foreign: false };
      lanes.set(entry.lane, lane);
    }
    const last = lane.entries.at(-1);
    // Confirmed out of order, or too many: what is not kept is read from the table.
    if (last !== undefined && comparePositions(last.position, entry.position) >= 0) lane.entries = [];
    if (lane.entries.length >= perLaneKept) lane.entries = [];
    lane.entries.push(entry);
  }

  /** What is known of a lane after a position; what lies before it will not be asked for again. */
  function ownAfter({ lane, position }: LanePosition): readonly Entry[] {
    const own = lanes.get(lane);
    if (own === undefined) return [];
    const passed = own.entries.findIndex((entry) => comparePositions(entry.position, position) > 0);
    if (passed !== 0) own.entries = passed === -1 ? [] : own.entries.slice(passed);
    return own.entries;
  }

  /** Entries of the lanes that are known to be whole, and the lanes that must be read. */
  async function readOwn(
    asked: readonly LanePosition[],
    perLane: number,
  ): Promise<{ readonly found: Entry[]; readonly unsure: readonly LanePosition[] }> {
    const counts = await countLanesAfter(database, asked, perLaneKept + 1);
    const byLane = new Map(counts.map((count) => [count.lane, count]));
    const found: Entry[] = [];
    const unsure: LanePosition[] = [];
    for (const place of asked) {
      const { count, gate } = byLane.get(place.lane) as { count: number; gate: string };
      if (count === 0) continue;
      const own = ownAfter(place);
      // Own entries below the gate are all among the counted ones; equal numbers leave no room for others.
      const behind = own.findIndex((entry) => compareXids(entry.position.xid, gate) >= 0);
      if ((behind === -1 ? own.length : behind) !== count) unsure.push(place);
      else for (let i = 0; i < Math.min(count, perLane); i++) found.push(own[i] as Entry);
    }
    return { found, unsure };
  }

  async function readWhole(asked: readonly LanePosition[], perLane: number): Promise<Entry[]> {
    const read = await readLanesAfter(database, asked, perLane);
    const byLane = Map.groupBy(read, (entry) => entry.lane);
    for (const place of asked) {
      const entries = byLane.get(place.lane);
      if (entries === undefined) continue;
      const own = new Set(ownAfter(place).map((entry) => entry.id));
      const lane = lanes.get(place.lane);
      if (lane !== undefined) lane.foreign = !entries.every((entry) => own.has(entry.id));
    }
    return read;
  }

  return {
    committed(entries, at, rows) {
      if (at === null) return;
      entries.forEach((entry, i) => {
        const position = { xid: at.xid, seq: String(at.base + 1 + (rows?.[i] ?? i)) };
        const data = asStored(entry.data) as JsonObject;
        add({ ...entry, data, position, lane: laneOf(entry.tenantId, entry.key) });
      });
    },
    async readLanesAfter(asked, perLane) {
      const counted: LanePosition[] = [];
      const whole: LanePosition[] = [];
      for (const place of asked) {
        if (lanes.get(place.lane)?.foreign === true) whole.push(place);
        else counted.push(place);
      }
      if (!counted.some(({ lane }) => (lanes.get(lane)?.entries.length ?? 0) > 0))
        return readWhole(asked, perLane);
      const { found, unsure } = await readOwn(counted, perLane);
      const rest = [...whole, ...unsure];
      if (rest.length > 0) found.push(...(await readWhole(rest, perLane)));
      return found.sort((a, b) => comparePositions(a.position, b.position));
    },
    forget() {
      lanes.clear();
    },
  };
}

/** What a reader of the table would get for `data`. Nearly always that is what was written. */
function asStored(data: object): unknown {
  return isJson(data) ? data : JSON.parse(JSON.stringify(data));
}

function isJson(value: unknown): boolean {
  if (value === null) return true;
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      if (Array.isArray(value)) return value.every(isJson);
      return isPlain(value) && Object.values(value).every(isJson);
    default:
      return false;
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !("toJSON" in value);
}
