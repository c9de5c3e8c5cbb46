/** One debit that may still be undone: [processId, fundedFromQuota, fundedOnDemand, onDemandAmountMinor]. */
export type RecentDebit = readonly [
  processId: string,
  fundedFromQuota: number,
  fundedOnDemand: number,
  onDemandAmountMinor: number,
];

/**
 * The debits an account remembers so that each is undone at most once.
 * Bounded, because the state row is rewritten at every debit: sixteen tuples are about 0.8 kB of JSON. Compensation
 * follows its debit within seconds; what sixteen later debits have pushed out is refused as too old and left to a person.
 */
export interface RecentDebits {
  /** Oldest first, at most `debitsRemembered`. An undone debit stays, with zeros, until pushed out. */
  readonly items: readonly RecentDebit[];
  /** How many of `items`, from the front, belong to ended cycles. */
  readonly fromEndedCycles: number;
  /** Largest process id pushed out; "" when none was. Process ids are UUIDv7, so they sort by time. */
  readonly forgottenUpTo: string;
}

export const debitsRemembered = 16;

export const noDebits: RecentDebits = { items: [], fromEndedCycles: 0, forgottenUpTo: "" };

/** Adds the newest debit; the oldest leaves when there are too many. */
export function rememberDebit(debits: RecentDebits, debit: RecentDebit): RecentDebits {
  const { items, fromEndedCycles, forgottenUpTo } = debits;
  if (items.length < debitsRemembered) return { items: [...items, debit], fromEndedCycles, forgottenUpTo };
  const [oldestProcessId] = items[0]!;
  const kept = items.slice(1);
  kept.push(debit);
  return {
    items: kept,
    fromEndedCycles: Math.max(0, fromEndedCycles - 1),
    forgottenUpTo: laterId(oldestProcessId, forgottenUpTo),
  };
}

/** Ids minted by several gateways can be out of order by a little. */
function laterId(a: string, b: string): string {
  if (a > b) return a;
  return b;
}

/** Every debit so far now belongs to an ended cycle. */
export function endCycleOfDebits(debits: RecentDebits): RecentDebits {
  return { ...debits, fromEndedCycles: debits.items.length };
}

/** Marks a debit as undone: nothing of it is left to give back. */
export function markUndone(debits: RecentDebits, processId: string): RecentDebits {
  const items = debits.items.map((debit) =>
    debit[0] === processId ? ([processId, 0, 0, 0] as const) : debit,
  );
  return { ...debits, items };
}

export type FoundDebit =
  | { readonly debit: RecentDebit; readonly inRunningCycle: boolean }
  | "debit-unknown"
  | "debit-already-undone"
  | "debit-too-old";

/**
 * Looks up the debit of a process that is still to be undone, or says why there is none.
 * "Too old" and "unknown" are told apart by comparing process ids, which helps support; both refuse.
 */
export function findDebit(debits: RecentDebits, processId: string): FoundDebit {
  const index = debits.items.findLastIndex((debit) => debit[0] === processId);
  const debit = debits.items[index];
  if (debit === undefined) return processId <= debits.forgottenUpTo ? "debit-too-old" : "debit-unknown";
  // A live debit is at least one unit.
  if (debit[1] + debit[2] === 0) return "debit-already-undone";
  return { debit, inRunningCycle: index >= debits.fromEndedCycles };
}
