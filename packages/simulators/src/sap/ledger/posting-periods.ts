import { periodAfter, periodOf } from "../calendar.ts";

/** First and last open period, both open: `2026-01`. */
export interface OpenInterval {
  readonly from: string;
  readonly to: string;
}

/**
 * Which periods take postings. Unless told otherwise the twelve months before the clock's, that month and the next are open,
 * and this moves with the clock.
 */
export interface PostingPeriods {
  isOpen(companyCode: string, period: string, today: string): boolean;
  /** For one company code, or for all that have no setting of their own (`*`); null: as without any setting. */
  set(companyCode: string, intervals: readonly OpenInterval[] | null): void;
  list(today: string): Readonly<Record<string, readonly OpenInterval[]>>;
  clear(): void;
}

export function openPostingPeriods(): PostingPeriods {
  const settings = new Map<string, readonly OpenInterval[]>();
  const byDefault = (today: string): readonly OpenInterval[] => [
    { from: periodAfter(periodOf(today), -12), to: periodAfter(periodOf(today), 1) },
  ];
  return {
    isOpen(companyCode, period, today) {
      const intervals = settings.get(companyCode) ?? settings.get("*") ?? byDefault(today);
      return intervals.some(({ from, to }) => from <= period && period <= to);
    },
    set(companyCode, intervals) {
      if (intervals === null) settings.delete(companyCode);
      else settings.set(companyCode, intervals);
    },
    list: (today) => ({ "*": byDefault(today), ...Object.fromEntries(settings) }),
    clear: () => settings.clear(),
  };
}
