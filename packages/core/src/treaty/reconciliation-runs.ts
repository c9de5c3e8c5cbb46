import { contextAct } from "../context/context-act.ts";
import { appendEntries } from "../journal/append.ts";
import { readEntries } from "../journal/read.ts";
import type { DayTotals } from "../model/day-totals.ts";
import type { Entry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { int8Array, jsonArray, textArray, timeArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import type { HandOffTreaty } from "./treaty.ts";
import { isStopped } from "./treaty-control.ts";

/**
 * Reports of reconciliation: one per look, tenant and treaty, and one per comparison of a day's sums. The report is a row, so that it can
 * be listed; what was found about each hand-off is an entry of the journal, which the row names, and sums stand in the run's own entry.
 */
export interface ReconciliationRun {
  /** Id of the journal's entry about the run. Runs are ordered by it. */
  readonly runId: string;
  readonly treaty: string;
  readonly at: number;
  /** The regular look; otherwise something was due. */
  readonly scheduled: boolean;
  /** Hand-offs; of sums, the acts that count. */
  readonly looked: number;
  /** Commands that were given to the desk. */
  readonly corrected: number;
  readonly results: Readonly<Partial<Record<Comparison | SumsComparison, number>>>;
  /** The day (`2026-11-24`, UTC) whose sums were compared; null: hand-offs were, one by one. */
  readonly day: string | null;
}

/** Of the sums of one day: every sum and every act by itself. */
export type SumsComparison = "sums-equal" | "sums-differ";

export type Comparison =
  /** Both sides agree. */
  | "matched"
  /** Done or taken in over there, and we did not know. */
  | "external-success"
  /** Refused or not done over there, and we did not know. */
  | "external-failure"
  /** They do not know either, or did not answer. */
  | "external-unknown"
  /** What they say cannot follow from what we know. */
  | "local-impossible";

export interface ReconciliationFinding {
  readonly handOffId: string;
  readonly result: Comparison;
  readonly weSay: string;
  /** What they said, in our words; null: nothing that could be read. */
  readonly theySay: string | null;
  readonly code: string | null;
  readonly externalReference: string | null;
}

export interface ReconciliationReport extends ReconciliationRun {
  /** By place in the run; as many as `looked`, 64 at most. Fewer when the journal's month was dropped. */
  readonly findings: readonly ReconciliationFinding[];
  /** Of sums; null when hand-offs were compared, or when the journal's month was dropped. */
  readonly totals: DayTotals | null;
}

/** Reports are kept this long; the journal's entries stay. */
export const runsKeptMs = 90 * 86_400_000;
/** Milliseconds between two runs that a tenant's people ask for. */
export const runAskedEveryMs = 60_000;

const insert: Statement = {
  name: "reconciliation-run-insert",
  text: `insert into entente.reconciliation_run (tenant_id, run_id, treaty, at, scheduled, looked, corrected, results, finding_ids, day)
    select tenant_id, run_id, treaty, at, $5, looked, corrected, results, string_to_array(finding_ids, ',')::uuid[], day::date
    from unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $6::int8[], $7::int8[], $8::json[], $9::text[], $10::text[])
      as n(tenant_id, run_id, treaty, at, looked, corrected, results, finding_ids, day)`,
};

export interface NewRun extends Omit<ReconciliationRun, "scheduled"> {
  readonly tenantId: string;
  readonly findingIds: readonly string[];
}

export async function insertRuns(
  connection: Connection,
  runs: readonly NewRun[],
  isScheduled: boolean,
): Promise<void> {
  if (runs.length === 0) return;
  await connection.run(insert, [
    textArray(runs.map((r) => r.tenantId)),
    uuidArray(runs.map((r) => r.runId)),
    textArray(runs.map((r) => r.treaty)),
    timeArray(runs.map((r) => r.at)),
    isScheduled,
    int8Array(runs.map((r) => r.looked)),
    int8Array(runs.map((r) => r.corrected)),
    jsonArray(runs.map((r) => JSON.stringify(r.results))),
    textArray(runs.map((r) => r.findingIds.join(","))),
    textArray(runs.map((r) => r.day)),
  ]);
}

const forget: Statement = {
  name: "reconciliation-run-forget",
  text: "delete from entente.reconciliation_run where treaty = $1 and at < to_timestamp($2::float8 / 1000)",
};

/** Drops reports past their time. */
export async function forgetRuns(connection: Connection, treaty: string, now: number): Promise<void> {
  await connection.run(forget, [treaty, now - runsKeptMs]);
}

const columns = 'run_id as "runId", treaty, at, scheduled, looked, corrected, results, day::text as day';

/** Runs of a tenant and treaty, newest first; `before`: those older than this one. */
export async function listRuns(
  connection: Connection,
  tenantId: string,
  treaty: string,
  before: string | null,
  limit: number,
): Promise<ReconciliationRun[]> {
  return connection.execute<ReconciliationRun & Record<string, unknown>>(
    `select ${columns} from entente.reconciliation_run where tenant_id = $1 and treaty = $2 and ($3::uuid is null or run_id < $3)
     order by run_id desc limit $4`,
    [tenantId, treaty, before, limit],
  );
}

/** One run with its findings; null: the tenant's treaty has no such run. */
export async function readRun(
  connection: Connection,
  tenantId: string,
  treaty: string,
  runId: string,
): Promise<ReconciliationReport | null> {
  const [found] = await connection.execute<ReconciliationRun & { ids: string[] } & Record<string, unknown>>(
    `select ${columns}, finding_ids as ids from entente.reconciliation_run where tenant_id = $1 and treaty = $2 and run_id = $3`,
    [tenantId, treaty, runId],
  );
  if (found === undefined) return null;
  const { ids, ...run } = found;
  const named = run.day === null ? ids : [runId];
  const entries = new Map((await readEntries(connection, named)).map((entry) => [entry.id, entry]));
  return {
    ...run,
    totals: run.day === null ? null : totalsIn(entries.get(runId), tenantId),
    findings: ids.flatMap((id) => {
      const entry = entries.get(id);
      if (entry === undefined || entry.tenantId !== tenantId) return [];
      const { handOffId, result, weSay, theySay, code, externalReference } =
        entry.data as unknown as ReconciliationFinding;
      return [{ handOffId, result, weSay, theySay, code, externalReference }];
    }),
  };
}

function totalsIn(entry: Entry | undefined, tenantId: string): DayTotals | null {
  if (entry === undefined || entry.tenantId !== tenantId) return null;
  const { day: _day, ...totals } = (entry.data as unknown as SumsReport).totals;
  return totals;
}

/** What the journal keeps of a comparison of sums. */
export interface SumsReport {
  readonly totals: DayTotals & { readonly day: string };
}

export interface RunAsk {
  readonly tenantId: string;
  readonly by: string;
  readonly why: string;
}

/**
 * Has what is open of a tenant compared at the treaty's next turns, instead of when it is due. What may still be under way is left alone:
 * their "not here" would prove nothing. Returns how many hand-offs that are.
 * Errors: `reason-missing` (refused), `treaty-stopped` (conflict), `reconciliation-too-soon` (refused) within a minute of the last time.
 */
export async function askRun(
  database: Database,
  context: string,
  treaty: HandOffTreaty,
  now: number,
  ask: RunAsk,
): Promise<number> {
  if (ask.why.trim() === "")
    throw new Failure("refused", "reason-missing", "A run out of turn takes a reason.");
  return database.transaction(async (connection) => {
    if (await isStopped(connection, treaty.name)) {
      throw new Failure("conflict", "treaty-stopped", "The treaty is stopped: nobody is asked anything.", {
        fields: { treaty: treaty.name },
      });
    }
    await takeTurn(connection, ask.tenantId, treaty.name);
    const brought = await connection.execute<{ n: number }>(
      `with due as (
         update entente.hand_off set look_at = to_timestamp($3::float8 / 1000)
         where tenant_id = $1 and treaty = $2 and state in ('unknown', 'accepted') and look_at is not null
           and updated_at <= to_timestamp(($3::float8 - $4::float8) / 1000) returning 1)
       select count(*)::float8 as n from due`,
      [ask.tenantId, treaty.name, now, treaty.times.inFlightMs],
    );
    const handOffs = brought[0]?.n ?? 0;
    const data = { treaty: treaty.name, handOffs, by: ask.by, why: ask.why };
    await appendEntries(connection, [
      contextAct(context, now, ask.tenantId, "entente.reconciliation-asked", data),
    ]);
    return handOffs;
  });
}

/** Errors: `reconciliation-too-soon`. */
async function takeTurn(connection: Connection, tenantId: string, treaty: string): Promise<void> {
  const taken = await connection.execute(
    `insert into entente.reconciliation_ask as a (tenant_id, treaty, asked_at) values ($1, $2, clock_timestamp())
     on conflict (tenant_id, treaty) do update set asked_at = excluded.asked_at
       where a.asked_at <= excluded.asked_at - make_interval(secs => $3::float8 / 1000) returning 1`,
    [tenantId, treaty, runAskedEveryMs],
  );
  if (taken.length > 0) return;
  const [wait] = await connection.execute<{ seconds: number }>(
    `select extract(epoch from asked_at - clock_timestamp())::float8 + $3::float8 / 1000 as seconds
     from entente.reconciliation_ask where tenant_id = $1 and treaty = $2`,
    [tenantId, treaty, runAskedEveryMs],
  );
  throw new Failure(
    "refused",
    "reconciliation-too-soon",
    "It was compared at somebody's wish a moment ago.",
    {
      fields: { treaty, expectedWaitSeconds: Math.max(1, Math.ceil(wait?.seconds ?? 1)) },
    },
  );
}
