/** What customers suffer from, and nothing else, opens an incident. Limits are told in docs/operations/incidents.md. */
export const symptomNames = ["processes-late", "processes-failing", "hand-offs-stuck"] as const;
export type SymptomName = (typeof symptomNames)[number];

/** What is wrong now, of one tenant. */
export interface Symptom {
  readonly symptom: SymptomName;
  /** Process type or treaty it is about. */
  readonly subject: string;
  /** Since when customers suffer, as far as can be told: epoch milliseconds, business time. */
  readonly since: number;
  /** How many processes or hand-offs. */
  readonly count: number;
  /** Earliest first, at most `processIdsTold`. */
  readonly processIds: readonly string[];
  /** One plain sentence. */
  readonly says: string;
}

export const processIdsTold = 20;

/** Of the processes of the last quarter of an hour that ended, and only from so many on. */
export const failedShareAllowed = 0.2;
export const failedShareFrom = 20;
export const failingWindowMs = 15 * 60_000;

/** A hand-off of a treaty that promises nothing else makes no progress when it is older than this. */
export const stuckAfterMs = 15 * 60_000;

/** An incident counts as resolved in time within this, from its beginning. */
export const resolvedWithinMs = 30 * 60_000;

export function runbookOf(symptom: SymptomName): string {
  return `docs/operations/incidents.md#${symptom}`;
}

/** One incident per symptom and subject is open at a time. */
export function symptomKey({ symptom, subject }: Pick<Symptom, "symptom" | "subject">): string {
  return `${symptom}/${subject}`;
}

/** A symptom with every process that was found to suffer, not only those told. */
export type Found = Symptom & { readonly allProcessIds: readonly string[] };

/**
 * One page per root: processes that are late because their hand-off is stuck are told with the hand-off. Where they were told first, as
 * late, that incident goes on until they are not late any more, and the hand-off is part of it: an incident that ended because
 * it changed its name would have been shorter than what customers suffered. `open`: keys of the incidents that are open.
 */
export function rootsOf(
  { late, failing, stuck }: Readonly<Record<"late" | "failing" | "stuck", readonly Found[]>>,
  open: ReadonlySet<string>,
): readonly Symptom[] {
  const lateFirst = late.filter((one) => open.has(symptomKey(one)));
  const toldAsLate = new Set(lateFirst.flatMap(({ allProcessIds }) => allProcessIds));
  const inStuck = new Set(stuck.flatMap(({ allProcessIds }) => allProcessIds));
  const roots = [
    ...late.filter((one) => lateFirst.includes(one) || one.allProcessIds.some((id) => !inStuck.has(id))),
    ...failing,
    ...stuck.filter(
      (one) => open.has(symptomKey(one)) || one.allProcessIds.some((id) => !toldAsLate.has(id)),
    ),
  ];
  return roots.map(({ allProcessIds: _all, ...symptom }) => symptom);
}
