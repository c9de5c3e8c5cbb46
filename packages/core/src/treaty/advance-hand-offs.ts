/** One file because what is written together is decided together: moves, rows of batches, cases and what the domain is told. */
import { appendEntries } from "../journal/append.ts";
import type { Json, JsonObject, NewEntry } from "../model/entry.ts";
import { advance, type Finding, handOffMoves, type Observation, type Verdict } from "../model/hand-off.ts";
import { type AnswerClass, classify, type Translation } from "../model/hand-off-answer.ts";
import { mayTakeOutRows, withoutOpenRows } from "../model/hand-off-batch.ts";
import { handOffKey } from "../model/hand-off-key.ts";
import { dueTimes } from "../model/hand-off-times.ts";
import type { Connection } from "../postgres/database.ts";
import type { Telemetry } from "../telemetry/span.ts";
import { type BatchRows, readBatchRows, writeRowOutcomes, writeWithdrawnRows } from "./batch-rows.ts";
import { type CaseKind, type NewCase, openCases, type SettledCase, settleCases } from "./fallout-cases.ts";
import {
  consequence,
  factId,
  handOffFact,
  type MoveCause,
  movedType,
  notedType,
} from "./hand-off-entries.ts";
import { evidence, findInRows, keepEvidence, meaningOfCode, type SaidRows } from "./hand-off-evidence.ts";
import {
  type HandOffRef,
  lifeOf,
  lockHandOffs,
  type StoredHandOff,
  updateHandOffs,
} from "./hand-off-rows.ts";
import { readRequests } from "./read-requests.ts";
import { nextOpen } from "./sending-window.ts";
import type { HandOffNews, HandOffTreaty } from "./treaty.ts";
import { stopTreaties } from "./treaty-control.ts";
import { type Counts, openCounts } from "./treaty-counts.ts";
import { type CaseLine, type HandOffStep, lineOf, subjectOf, type TreatyEvent } from "./treaty-events.ts";

/**
 * The one way hand-offs move: locks their rows, asks the model, and writes facts, rows, cases, figures and commands to the domain with one
 * statement each, in the caller's transaction. States and moves: docs/states/hand-off.md.
 */

export interface Witnessed extends HandOffRef {
  /** What was seen. `said` is a translated reply, from which the finding follows by the treaty's error map. */
  readonly seen:
    | Observation
    | {
        readonly what: "said";
        readonly by: "answer" | "callback" | "inquiry";
        readonly translation: Translation;
      }
    /** Our side does not want the row of a batch with this key any more. */
    | { readonly what: "row-withdrawn"; readonly key: string };
  readonly cause: MoveCause;
  /** Of an answer: the sending it belongs to. Another sending, or none, is waited for by now: nothing changes. */
  readonly sending?: string;
  /** Hexadecimal; evidence of what was said. */
  readonly responseHash?: string;
  readonly errorCode?: string;
  readonly errorText?: string;
  /** Overrides the class, where no code of theirs stands behind the finding. */
  readonly errorClass?: AnswerClass;
}

/** What became of one observation. `unheard`: the hand-off does not exist, or the sending is not waited for any more. */
export interface Outcome {
  readonly verdict: Verdict | "unheard";
  readonly handOff: StoredHandOff | null;
  readonly finding: Finding | null;
  readonly moves: number;
  /** What was said, in one word for all counterparties; null: no trouble. */
  readonly code: AnswerClass | null;
}

export interface Surroundings {
  readonly context: string;
  readonly treaties: ReadonlyMap<string, HandOffTreaty>;
  readonly now: () => number;
  readonly random: () => number;
  /** Of this process, for figures. */
  readonly shard: number;
  /** Where spans go; absent: nothing is exported, and calls carry no trace. */
  readonly telemetry?: Telemetry;
}

export interface Advanced {
  /** By place in what was witnessed. */
  readonly outcomes: readonly Outcome[];
  readonly facts: readonly NewEntry<object>[];
  /** Completed, and not wanted any more: to be undone. */
  readonly unwanted: readonly StoredHandOff[];
  readonly commands: number;
  /** Lines about what was done. To be told once it is committed. */
  lines(): TreatyEvent[];
}

