import { openAlarm, type WakeUps } from "../consumer/wake-up.ts";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import { readEntries } from "../journal/read.ts";
import type { JsonObject, NewEntry } from "../model/entry.ts";
import { advance } from "../model/hand-off.ts";
import { type AnswerClass, classify } from "../model/hand-off-answer.ts";
import { textArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { traceHeaders } from "../telemetry/trace-identity.ts";
import type { Surroundings } from "./advance-hand-offs.ts";
import { readOpenRows } from "./batch-rows.ts";
import { type NewCase, openCases } from "./fallout-cases.ts";
import { type CorrectionData, correctCommand } from "./hand-off-desk.ts";
import { type OpeningData, plainEntry } from "./hand-off-entries.ts";
import { type StoredHandOff, takeToLook } from "./hand-off-rows.ts";
import type { Pace } from "./pace.ts";
import { askOnce, type Heard, type MeansOf } from "./reach.ts";
import { recallEarly } from "./recall-callbacks.ts";
import { type Comparison, forgetRuns, insertRuns, type NewRun } from "./reconciliation-runs.ts";
import type { HandOffTreaty } from "./treaty.ts";
import { stopTreaties } from "./treaty-control.ts";
import { openCounts } from "./treaty-counts.ts";
import { type CaseLine, lineOf, subjectOf, type TreatyEvent, troubleOf } from "./treaty-events.ts";

/**
 * Compares what we believe with what the authority says: unknown hand-offs and accepted ones without a result. It changes nothing by
 * itself: a difference becomes a command to the desk, beside an entry of kind `reconciliation` that keeps what was compared.
 */
export interface Reconciler {
  readonly treaty: string;
  stop(): Promise<void>;
}

export const comparedType = "entente.hand-off-compared";
export const runType = "entente.reconciliation-run";

export interface ReconcilerOptions {
  readonly treaty: HandOffTreaty;
  readonly around: Surroundings;
  readonly database: Database;
  readonly wakeUps: WakeUps;
  readonly ring: (name: string) => void;
  readonly means: MeansOf;
  readonly pace: Pace;
  readonly paused: () => boolean;
  readonly report: (event: TreatyEvent) => void;
  readonly probe?: (point: string) => Promise<void> | void;
}

/** Questions of one turn at most. */
const perTurn = 64;
const lookEveryMs = 1_000;
/** Beyond the answer's limit, in which another instance leaves the hand-off alone. */
const graceMs = 5_000;

export function startReconciler(options: ReconcilerOptions): Reconciler {
  const { treaty, around, database, means, report } = options;
  const alarm = openAlarm();
  let stopping = false;
  const unlisten = options.wakeUps.listen([`${around.context}:hand-offs`, `${around.context}:control`], () =>
    alarm.signal(),
  );

  async function ask(handOff: StoredHandOff, rowKeys: readonly string[]): Promise<Heard> {
    await options.pace();
    const { tenantId, handOffId, idempotencyKey, requestHash, externalReference, correlationId } = handOff;
    const { aggregateType, aggregateId, line } = handOff;
    // A question has no entry of its own before its answer: it is asked on behalf of the hand-off.
    const trace = traceHeaders(around.telemetry, handOff, handOffId);
    const reach = { treaty, means, answerWithinMs: treaty.times.answerWithinMs, trace };
    return askOnce(reach, {
      tenantId,
      handOffId,
      aggregateType,
      aggregateId,
      line,
      idempotencyKey,
      requestHash,
      externalReference,
      correlationId,
      rowKeys,
    });
  }

  /** One look at what is due. Returns how many were asked about. */
  async function turn(): Promise<number> {
    const takenAt = around.now();
    const isScheduled = await takeSchedule(database, treaty, takenAt);
    if (isScheduled) await forgetRuns(database, treaty.name, takenAt);
    const limit = Math.min(perTurn, treaty.limits.concurrency);
    const claimMs = treaty.times.answerWithinMs + graceMs + (limit * 1_000) / treaty.limits.ratePerSecond;
    const due = await takeToLook(database, treaty.name, takenAt, limit, claimMs);
    if (due.length === 0 && !isScheduled) return 0;
    await options.probe?.("reconcile:taken");
    const keys = await openRowKeys(database, due);
    const heard = await Promise.all(due.map((handOff) => ask(handOff, keys.get(handOff.handOffId) ?? [])));
    await options.probe?.("reconcile:asked");
    const compared = due.map((handOff, i) => compare(treaty, handOff, heard[i] as Heard));
    const { corrected, lines } = await database.transaction((connection) =>
      record(connection, around, treaty, compared, isScheduled, takenAt),
    );
    report({ event: "reconciled", treaty: treaty.name, looked: due.length, corrected });
    for (const { handOff, heard, result } of compared)
      report(lineOf(handOff, "compared", result, classOf(treaty, handOff, heard)));
    for (const line of lines) report(line);
    if (corrected > 0) options.ring(around.context);
    return due.length;
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopping) {
      try {
        let looked = 0;
        if (!options.paused()) {
          if (await recallEarly(database, around, treaty, report)) options.ring(around.context);
          looked = await turn();
        }
        failures = 0;
        if (looked === 0) await alarm.sleep(lookEveryMs);
      } catch (error) {
        failures++;
        report(troubleOf(treaty.target, error));
        await alarm.sleep(Math.min(2_000, 50 * 2 ** Math.min(failures, 6)));
      }
    }
  }
  const running = run();

  return {
    treaty: treaty.name,
    async stop() {
      stopping = true;
      unlisten();
      alarm.signal();
      await running;
    },
  };
}

