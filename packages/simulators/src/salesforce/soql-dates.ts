import { refuse } from "./api-error.ts";

/** A stretch of time, ISO 8601 in UTC: `from` belongs to it, `until` does not. */
export interface DateRange {
  readonly from: string;
  readonly until: string;
}

/**
 * What a date literal such as `TODAY` or `LAST_N_DAYS:3` means at an instant; the org's time zone is UTC, its week begins on Sunday.
 * Errors: MALFORMED_QUERY for literals that are not imitated (quarters, fiscal years, numbers of weeks, months and years).
 */
export function dateRange(literal: string, now: number): DateRange {
  const [name = "", count = "0"] = literal.toUpperCase().split(":");
  const n = Number(count);
  const today = new Date(now);
  const day = (offset: number) =>
    Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate() + offset);
  const week = (offset: number) => day(7 * offset - today.getUTCDay());
  const month = (offset: number) => Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + offset, 1);
  const year = (offset: number) => Date.UTC(today.getUTCFullYear() + offset, 0, 1);
  const range = (from: number, until: number) => ({
    from: new Date(from).toISOString(),
    until: new Date(until).toISOString(),
  });
  const offsets: Readonly<Record<string, number>> = { LAST: -1, THIS: 0, NEXT: 1 };
  const [, which = "", unit = ""] = /^(LAST|THIS|NEXT)_(WEEK|MONTH|YEAR)$/.exec(name) ?? [];
  const offset = offsets[which];
  if (offset !== undefined) {
    const start = { WEEK: week, MONTH: month, YEAR: year }[unit] as (offset: number) => number;
    return range(start(offset), start(offset + 1));
  }
  switch (name) {
    case "YESTERDAY":
      return range(day(-1), day(0));
    case "TODAY":
      return range(day(0), day(1));
    case "TOMORROW":
      return range(day(1), day(2));
    case "LAST_90_DAYS":
      return range(day(-90), day(1));
    case "NEXT_90_DAYS":
      return range(day(1), day(91));
    // Up to and with today, as its documentation has it.
    case "LAST_N_DAYS":
      return range(day(-n), day(1));
    case "NEXT_N_DAYS":
      return range(day(1), day(n + 1));
    case "N_DAYS_AGO":
      return range(day(-n), day(1 - n));
    default:
      throw refuse("MALFORMED_QUERY", `date literal is not imitated by this simulator: ${literal}`);
  }
}
