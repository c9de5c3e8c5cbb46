/**
 * A billing cycle: one calendar month in the customer's time zone.
 * Shape: [startsAt, endsAt), epoch milliseconds; `month` as `2026-11`.
 */
export interface CycleSpan {
  readonly month: string;
  readonly startsAt: number;
  readonly endsAt: number;
}

/** True when the runtime's time zone data knows this IANA name. */
export function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

/** The cycle an instant falls into. Errors: RangeError for an unknown time zone. */
export function cycleAt(atMs: number, timeZone: string): CycleSpan {
  const local = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone);
  const month = local.toPlainDate().toPlainYearMonth();
  return {
    month: month.toString(),
    startsAt: monthStart(month, timeZone),
    endsAt: monthStart(month.add({ months: 1 }), timeZone),
  };
}

/**
 * The cycle after `month`. It starts where the former one was recorded to end, not where today's time zone data
 * would put it: zone rules change, and cycles must neither overlap nor leave a gap.
 */
export function cycleAfter(month: string, endsAt: number, timeZone: string): CycleSpan {
  const next = Temporal.PlainYearMonth.from(month).add({ months: 1 });
  return {
    month: next.toString(),
    startsAt: endsAt,
    endsAt: monthStart(next.add({ months: 1 }), timeZone),
  };
}

/**
 * First moment of a month on the wall clock: midnight, or what follows it where daylight saving skips midnight
 * (Asunción, 1 October 2023: 01:00), or the earlier of two midnights.
 */
function monthStart(month: Temporal.PlainYearMonth, timeZone: string): number {
  return month.toPlainDate({ day: 1 }).toZonedDateTime(timeZone).epochMilliseconds;
}