/** Applies what was witnessed, in this order. Unknown hand-offs are `unheard`. */
export async function advanceHandOffs(
  connection: Connection,
  around: Surroundings,
  witnessed: readonly Witnessed[],
): Promise<Advanced> {
  return advanceLocked(connection, around, await lockHandOffs(connection, distinct(witnessed)), witnessed);
}

function distinct(witnessed: readonly Witnessed[]): HandOffRef[] {
  return [...new Map(witnessed.map((one) => [nameOf(one), one])).values()];
}

function nameOf({ tenantId, handOffId }: HandOffRef): string {
  return `${handOffId}\u0000${tenantId}`;
}

/** As advanceHandOffs, for hand-offs that the transaction has locked already. */
export async function advanceLocked(
  connection: Connection,
  around: Surroundings,
  locked: readonly StoredHandOff[],
  witnessed: readonly Witnessed[],
): Promise<Advanced> {
  const step = openStep(around, locked, await rowsOf(connection, locked, witnessed));
  const outcomes = witnessed.map((one) => step.apply(one));
  await step.tell(connection);
  const opened = await step.write(connection);
  const { facts, unwanted, commands } = step;
  return { outcomes, facts, unwanted, commands, lines: () => linesOf(witnessed, outcomes, opened) };
}

function linesOf(
  witnessed: readonly Witnessed[],
  outcomes: readonly Outcome[],
  opened: readonly CaseLine[],
): TreatyEvent[] {
  const steps = outcomes.flatMap(({ handOff, verdict, code }, n) =>
    handOff === null ? [] : [lineOf(handOff, stepOf(witnessed[n] as Witnessed), verdict, code)],
  );
  return [...steps, ...opened];
}

const steps = {
  courier: "sent",
  answer: "answered",
  callback: "callback",
  inquiry: "inquiry",
  person: "decided",
  domain: "withdrawn",
} as const satisfies Partial<Record<MoveCause["by"], HandOffStep>>;

function stepOf({ cause, seen }: Witnessed): HandOffStep {
  if (cause.by === "deadline") return seen.what === "courier-lost" ? "lost" : "overdue";
  return steps[cause.by];
}

/** Rows of the batches that something was said about, or some rows of which nobody wants; nothing is read for single acts. */
async function rowsOf(
  connection: Connection,
  locked: readonly StoredHandOff[],
  witnessed: readonly Witnessed[],
): Promise<ReadonlyMap<string, BatchRows>> {
  const spoken = new Set(
    witnessed
      .filter(({ seen }) => seen.what === "said" || seen.what === "row-withdrawn")
      .map(({ handOffId }) => handOffId),
  );
  const batches = locked.filter(
    ({ rows, rowsWithdrawn, handOffId }) => rowsWithdrawn > 0 || (rows > 0 && spoken.has(handOffId)),
  );
  return batches.length === 0 ? new Map() : readBatchRows(connection, batches);
}

/** News that its treaty has not told the domain yet. */
interface Untold {
  readonly treaty: HandOffTreaty;
  readonly member: "tells" | "tellsTakenBack";
  readonly news: Omit<HandOffNews, "request">;
}

interface Step {
  apply(one: Witnessed): Outcome;
  /** Asks the treaties what their domains are to be told of the moves made. */
  tell(connection: Connection): Promise<void>;
  /** Returns a line for each case that was opened. */
  write(connection: Connection): Promise<readonly CaseLine[]>;
  readonly facts: readonly NewEntry<object>[];
  readonly unwanted: readonly StoredHandOff[];
  readonly commands: number;
}

