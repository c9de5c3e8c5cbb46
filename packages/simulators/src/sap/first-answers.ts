/** Answers kept for repeats, by what callers named their messages and requests, for a time. */
export interface FirstAnswers {
  /** `outdated`: there was one, and its time is over. */
  find(name: string, now: number): { readonly answer: unknown; readonly outdated: boolean } | undefined;
  keep(name: string, answer: unknown, now: number): void;
}

/** `keptMs` is asked at every question: it is a setting. */
export function openFirstAnswers(
  keptMs: () => number,
  kept: Map<string, { readonly answer: unknown; readonly at: number }> = new Map(),
): FirstAnswers {
  return {
    find(name, now) {
      const found = kept.get(name);
      return found === undefined ? undefined : { answer: found.answer, outdated: now - found.at >= keptMs() };
    },
    keep(name, answer, now) {
      kept.set(name, { answer, at: now });
    },
  };
}
