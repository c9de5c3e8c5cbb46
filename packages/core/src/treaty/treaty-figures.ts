import type { Database } from "../postgres/database.ts";
import { readFeeds } from "./followed-feed.ts";
import { readCounts } from "./treaty-counts.ts";

/** The business metrics of treaties as values, for whoever renders them. */
export interface TreatyFigure {
  readonly treaty: string;
  readonly name: string;
  /** State, class and code, kind of case: what the figure is split by; empty when by nothing. */
  readonly label: string;
  readonly value: number;
}

/** What each figure is, with its unit. */
export const figureNames: Readonly<Record<string, string>> = {
  requests: "Sendings, by target.",
  states: "Moves into a state: accepted, rejected, unknown and the others.",
  "pending-age-ms":
    "Age of the oldest hand-off in each state that is not settled, milliseconds of business time.",
  "callback-latency-ms": "Sum of the milliseconds from sending to the callback that moved something.",
  retries: "Sendings after the first.",
  parked: "Facts and messages that wait for a person as parked entries of the treaty's consumers.",
  corrections: "Moves that reconciliation caused, by the state they led to.",
  duplicates: "Messages and answers that said nothing new.",
  conflicts: "Keys or message ids used for something else.",
  "error-codes": "Answers by class and code.",
  "deadlines-missed": "Results that were late, and unknowns that went to a person.",
  fallout: "Cases opened, by kind.",
  callbacks: "Messages by what became of them.",
  reconciliations: "Comparisons by result.",
  "budget-calls":
    "Calls counted today (UTC, business time) against what a counterparty allows in a day, by budget and kind of call.",
  "budget-share":
    "Share of today's budget used, by target and budget; of several tenants the largest. 1 is all of it.",
  "answered-here": "Questions to a counterparty answered today (UTC, business time) from a copy of ours.",
  "feed-age-ms":
    "How long ago all there was to hear of a followed feed was heard, by its state, milliseconds of business time; 0 while it never was.",
  waiting: "Hand-offs in each state that is not settled, now.",
};

const open = `select treaty, state as label, count(*)::int as n, extract(epoch from min(created_at)) * 1000 as oldest
  from entente.hand_off where state not in ('completed', 'cancelled') group by 1, 2`;

/** Figures of one context. `now`: business time. */
export async function readFigures(database: Database, now: number): Promise<TreatyFigure[]> {
  const [counts, waiting, feeds, parked] = await Promise.all([
    readCounts(database),
    database.execute<{ treaty: string; label: string; n: number; oldest: string }>(open),
    readFeeds(database),
    database.execute<{ n: number }>(
      `select count(*)::int as n from entente.parked where consumer in ('hand-off-opener', 'hand-off-desk') and state = 'parked'`,
    ),
  ]);
  return [
    ...counts.map(({ treaty, name, label, total }) => ({ treaty, name, label, value: total })),
    ...waiting.flatMap(({ treaty, label, n, oldest }) => [
      { treaty, name: "waiting", label, value: n },
      { treaty, name: "pending-age-ms", label, value: Math.max(0, now - Number(oldest)) },
    ]),
    ...feeds.map(({ treaty, state, heardAt }) => {
      const value = heardAt === null ? 0 : Math.max(0, now - heardAt);
      return { treaty, name: "feed-age-ms", label: state, value };
    }),
    { treaty: "", name: "parked", label: "", value: parked[0]?.n ?? 0 },
  ];
}
