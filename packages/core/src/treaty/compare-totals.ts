import { randomUUID } from "node:crypto";
import { openAlarm, type WakeUps } from "../consumer/wake-up.ts";
import { appendEntries } from "../journal/append.ts";
import {
  addTotals,
  closedDays,
  compareDay,
  type DayAct,
  type DayRecord,
  type DayTotals,
  nextClosing,
  partOf,
} from "../model/day-totals.ts";
import type { JsonObject } from "../model/entry.ts";
import type { Database } from "../postgres/database.ts";
import type { Surroundings } from "./advance-hand-offs.ts";
import type { Pace } from "./pace.ts";
import type { MeansOf } from "./reach.ts";
import { runEntry } from "./reconcile.ts";
import { insertRuns, type SumsComparison } from "./reconciliation-runs.ts";
import { isRefusal, stopRefused } from "./refused-credentials.ts";
import { actsSince, countActs, endRun, keepRun, readDue, takeRun, writeSumsCase } from "./totals-rows.ts";
import type { HandOffTreaty, TotalsRule } from "./treaty.ts";
import { openCounts } from "./treaty-counts.ts";
import { type TreatyEvent, troubleOf } from "./treaty-events.ts";

/**
 * Compares sums: for each day that is over, what we handed over and believe completed with what stands in the books of the authority.
 * It changes nothing: it leaves a report of kind `reconciliation`, and a case with an owner for a day on which the sides differ.
 * Source: docs/decisions/0009-treaties-and-hand-offs.md, "Sums".
 */
export interface TotalsComparer {
  readonly treaty: string;
  stop(): Promise<void>;
}

export interface TotalsOptions {
  readonly treaty: HandOffTreaty & { readonly totals: TotalsRule };
  readonly around: Surroundings;
  readonly database: Database;
  readonly wakeUps: WakeUps;
  readonly means: MeansOf;
  readonly pace: Pace;
  readonly paused: () => boolean;
  readonly report: (event: TreatyEvent) => void;
}

const lookEveryMs = 1_000;
/** Beyond the answer's limit, in which another instance leaves the run alone. */
const graceMs = 60_000;
/** Acts may be opened by a process whose clock reads a moment earlier than that of the fact. */
const skewMs = 3_600_000;
/** Pages of one day's books. */
const pagesAllowed = 10_000;
const heldByDefault = 100_000;
/** For each of them the books are read once. */
const partsAllowed = 1_000;

/** Those acts and records whose names fall to one of so many parts: what is held in memory at once. */
interface Part {
  readonly part: number;
  readonly parts: number;
}

/** How a run, or a piece of it, ended. `too-many`: more records in a part than may be held. */
type Ended = "done" | "lost" | "too-many";

