/** The hours of the day, UTC, in which a system takes postings; `22:00` to `04:00` runs over midnight. */
export interface BatchWindow {
  /** What becomes of postings outside it. A synchronous call cannot be queued: it is refused in both modes. */
  readonly mode: "refuse" | "queue";
  readonly from: string;
  readonly to: string;
}

const dayMs = 86_400_000;

function minuteMs(text: string): number {
  const [hours = "0", minutes = "0"] = text.split(":");
  return (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** True always when there is no window. The end is exclusive. */
export function isInside(window: BatchWindow | null, now: number): boolean {
  if (window === null) return true;
  const [from, to, at] = [minuteMs(window.from), minuteMs(window.to), now % dayMs];
  return from <= to ? from <= at && at < to : at >= from || at < to;
}

/** When it opens next, epoch milliseconds; now, when it is open. */
export function nextOpening(window: BatchWindow | null, now: number): number {
  if (window === null || isInside(window, now)) return now;
  const opening = now - (now % dayMs) + minuteMs(window.from);
  return opening > now ? opening : opening + dayMs;
}
