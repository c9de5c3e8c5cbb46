import type { SeededRandom } from "../control/seeded-random.ts";
import { refuse } from "./api-error.ts";

/** Results of queries that did not fit one page. They stand as they were when the query ran. */
export interface QueryCursors {
  /** Keeps the records that follow the first page; answers the locator of the next. */
  keep(records: readonly object[], pageSize: number): string;
  /** Errors: 400 INVALID_QUERY_LOCATOR: unknown, or older than two days. */
  page(locator: string): {
    readonly records: readonly object[];
    readonly totalSize: number;
    readonly next: string | null;
  };
}

interface Cursor {
  readonly records: readonly object[];
  readonly pageSize: number;
  readonly openedAt: number;
}

const lifetimeMs = 2 * 86_400_000;

export function openQueryCursors(now: () => number, random: SeededRandom): QueryCursors {
  const cursors = new Map<string, Cursor>();
  return {
    keep(records, pageSize) {
      const id = `0r8${random.token(15)}`;
      cursors.set(id, { records, pageSize, openedAt: now() });
      return `${id}-${pageSize}`;
    },
    page(locator) {
      const [id = "", start = ""] = locator.split("-");
      const cursor = cursors.get(id);
      if (cursor === undefined || !/^\d+$/.test(start) || now() >= cursor.openedAt + lifetimeMs) {
        cursors.delete(id);
        throw refuse("INVALID_QUERY_LOCATOR", "invalid query locator");
      }
      const end = Number(start) + cursor.pageSize;
      return {
        records: cursor.records.slice(Number(start), end),
        totalSize: cursor.records.length,
        next: end < cursor.records.length ? `${id}-${end}` : null,
      };
    },
  };
}