export function compareTotals(options: TotalsOptions): TotalsComparer {
  const { treaty, around, database, report } = options;
  const { totals } = treaty;
  const inTheBooks = [treaty.name, ...(totals.togetherWith ?? [])];
  const alarm = openAlarm();
  const stopped = new AbortController();
  const unlisten = options.wakeUps.listen([`${around.context}:hand-offs`, `${around.context}:control`], () =>
    alarm.signal(),
  );
  /** Business time of the next run, and monotonic time of the next look at whether it may be made. */
  let dueAt = 0;
  let restsUntil = 0;
  const held = totals.heldAtOnce ?? heldByDefault;
  const heldMs = treaty.times.answerWithinMs + graceMs;

  async function readActs(since: number, { part, parts }: Part): Promise<Map<string, DayAct>> {
    const acts = new Map<string, DayAct>();
    for await (const { tenantId, idempotencyKey, data, outcome } of actsSince(database, inTheBooks, since)) {
      const { day, name, amounts } = totals.ofAct({ tenantId, idempotencyKey, data });
      if (partOf(name, parts) === part) acts.set(name, { tenantId, day, name, amounts, outcome });
    }
    return acts;
  }

  /** Whoever may not ask may not send either: one alert instead of a storm. Anything else is asked again later. */
  async function refused(tenantId: string, code: string): Promise<void> {
    const { target, errorMap } = treaty;
    const text = "They did not show their books.";
    report({ event: "courier-trouble", target, trouble: code, text, count: 0, processIds: [], handOffs: [] });
    if (!isRefusal(errorMap, code)) return;
    for (const line of await stopRefused(database, treaty, tenantId, code, around.now())) report(line);
  }

  /** `lost`: the run ends here; another instance has taken it, or they refused. */
  async function readBooks(
    tenantId: string,
    day: string,
    { part, parts }: Part,
    holder: string,
  ): Promise<DayRecord[] | Exclude<Ended, "done">> {
    const records: DayRecord[] = [];
    let after: string | null = null;
    for (let n = 0; n < pagesAllowed; n++) {
      await options.pace();
      if (!(await keepRun(database, treaty.name, holder, heldMs))) return "lost";
      const limit = AbortSignal.timeout(treaty.times.answerWithinMs);
      const signal = AbortSignal.any([limit, stopped.signal]);
      const page = await totals.readPage({ tenantId, day, after }, options.means(treaty, signal, tenantId));
      if ("code" in page) {
        await refused(tenantId, page.code);
        return "lost";
      }
      for (const record of page.records) if (partOf(record.name, parts) === part) records.push(record);
      if (records.length > held) return "too-many";
      after = page.next;
      if (after === null) return records;
    }
    throw new Error(`more than ${pagesAllowed} pages of one day`);
  }

  /** A part of one day of one tenant. */
  async function compareOne(
    tenantId: string,
    day: string,
    since: number,
    acts: Map<string, DayAct>,
    one: Part,
    holder: string,
  ): Promise<DayTotals | Exclude<Ended, "done">> {
    const records = await readBooks(tenantId, day, one, holder);
    if (typeof records === "string") return records;
    const found = compareDay(tenantId, day, acts, records);
    if (found.equal) return found;
    // What came in while the books were read is no difference: only what was so before and is so now counts.
    return compareDay(tenantId, day, bothTimes(acts, await readActs(since, one)), records);
  }

  /** Every day of every tenant, part by part. What is in `reported` already is left out, and what is reported is added. */
  async function compareParts(
    days: readonly string[],
    tenants: readonly string[],
    since: number,
    parts: number,
    holder: string,
    reported: Set<string>,
  ): Promise<Ended> {
    const sofar = new Map<string, DayTotals>();
    for (let part = 0; part < parts; part++) {
      const acts = await readActs(since, { part, parts });
      for (const day of days) {
        for (const tenantId of tenants) {
          const place = `${day} ${tenantId}`;
          if (reported.has(place)) continue;
          const found = await compareOne(tenantId, day, since, acts, { part, parts }, holder);
          if (typeof found === "string") return found;
          const before = sofar.get(place);
          const both = before === undefined ? found : addTotals(before, found);
          sofar.set(place, both);
          if (part < parts - 1) continue;
          if (!(await record(tenantId, day, both, holder))) return "lost";
          reported.add(place);
        }
      }
    }
    return "done";
  }

  async function record(tenantId: string, day: string, found: DayTotals, holder: string): Promise<boolean> {
    const now = around.now();
    const result: SumsComparison = found.equal ? "sums-equal" : "sums-differ";
    const counts = openCounts(around.shard);
    counts.add(treaty.name, "reconciliations", result);
    const run = { treaty: treaty.name, looked: found.counted, corrected: 0, results: { [result]: 1 } };
    const told = { ...run, scheduled: true, totals: { day, ...found } };
    const entry = runEntry(around.context, treaty, tenantId, now, told as unknown as JsonObject);
    const lines = await database.transaction(async (connection) => {
      if (!(await keepRun(connection, treaty.name, holder, heldMs))) return null;
      await appendEntries(connection, [entry]);
      await insertRuns(
        connection,
        [{ ...run, tenantId, runId: entry.id, at: now, day, findingIds: [] }],
        true,
      );
      const opened = await writeSumsCase(
        connection,
        treaty,
        tenantId,
        day,
        found.equal ? null : differenceOf(day, found),
        now,
      );
      if (opened.length > 0) counts.add(treaty.name, "fallout", "sums-differ");
      await counts.write(connection);
      return opened;
    });
    for (const line of lines ?? []) report(line);
    return lines !== null;
  }

  async function turn(): Promise<void> {
    const now = around.now();
    const holder = randomUUID();
    if (!(await takeRun(database, treaty.name, holder, now, heldMs))) {
      // Not due, stopped, or another instance has it: not asked at every stir of the hand-offs.
      dueAt = await readDue(database, treaty.name);
      restsUntil = performance.now() + lookEveryMs;
      return;
    }
    // A run that fails is tried again with the next reconciliation.
    dueAt = now + treaty.times.reconcileEveryMs;
    try {
      const days = closedDays(now, totals.closesAfterMs, totals.days);
      const since = Date.parse(`${days[0]}T00:00:00Z`) - skewMs;
      const counts = await countActs(database, inTheBooks, since);
      const tenants = counts.map(({ tenantId }) => tenantId);
      const all = counts.reduce((sum, { acts }) => sum + acts, 0);
      const reported = new Set<string>();
      // Parts are about equally large, not exactly: an act more or less is no matter, only growth without end is.
      for (let parts = Math.max(1, Math.ceil(all / held)); ; parts *= 2) {
        if (parts > partsAllowed) throw new Error(`more than ${partsAllowed} parts of the acts to compare`);
        const ended = await compareParts(days, tenants, since, parts, holder, reported);
        if (ended === "lost") return;
        if (ended === "done") break;
      }
      dueAt = nextClosing(now, totals.closesAfterMs);
    } finally {
      await endRun(database, treaty.name, holder, dueAt);
    }
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        if (!options.paused() && around.now() >= dueAt && performance.now() >= restsUntil) await turn();
        await alarm.sleep(lookEveryMs);
      } catch (error) {
        if (stopped.signal.aborted) return;
        report(troubleOf(treaty.target, error));
        await alarm.sleep(lookEveryMs);
      }
    }
  }
  const running = run();

  return {
    treaty: treaty.name,
    async stop() {
      stopped.abort();
      unlisten();
      alarm.signal();
      await running;
    },
  };
}

