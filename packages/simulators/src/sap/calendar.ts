/** Days, fiscal periods and times as SAP writes them. The fiscal year is the calendar year, a period a month (variant K4). */

const dayForm = /^(\d{4})-?(\d{2})-?(\d{2})$/;

/** Reads `2026-11-24` or `20261124`. Returns `2026-11-24`, or null when there is no such day. */
export function readDay(text: string): string | null {
  const known = knownDays.get(text);
  if (known !== undefined) return known;
  const day = dayOf(text);
  if (knownDays.size < 10_000) knownDays.set(text, day);
  return day;
}

/** Entries by the thousand share a few days. */
const knownDays = new Map<string, string | null>();

function dayOf(text: string): string | null {
  const match = dayForm.exec(text);
  if (match === null) return null;
  const day = `${match[1]}-${match[2]}-${match[3]}`;
  const ms = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== day ? null : day;
}

/** `2026-11` of `2026-11-24`. */
export function periodOf(day: string): string {
  return day.slice(0, 7);
}

/** `2026-11-24` */
export function dayAt(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** `20261124` */
export function compactDay(ms: number): string {
  return dayAt(ms).replaceAll("-", "");
}

/** `134501` */
export function compactTime(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19).replaceAll(":", "");
}

/** A period so many months away: `2026-11` plus 2 is `2027-01`. */
export function periodAfter(period: string, months: number): string {
  const count = Number(period.slice(0, 4)) * 12 + Number(period.slice(5, 7)) - 1 + months;
  return `${Math.floor(count / 12)}-${String((count % 12) + 1).padStart(2, "0")}`;
}
