/** A daily span in which a counterparty takes requests. Over midnight when it opens later than it closes. */
export interface SendingWindow {
  /** `HH:MM`, wall time in the zone. */
  readonly opensAt: string;
  readonly closesAt: string;
  /** IANA name. */
  readonly timeZone: string;
}

/** The moment from `at` on at which the window is open: `at` itself, or the next opening. Epoch milliseconds. */
export function nextOpen(window: SendingWindow | undefined, at: number): number {
  if (window === undefined) return at;
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(window.timeZone);
  const time = local.toPlainTime();
  const opens = Temporal.PlainTime.from(window.opensAt);
  const closes = Temporal.PlainTime.from(window.closesAt);
  const afterOpening = Temporal.PlainTime.compare(time, opens) >= 0;
  const beforeClosing = Temporal.PlainTime.compare(time, closes) < 0;
  const overMidnight = Temporal.PlainTime.compare(opens, closes) > 0;
  if (overMidnight ? afterOpening || beforeClosing : afterOpening && beforeClosing) return at;
  const day = local.toPlainDate();
  const opening = (afterOpening ? day.add({ days: 1 }) : day).toZonedDateTime({
    timeZone: window.timeZone,
    plainTime: opens,
  });
  return opening.epochMilliseconds;
}