interface Compared {
  readonly handOff: StoredHandOff;
  readonly heard: Heard;
  readonly result: Comparison;
}

/** Which of the five results it is. Pure but for what was heard. */
export function compare(treaty: HandOffTreaty, handOff: StoredHandOff, heard: Heard): Compared {
  return { handOff, heard, result: comparisonOf(treaty, handOff, heard) };
}

function comparisonOf(treaty: HandOffTreaty, handOff: StoredHandOff, heard: Heard): Comparison {
  if (heard.translation === null) return "external-unknown";
  const { finding } = classify(heard.translation, treaty.errorMap, handOff.requestHash, "inquiry");
  if (finding === "unclear" || finding === "blocked") return "external-unknown";
  const { verdict } = advance(handOff, { what: "found", by: "inquiry", finding }, treaty.limits);
  if (verdict === "impossible") return "local-impossible";
  const newsOfRows = (heard.translation.rows ?? []).length > 0;
  if (verdict === "stale" && !newsOfRows) return "matched";
  return finding === "accepted" || finding === "completed" ? "external-success" : "external-failure";
}

/** Writes what was compared, commands for differences, and the report; returns how many commands, and lines about cases. */
async function record(
  connection: Connection,
  around: Surroundings,
  treaty: HandOffTreaty,
  compared: readonly Compared[],
  isScheduled: boolean,
  takenAt: number,
): Promise<{ readonly corrected: number; readonly lines: readonly CaseLine[] }> {
  // A clock that is being set in several processes may read earlier for a moment: what was looked at must not be due at once.
  const now = Math.max(takenAt, around.now());
  const counts = openCounts(around.shard);
  const entries: NewEntry<object>[] = [];
  const refusal = compared.find(({ handOff, heard }) => isRefusal(treaty, handOff, heard));
  const code = refusal?.heard.translation?.code ?? "credentials-refused";
  const runs = new Map<string, { findings: { id: string; result: Comparison }[]; corrected: number }>();
  let corrected = 0;
  for (const { handOff, heard, result } of compared) {
    counts.add(treaty.name, "reconciliations", result);
    const evidence = entryAbout(around, handOff, now, "reconciliation", comparedType, null, {
      treaty: treaty.name,
      handOffId: handOff.handOffId,
      result,
      weSay: handOff.state,
      theySay: heard.translation?.says ?? null,
      code: heard.translation?.code ?? heard.error?.code ?? null,
      label: heard.translation?.label ?? null,
      externalReference: heard.translation?.reference ?? handOff.externalReference,
      responseHash: heard.responseHash,
    });
    entries.push(evidence);
    // A look goes over tenants; each of them gets the report of its own part.
    const run = runs.get(handOff.tenantId) ?? { findings: [], corrected: 0 };
    runs.set(handOff.tenantId, run);
    run.findings.push({ id: evidence.id, result });
    if (heard.translation === null || result === "matched" || result === "external-unknown") continue;
    corrected++;
    run.corrected++;
    const correction: CorrectionData = {
      treaty: treaty.name,
      handOffId: handOff.handOffId,
      translation: heard.translation,
      responseHash: heard.responseHash ?? "",
    };
    const data = correction as unknown as JsonObject;
    entries.push(entryAbout(around, handOff, now, "command", correctCommand, evidence.id, data));
  }
  const reports = [...runs].map(([tenantId, run]): NewRun => {
    const { findings } = run;
    const results = Object.fromEntries(
      [...Map.groupBy(findings, ({ result }) => result)].map(([result, some]) => [result, some.length]),
    );
    const report = { treaty: treaty.name, looked: findings.length, corrected: run.corrected, results };
    const entry = runEntry(around.context, treaty, tenantId, now, { ...report, scheduled: isScheduled });
    entries.push(entry);
    return {
      ...report,
      tenantId,
      runId: entry.id,
      at: now,
      day: null,
      findingIds: findings.map(({ id }) => id),
    };
  });
  const [lines] = await Promise.all([
    openCases(connection, refusal === undefined ? [] : [refusalCase(treaty, refusal.handOff, code)], now),
    appendEntries(connection, entries),
    insertRuns(connection, reports, isScheduled),
    lookAgain(
      connection,
      compared.map(({ handOff }) => handOff),
      now + treaty.times.reconcileEveryMs,
    ),
    // Whoever may not ask may not send either: one alert instead of a storm.
    stopTreaties(connection, new Map(refusal === undefined ? [] : [[treaty.name, code]]), now),
    counts.write(connection),
  ]);
  return { corrected, lines };
}