/** Acts as they were before and are now; what changed in between is open. */
function bothTimes(
  before: ReadonlyMap<string, DayAct>,
  now: ReadonlyMap<string, DayAct>,
): Map<string, DayAct> {
  return new Map(
    [...now].map(([name, act]) => [
      name,
      before.get(name)?.outcome === act.outcome ? act : { ...act, outcome: "open" as const },
    ]),
  );
}

const namesShown = 5;

/** For the person who gets the case: which sums, and which records. The report has more of them. */
function differenceOf(day: string, { sums, missing, extra, differing, found }: DayTotals): string {
  const unequal = sums
    .filter(({ ours, theirs }) => ours !== theirs)
    .map(({ group, ours, theirs }) => `${group}: ours ${ours}, theirs ${theirs}`);
  const parts = [
    listed("Sums in minor units", unequal, unequal.length, "; "),
    listed("Not in their books", missing, found.missing),
    listed("In their books only", extra, found.extra),
    listed("There with other amounts", differing, found.differing),
  ];
  return [`The sums of ${day} differ.`, ...parts.filter((part) => part !== "")].join(" ");
}

function listed(what: string, all: readonly string[], count: number, between = ", "): string {
  if (count === 0) return "";
  const more = count > namesShown ? ` and ${count - namesShown} more` : "";
  return `${what}: ${all.slice(0, namesShown).join(between)}${more}.`;
}
