import type { Entry, JsonObject, NewEntry } from "../model/entry.ts";
import type { Database } from "../postgres/database.ts";
import { type EntryPlace, type LanePosition, readEntries, readLanesAfter, readPlacesAfter } from "./read.ts";

/**
 * Entries this process wrote and will soon read back. The journal is asked only where they stand, which decides what may
 * be read and in which order; what they say is known. Sending and parsing it again cost a tenth of a command's CPU.
 */
export interface OwnWriting {
  /**
   * Call once the entries' commit was confirmed, never before: of a transaction that failed, another process may write
   * other content under the same id.
   */
  committed(entries: readonly NewEntry<object>[]): void;
  /** As the function of that name. */
  readLanesAfter(lanes: readonly LanePosition[], perLane: number): Promise<Entry[]>;
  /** Forgets everything: the journal may have been replaced. */
  forget(): void;
}

/** `limit`: entries kept (default 4,096). A reader that is further behind reads from the table. */
export function openOwnWriting(database: Database, limit = 4_096): OwnWriting {
  const written = new Map<string, NewEntry<object>>();
  /** Most of what was read last was written elsewhere, so asking for places first would only add a round trip. */
  let mostlyForeign = false;

  function take(id: string): NewEntry<object> | undefined {
    const entry = written.get(id);
    if (entry !== undefined) written.delete(id);
    return entry;
  }

  async function readPlaced(lanes: readonly LanePosition[], perLane: number): Promise<Entry[]> {
    const places = await readPlacesAfter(database, lanes, perLane);
    const entries: Entry[] = [];
    const unknown = new Map<string, number>();
    for (const place of places) {
      const entry = take(place.id);
      if (entry === undefined) unknown.set(place.id, entries.length);
      entries.push(placed(entry, place));
    }
    const ids = [...unknown.keys()];
    for (let from = 0; from < ids.length; from += 1_000) {
      for (const entry of await readEntries(database, ids.slice(from, from + 1_000))) {
        entries[unknown.get(entry.id) as number] = entry;
        unknown.delete(entry.id);
      }
    }
    mostlyForeign = ids.length * 2 > places.length;
    // A month may be dropped between the two statements. Read whole: what is gone is then gone from the places, too.
    return unknown.size === 0 ? entries : readLanesAfter(database, lanes, perLane);
  }

  return {
    committed(entries) {
      for (const entry of entries) written.set(entry.id, entry);
      if (written.size > limit) written.clear();
    },
    async readLanesAfter(lanes, perLane) {
      if (written.size > 0 && !mostlyForeign) return readPlaced(lanes, perLane);
      const read = await readLanesAfter(database, lanes, perLane);
      const own = read.filter((entry) => take(entry.id) !== undefined).length;
      if (own * 2 > read.length) mostlyForeign = false;
      return read;
    },
    forget() {
      written.clear();
    },
  };
}

/** An entry that is not known is filled in from the table before anybody sees it. */
function placed(entry: NewEntry<object> | undefined, { position, lane }: EntryPlace): Entry {
  const data = entry === undefined ? {} : (asStored(entry.data) as JsonObject);
  return { ...(entry as NewEntry), data, position, lane };
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