function openStep(
  around: Surroundings,
  locked: readonly StoredHandOff[],
  batches: ReadonlyMap<string, BatchRows>,
): Step {
  const now = around.now();
  const handOffs = new Map(locked.map((handOff) => [nameOf(handOff), handOff]));
  const changed = new Set<string>();
  const facts: NewEntry<object>[] = [];
  const commands: NewEntry<object>[] = [];
  const cases: NewCase[] = [];
  const settled: SettledCase[] = [];
  const rowChanges: {
    readonly handOffId: string;
    readonly row: number;
    readonly outcome: string;
    readonly code: string | null;
  }[] = [];
  const closedBatches: string[] = [];
  const withdrawnRows: { readonly handOffId: string; readonly row: number }[] = [];
  const stopped = new Map<string, string>();
  const unwanted: StoredHandOff[] = [];
  const untold: Untold[] = [];
  const counts: Counts = openCounts(around.shard);

  function apply(one: Witnessed): Outcome {
    const before = handOffs.get(nameOf(one));
    const treaty = before === undefined ? undefined : around.treaties.get(before.treaty);
    const unheard = one.sending !== undefined && before?.sending !== one.sending;
    if (before === undefined || treaty === undefined || unheard) {
      return { verdict: "unheard", handOff: before ?? null, finding: null, moves: 0, code: null };
    }
    if (one.seen.what === "row-withdrawn") return withdrawRow(before, treaty, one, one.seen.key);
    // The last moment before a sending: what was withdrawn while the one before was under way is not sent again.
    if (one.seen.what === "dispatched" && before.rowsWithdrawn > 0) return dispatchTheRest(before, one);
    const { observation, answerClass, rows } = understood(before, treaty, one, one.seen);
    const result = advance(lifeOf(before), observation, treaty.limits);
    const finding = observation.what === "found" ? observation.finding : null;
    const told = keepEvidence(before, one, result.verdict, answerClass);
    if (result.verdict === "refused")
      return { verdict: "refused", handOff: before, finding, moves: 0, code: answerClass };
    const learnt = { ...told, ...result.life };
    const batch = before.rowsWithdrawn > 0 ? batches.get(before.handOffId) : undefined;
    const unwantedRows = batch?.openWithdrawn() ?? [];
    let handOff: StoredHandOff = { ...learnt, state: before.state };
    if (rows !== null) handOff = applyRows(handOff, rows, result.life.state === "completed");
    // Of a batch that has ended none is waited for.
    const over = result.life.state === "completed" || result.life.state === "cancelled";
    handOff = { ...handOff, rowsWithdrawn: over ? 0 : (batch?.openWithdrawn().length ?? 0) };
    const isDone = result.life.state === "completed";
    const happened = unwantedRows.filter((row) => {
      return batch?.of(row) === "completed" || (batch?.of(row) === "open" && isDone);
    }).length;
    if (observation.what === "decided" && result.life.attempt !== before.attempt) {
      handOff = { ...handOff, idempotencyKey: handOffKey(handOff, handOff.attempt), firstSentAt: null };
    }
    if (observation.what === "dispatched" && result.verdict === "moved") {
      // Waited for a little longer than the sending itself may take: who is late finds that nobody listens.
      const sending = factId(before.handOffId, before.version + 1);
      const claimMs = treaty.times.answerWithinMs + graceMs;
      handOff = { ...handOff, sending, claimMs, firstSentAt: before.firstSentAt ?? now };
      counts.add(treaty.name, "requests", treaty.target);
      if (result.life.tries > 1) counts.add(treaty.name, "retries");
    }
    if (observation.what === "courier-lost") handOff = { ...handOff, sending: null };
    for (const move of result.moves) {
      const from = handOff.state;
      handOff = { ...handOff, state: handOffMoves[move].to, version: handOff.version + 1, updatedAt: now };
      // Which sending ended, and when it had begun: with it a sending is whole in one entry, also where no answer ended it.
      const ended =
        from === "sent" && before.sending !== null
          ? { sending: before.sending, sentAt: before.updatedAt }
          : {};
      record(handOff, movedType(handOff.state), one.cause, {
        from,
        move,
        ...ended,
        ...evidence(told, one, answerClass, rows),
      });
      counts.add(treaty.name, "states", handOff.state);
      const { state: to } = handOff;
      const news = { handOff, from, to, code: told.externalCode, rows: rows?.said ?? [] };
      if (treaty.tells !== undefined)
        untold.push({ treaty, member: "tells", news: { ...news, unwanted: result.unwanted } });
    }
    if (
      result.moves.length === 0 &&
      (result.verdict === "noted" || result.verdict === "impossible" || rows?.changes.length)
    ) {
      handOff = { ...handOff, version: handOff.version + 1, updatedAt: now };
      record(handOff, notedType, one.cause, {
        verdict: result.verdict,
        finding,
        ...evidence(told, one, answerClass, rows),
      });
    }
    const isTakenBack = before.state === "completed" && finding === "rejected";
    if (isTakenBack && treaty.tellsTakenBack !== undefined) {
      const still = { handOff, from: before.state, to: before.state, code: told.externalCode };
      untold.push({ treaty, member: "tellsTakenBack", news: { ...still, rows: [], unwanted: false } });
    }
    if (answerClass !== null)
      counts.add(treaty.name, "error-codes", `${answerClass} ${told.lastErrorCode ?? ""}`.trim());
    if (answerClass === "DUPLICATE_CONFLICT") counts.add(treaty.name, "conflicts");
    if (result.verdict === "stale" && finding !== null) counts.add(treaty.name, "duplicates");
    if (observation.what === "overdue" || observation.what === "person-due")
      counts.add(treaty.name, "deadlines-missed");
    if (handOff.state !== "sent") handOff = { ...handOff, claimMs: null };
    handOff = withDueTimes(handOff, before, treaty, one);
    openCasesOf(treaty, before, handOff, result.verdict, result.unwanted, answerClass, rows);
    if (happened > 0) openUnwantedRows(treaty, handOff, happened);
    // A refusal that our side wants no more asks nothing of anybody: a compensation has dealt with it.
    const dealtWith = handOff.state === "rejected" && handOff.withdrawn && !before.withdrawn;
    if ((before.state === "fallout" && handOff.state !== "fallout") || dealtWith) {
      const { tenantId, handOffId } = handOff;
      const by = one.cause.person?.by ?? one.cause.by;
      settled.push({ tenantId, handOffId, by, why: one.cause.person?.why ?? `settled by ${one.cause.by}` });
    }
    if (result.unwanted) unwanted.push(handOff);
    handOffs.set(nameOf(one), handOff);
    changed.add(nameOf(one));
    return { verdict: result.verdict, handOff, finding, moves: result.moves.length, code: answerClass };
  }

  function understood(
    handOff: StoredHandOff,
    treaty: HandOffTreaty,
    one: Witnessed,
    seen: Exclude<Witnessed["seen"], { readonly what: "row-withdrawn" }>,
  ): { observation: Observation; answerClass: AnswerClass | null; rows: SaidRows | null } {
    if (seen.what !== "said") return { observation: seen, answerClass: one.errorClass ?? null, rows: null };
    const said = classify(seen.translation, treaty.errorMap, handOff.requestHash, seen.by);
    const batch = batches.get(handOff.handOffId);
    if (
      batch === undefined ||
      (said.finding !== "accepted" && said.finding !== "completed" && said.finding !== "not-done")
    ) {
      return {
        observation: { what: "found", by: seen.by, finding: said.finding },
        answerClass: said.class,
        rows: null,
      };
    }
    const rows = findInRows(handOff, batch, treaty, seen.translation, said.finding);
    return {
      observation: { what: "found", by: seen.by, finding: rows.finding },
      answerClass: said.class,
      rows,
    };
  }

  /**
   * A row that nobody wants leaves a batch of which nothing is under way. Otherwise it is remembered: it is not sent again, and if it
   * happens all the same, or has happened, a person undoes it.
   */
  function withdrawRow(before: StoredHandOff, treaty: HandOffTreaty, one: Witnessed, key: string): Outcome {
    const nothing = { handOff: before, finding: null, moves: 0, code: null };
    const batch = batches.get(before.handOffId);
    const named = batch?.byKey([key]).get(key);
    if (batch === undefined || named === undefined || batch.isWithdrawn(named.row))
      return { verdict: "stale", ...nothing };
    const { row, outcome } = named;
    if (outcome === "rejected" || outcome === "cancelled") return { verdict: "stale", ...nothing };
    if (outcome === "open" && mayTakeOutRows(lifeOf(before))) return takeOut(before, one, batch, [row]);
    withdrawnRows.push({ handOffId: before.handOffId, row });
    batch.withdraw(row);
    const left = { ...before, rowsWithdrawn: batch.openWithdrawn().length };
    const handOff = noteRows(left, one, [row], "withdrawn");
    if (outcome === "completed") openUnwantedRows(treaty, handOff, 1);
    return { ...nothing, verdict: "noted", handOff };
  }

  /** Ends open rows as cancelled. When none is left, neither is the batch. */
  function takeOut(before: StoredHandOff, one: Witnessed, batch: BatchRows, out: readonly number[]): Outcome {
    for (const row of out) {
      rowChanges.push({ handOffId: before.handOffId, row, outcome: "cancelled", code: null });
      batch.set(row, "cancelled");
    }
    const left = {
      ...before,
      rowsOpen: before.rowsOpen - out.length,
      rowsWithdrawn: batch.openWithdrawn().length,
    };
    const handOff = noteRows(left, one, out, "cancelled");
    if (handOff.rowsOpen === 0) return apply({ ...one, seen: withoutOpenRows(batch.count("completed")) });
    return { verdict: "noted", handOff, finding: null, moves: 0, code: null };
  }

  function noteRows(
    handOff: StoredHandOff,
    one: Witnessed,
    noted: readonly number[],
    what: "cancelled" | "withdrawn",
  ): StoredHandOff {
    const next = { ...handOff, version: handOff.version + 1, updatedAt: now };
    const rows = noted.map((row): Json => [row, what, null]);
    record(next, notedType, one.cause, { verdict: "noted", finding: null, rows });
    handOffs.set(nameOf(one), next);
    changed.add(nameOf(one));
    return next;
  }

  /** Sends what is still wanted of a batch; `refused` when that is nothing. */
  function dispatchTheRest(before: StoredHandOff, one: Witnessed): Outcome {
    const batch = batches.get(before.handOffId) as BatchRows;
    const rest = takeOut(before, one, batch, batch.openWithdrawn());
    return rest.handOff !== null && rest.handOff.rowsOpen > 0 ? apply(one) : { ...rest, verdict: "refused" };
  }

  function applyRows(handOff: StoredHandOff, rows: SaidRows, completed: boolean): StoredHandOff {
    const batch = batches.get(handOff.handOffId);
    for (const change of rows.changes) {
      rowChanges.push({ handOffId: handOff.handOffId, ...change });
      batch?.set(change.row, change.outcome);
    }
    if (completed && rows.all) {
      closedBatches.push(handOff.handOffId);
      batch?.closeOpen();
      return { ...handOff, rowsOpen: 0 };
    }
    return { ...handOff, rowsOpen: handOff.rowsOpen - rows.changes.length };
  }

  function record(handOff: StoredHandOff, type: string, cause: MoveCause, data: JsonObject): void {
    facts.push(handOffFact(around.context, handOff, type, cause, now, data));
  }

  /** What a result means depends on what was asked, and that is kept once, in the opening entry. */
  async function tell(connection: Connection): Promise<void> {
    const alone = untold.filter(({ news }) => news.handOff.rows === 0);
    const requests = await readRequests(
      connection,
      alone.map(({ news }) => news.handOff.handOffId),
    );
    for (const { treaty, member, news } of untold) {
      const told = treaty[member]?.({ ...news, request: requests.get(news.handOff.handOffId) ?? null }) ?? [];
      told.forEach((command, n) => {
        commands.push(consequence(around.context, news.handOff, n, command, now));
      });
    }
  }

  function withDueTimes(
    handOff: StoredHandOff,
    before: StoredHandOff,
    treaty: HandOffTreaty,
    one: Witnessed,
  ): StoredHandOff {
    const asked = one.seen.what === "said" ? (one.seen.translation.retryAfterMs ?? 0) : 0;
    if (handOff.state === before.state && handOff.released === before.released) {
      // Looked at without news: again after a period, as long as something is expected.
      const open = handOff.state === "unknown" || handOff.state === "accepted";
      if (one.cause.by !== "inquiry") return handOff;
      return { ...handOff, lookAt: open ? now + treaty.times.reconcileEveryMs : null };
    }
    const since = handOff.firstSentAt ?? now;
    const due = dueTimes(handOff, treaty.times, now, since, around.random(), asked);
    const window = due.nextTryAt === null ? null : nextOpen(treaty.window, due.nextTryAt);
    // Doubt forbids sending, whatever the state.
    return { ...handOff, ...due, nextTryAt: handOff.doubt || handOff.withdrawn ? null : window };
  }

  function openUnwantedRows(treaty: HandOffTreaty, handOff: StoredHandOff, rows: number): void {
    openCase(
      treaty,
      handOff,
      "unwanted-effect",
      null,
      `${rows} rows were withdrawn and happened all the same.`,
    );
  }

  function openCase(
    treaty: HandOffTreaty,
    handOff: StoredHandOff,
    kind: CaseKind,
    answerClass: AnswerClass | null,
    says: string,
  ): void {
    const owner = treaty.runbook.businessOwner;
    const code = handOff.lastErrorCode ?? handOff.externalCode;
    cases.push({ about: subjectOf(handOff, answerClass), treaty: treaty.name, kind, code, says, owner });
    counts.add(treaty.name, "fallout", kind);
  }

  function openCasesOf(
    treaty: HandOffTreaty,
    before: StoredHandOff,
    handOff: StoredHandOff,
    verdict: Verdict,
    isUnwanted: boolean,
    answerClass: AnswerClass | null,
    rows: SaidRows | null,
  ): void {
    const add = (kind: CaseKind, says: string): void => openCase(treaty, handOff, kind, answerClass, says);
    if (verdict === "impossible")
      add("contradiction", "They say something that cannot follow from what we know.");
    if (rows !== null && rows.impossible.length > 0)
      add("contradiction", `${rows.impossible.length} rows are not ours or have another outcome here.`);
    if (isUnwanted && treaty.undoes === undefined)
      add("unwanted-effect", "It was withdrawn and happened all the same.");
    if (handOff.state === "completed" && before.state !== "completed") {
      const refused = batches.get(handOff.handOffId)?.count("rejected") ?? 0;
      if (refused > 0) add("rows-rejected", `${refused} rows were refused.`);
    }
    if (handOff.state === before.state) return;
    if (handOff.state === "rejected") add("rejected", meaningOfCode(treaty, handOff));
    if (handOff.state === "blocked") {
      stopped.set(treaty.name, handOff.lastErrorCode ?? "credentials-refused");
      add("credentials-refused", "They do not accept our credentials. The treaty is stopped.");
    }
    if (handOff.state !== "fallout") return;
    if (answerClass === "UNCLASSIFIED_EXTERNAL_FAILURE")
      add(
        "unclassified",
        `Their code ${handOff.externalCode ?? "(none)"} is not on the error map: extend it.`,
      );
    else if (answerClass === "DUPLICATE_CONFLICT")
      add("key-conflict", "They hold another request under our key.");
    else if (handOff.doubt) add("unknown", "Nobody could tell in time whether it happened.");
    else if (before.state === "rejected" || handOff.effectKnown)
      add("contradiction", "They refused it, and it happened or is taken up all the same.");
    else add("tries-used-up", `It did not happen in ${handOff.tries} sendings.`);
  }

  return {
    apply,
    tell,
    facts,
    unwanted,
    get commands() {
      return commands.length;
    },
    async write(connection) {
      const rows = [...changed].map((name) => handOffs.get(name) as StoredHandOff);
      // Issued together, so that they travel together.
      const [opened] = await Promise.all([
        openCases(connection, cases, now),
        appendEntries(connection, [...facts, ...commands]),
        updateHandOffs(connection, rows),
        writeRowOutcomes(connection, rowChanges, closedBatches),
        writeWithdrawnRows(connection, withdrawnRows),
        settleCases(connection, settled, now),
        stopTreaties(connection, stopped, now),
        counts.write(connection),
      ]);
      return opened;
    },
  };
}

/** Milliseconds beyond the answer's own limit before a sending counts as lost with its courier. */
const graceMs = 2_000;