function isRefusal(treaty: HandOffTreaty, handOff: StoredHandOff, heard: Heard): boolean {
  return heard.translation !== null && classOf(treaty, handOff, heard) === "SECURITY_CONFIGURATION_FAILURE";
}

function classOf(treaty: HandOffTreaty, handOff: StoredHandOff, heard: Heard): AnswerClass | null {
  if (heard.translation === null) return heard.error?.class ?? null;
  return classify(heard.translation, treaty.errorMap, handOff.requestHash, "inquiry").class;
}

function refusalCase(treaty: HandOffTreaty, handOff: StoredHandOff, code: string): NewCase {
  const says = "They do not accept our credentials. The treaty is stopped.";
  const owner = treaty.runbook.businessOwner;
  return {
    about: subjectOf(handOff, "SECURITY_CONFIGURATION_FAILURE"),
    treaty: treaty.name,
    kind: "credentials-refused",
    code,
    says,
    owner,
  };
}

const again: Statement = {
  name: "reconcile-again",
  // What a person had looked at once is not looked at again by itself; what is being sent meanwhile is somebody else's.
  text: `update entente.hand_off h set claimed_until = null,
      look_at = case when h.state in ('unknown', 'accepted') then to_timestamp($3::float8 / 1000) end
    from unnest($1::text[], $2::uuid[]) as n(tenant_id, hand_off_id)
    where h.tenant_id = n.tenant_id and h.hand_off_id = n.hand_off_id and h.state <> 'sent'`,
};

/** The checked mark: the next look, whatever came of this one. */
async function lookAgain(
  connection: Connection,
  handOffs: readonly StoredHandOff[],
  at: number,
): Promise<void> {
  if (handOffs.length === 0) return;
  await connection.run(again, [
    textArray(handOffs.map((h) => h.tenantId)),
    uuidArray(handOffs.map((h) => h.handOffId)),
    at,
  ]);
}

const schedule: Statement = {
  name: "reconcile-schedule",
  text: `insert into entente.treaty_control as c (treaty, next_run_at) values ($1, to_timestamp(($2::float8 + $3::float8) / 1000))
    on conflict (treaty) do update set next_run_at = excluded.next_run_at
      where c.next_run_at is null or c.next_run_at <= to_timestamp($2::float8 / 1000)
    returning xmax <> 0 as due`,
};

/** True for the one instance that makes the scheduled run. */
async function takeSchedule(database: Database, treaty: HandOffTreaty, now: number): Promise<boolean> {
  const rows = await database.run<{ due: boolean }>(schedule, [
    treaty.name,
    now,
    treaty.times.reconcileEveryMs,
  ]);
  return rows[0]?.due === true;
}

/** Keys of rows without an outcome, for batches. */
async function openRowKeys(
  database: Database,
  handOffs: readonly StoredHandOff[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const batches = handOffs.filter(({ rows }) => rows > 0).map(({ handOffId }) => handOffId);
  if (batches.length === 0) return new Map();
  const [open, entries] = await Promise.all([
    readOpenRows(database, batches),
    readEntries(database, batches),
  ]);
  return new Map(
    entries.map((entry) => {
      const { rows } = entry.data as unknown as OpeningData;
      return [entry.id, (open.get(entry.id) ?? []).map((row) => rows[row]?.idempotencyKey ?? "")];
    }),
  );
}

function entryAbout(
  around: Surroundings,
  handOff: StoredHandOff,
  now: number,
  kind: "command" | "reconciliation",
  type: string,
  causationId: string | null,
  data: JsonObject,
): NewEntry<object> {
  const { tenantId, key, processId, correlationId, handOffId, customerId, traceparent } = handOff;
  return {
    ...plainEntry(around.context, newId(now), tenantId, key, now),
    kind,
    type,
    target: kind === "command" ? around.context : null,
    processId,
    correlationId,
    causationId: causationId ?? handOffId,
    customerId,
    traceparent,
    data,
  };
}

/** The report of a run, to one tenant. */
export function runEntry(
  context: string,
  treaty: HandOffTreaty,
  tenantId: string,
  now: number,
  data: JsonObject,
): NewEntry<object> {
  const id = newId(now);
  return {
    ...plainEntry(context, id, tenantId, `treaty:${treaty.name}`, now),
    kind: "reconciliation",
    type: runType,
    target: null,
    processId: id,
    correlationId: id,
    causationId: null,
    data,
  };
}
