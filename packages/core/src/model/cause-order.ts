import { comparePositions, type Entry } from "./entry.ts";

/** An entry at its place in a story: under what caused it. */
export interface CausedEntry {
  readonly entry: Entry;
  /** 0 for an entry whose cause is not among the others. */
  readonly depth: number;
}

/**
 * Entries of several journals in the order of cause: each under the entry that caused it, with everything that followed from it
 * before the next sibling. Siblings stand by clock, then by journal and their order in it, because one command's effects share a
 * moment. Entries whose cause lies outside begin a tree of their own.
 * Guarantees: every entry once, no matter in which order or how often they were read; a cause before its effects, unless causes
 * run in a circle, which no journal of ours writes; then the earliest comes first.
 */
export function orderByCause(entries: readonly Entry[]): CausedEntry[] {
  const inOrder = [...new Map(entries.map((entry) => [nameOf(entry), entry])).values()].sort(compareSiblings);
  const ids = new Set(inOrder.map(({ id }) => id));
  const isRoot = ({ id, causationId }: Entry): boolean =>
    causationId === null || causationId === id || !ids.has(causationId);
  const effects = Map.groupBy(
    inOrder.filter((entry) => !isRoot(entry)),
    ({ causationId }) => causationId as string,
  );
  const placed: CausedEntry[] = [];
  const seen = new Set<Entry>();
  const expanded = new Set<string>();
  const place = (root: Entry): void => {
    const open: CausedEntry[] = [{ entry: root, depth: 0 }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { entry, depth } = next;
      if (seen.has(entry)) continue;
      seen.add(entry);
      placed.push(next);
      // Two journals may have one id: its effects follow the first of them.
      if (expanded.has(entry.id)) continue;
      expanded.add(entry.id);
      for (const effect of (effects.get(entry.id) ?? []).toReversed())
        open.push({ entry: effect, depth: depth + 1 });
    }
  };
  for (const entry of inOrder) if (isRoot(entry)) place(entry);
  for (const entry of inOrder) if (!seen.has(entry)) place(entry);
  return placed;
}

/** Total: by clock, journal, place in it, id. */
export function compareSiblings(a: Entry, b: Entry): number {
  if (a.occurredAt !== b.occurredAt) return a.occurredAt - b.occurredAt;
  if (a.source !== b.source) return a.source < b.source ? -1 : 1;
  return comparePositions(a.position, b.position) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function nameOf({ source, id }: Entry): string {
  return `${source}\u0000${id}`;
}
