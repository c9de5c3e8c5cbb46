/** Sums over the acts of one day, ours against theirs. Pure. */

/** What one act, or one record of theirs, adds to which sums: whole minor units by group. */
export type Amounts = Readonly<Record<string, number>>;

/** An act of ours as it stands here. */
export interface DayAct {
  readonly tenantId: string;
  /** As they call it; another one for every act. */
  readonly name: string;
  /** `2026-11-24`, UTC. */
  readonly day: string;
  readonly amounts: Amounts;
  /** `open`: nobody knows its outcome yet; it counts on neither side. */
  readonly outcome: "completed" | "open" | "not-done";
}

/** A record of theirs, or a part of one. */
export interface DayRecord {
  /** The name of the act it came from, or any name when it came from none. */
  readonly name: string;
  /** How a person finds it over there. */
  readonly label: string;
  readonly amounts: Amounts;
}

/** Names of one kind that a report lists; of more it has the number only. */
export const namesListed = 1_000;

export interface DayTotals {
  /** By group, in order of its name. As text, because sums may be larger than a safe integer. */
  readonly sums: readonly { readonly group: string; readonly ours: string; readonly theirs: string }[];
  /** Names of acts that are completed here and that they do not have on this day. This and the next two: the first 1,000. */
  readonly missing: readonly string[];
  /** Labels of records that no act of this day, completed here, accounts for. */
  readonly extra: readonly string[];
  /** Labels of records that add up to something else than their act, such as one that is there twice. */
  readonly differing: readonly string[];
  /** How many of these there are, with those that are not listed. */
  readonly found: { readonly missing: number; readonly extra: number; readonly differing: number };
  /** Acts that count. */
  readonly counted: number;
  /** Acts without an outcome. */
  readonly open: number;
  /** Every sum, and every act by itself. */
  readonly equal: boolean;
}

/**
 * Compares one tenant's acts of a day with the records of its books. `acts`: those of every tenant and of other days too, by name, so
 * that in books which tenants share a record of another's act is left to that one.
 */
export function compareDay(
  tenantId: string,
  day: string,
  acts: ReadonlyMap<string, DayAct>,
  records: readonly DayRecord[],
): DayTotals {
  const theirs = new Map<string, Side>();
  for (const { name, label, amounts } of records) {
    const act = acts.get(name);
    if (act !== undefined && (act.tenantId !== tenantId || act.outcome === "open")) continue;
    const side = theirs.get(name) ?? { labels: new Set(), sums: new Map() };
    side.labels.add(label);
    add(side.sums, amounts);
    theirs.set(name, side);
  }
  const ourSums: Sums = new Map();
  const theirSums: Sums = new Map();
  for (const { sums } of theirs.values()) for (const [group, sum] of sums) addTo(theirSums, group, sum);
  const missing: string[] = [];
  const differing: string[] = [];
  let counted = 0;
  let open = 0;
  for (const act of acts.values()) {
    if (act.tenantId !== tenantId || act.day !== day) continue;
    if (act.outcome === "open") open++;
    if (act.outcome !== "completed") continue;
    counted++;
    const own: Sums = new Map();
    add(own, act.amounts);
    for (const [group, sum] of own) addTo(ourSums, group, sum);
    const side = theirs.get(act.name);
    theirs.delete(act.name);
    if (side === undefined) missing.push(act.name);
    else if (!sameSums(own, side.sums)) differing.push(...side.labels);
  }
  const extra = [...theirs.values()].flatMap(({ labels }) => [...labels]);
  const sums = sumsOf(ourSums, theirSums);
  const equal =
    missing.length + extra.length + differing.length === 0 && sums.every((sum) => sum.ours === sum.theirs);
  return {
    sums,
    missing: missing.slice(0, namesListed),
    extra: extra.slice(0, namesListed),
    differing: differing.slice(0, namesListed),
    found: { missing: missing.length, extra: extra.length, differing: differing.length },
    counted,
    open,
    equal,
  };
}

/** Which of so many parts a name belongs to, 0 or more. The same name always to the same, so parts can be compared one after the other. */
export function partOf(name: string, parts: number): number {
  // FNV-1a, 32 bits.
  let hash = 0x811c9dc5;
  for (let n = 0; n < name.length; n++) hash = Math.imul(hash ^ name.charCodeAt(n), 0x01000193);
  return (hash >>> 0) % parts;
}

/** What two parts of the same day come to together. */
export function addTotals(a: DayTotals, b: DayTotals): DayTotals {
  const ours: Sums = new Map();
  const theirs: Sums = new Map();
  for (const sum of [...a.sums, ...b.sums]) {
    addTo(ours, sum.group, BigInt(sum.ours));
    addTo(theirs, sum.group, BigInt(sum.theirs));
  }
  const both = (which: "missing" | "extra" | "differing") => [...a[which], ...b[which]].slice(0, namesListed);
  return {
    sums: sumsOf(ours, theirs),
    missing: both("missing"),
    extra: both("extra"),
    differing: both("differing"),
    found: {
      missing: a.found.missing + b.found.missing,
      extra: a.found.extra + b.found.extra,
      differing: a.found.differing + b.found.differing,
    },
    counted: a.counted + b.counted,
    open: a.open + b.open,
    // Of unequal parts one names what is wrong, so that they cannot become equal together.
    equal: a.equal && b.equal,
  };
}

function sumsOf(ours: Sums, theirs: Sums): DayTotals["sums"] {
  return [...new Set([...ours.keys(), ...theirs.keys()])].sort().map((group) => ({
    group,
    ours: String(ours.get(group) ?? 0n),
    theirs: String(theirs.get(group) ?? 0n),
  }));
}

type Sums = Map<string, bigint>;

interface Side {
  readonly labels: Set<string>;
  readonly sums: Sums;
}

function add(sums: Sums, amounts: Amounts): void {
  for (const [group, amount] of Object.entries(amounts)) addTo(sums, group, BigInt(amount));
}

function addTo(sums: Sums, group: string, amount: bigint): void {
  sums.set(group, (sums.get(group) ?? 0n) + amount);
}

function sameSums(a: Sums, b: Sums): boolean {
  return [...new Set([...a.keys(), ...b.keys()])].every(
    (group) => (a.get(group) ?? 0n) === (b.get(group) ?? 0n),
  );
}

const dayMs = 86_400_000;

/** The day of an instant, UTC. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** The last days that have been over for so long, oldest first. */
export function closedDays(now: number, closesAfterMs: number, days: number): readonly string[] {
  const open = startOf(now - closesAfterMs);
  return Array.from({ length: days }, (_, n) => dayOf(open - (days - n) * dayMs));
}

/** When the next day will have been over for so long. */
export function nextClosing(now: number, closesAfterMs: number): number {
  return startOf(now - closesAfterMs) + dayMs + closesAfterMs;
}

function startOf(at: number): number {
  return Math.floor(at / dayMs) * dayMs;
}
