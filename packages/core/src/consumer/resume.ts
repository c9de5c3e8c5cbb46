import { ensurePartitions, monthStart } from "../journal/partitions.ts";
import type { Entry } from "../model/entry.ts";
import { Failure, isFailure } from "../model/failure.ts";
import { timeOfId } from "../model/id.ts";
import {
  backoffMs,
  causeOf,
  entryToRun,
  markDone,
  markFailed,
  type ParkedRow,
  type RetryRule,
  readBlocking,
} from "../parked/parking.ts";
import { runWrite } from "../postgres/database.ts";
import { openBatch } from "./batch.ts";
import type { ConsumerDefinition, ConsumerSetting } from "./definition.ts";
import { moveCursors, type OwnedLane } from "./lanes.ts";
import type { OpenStalls, StalledKey } from "./stalls.ts";

/** Rows of one key executed together at most. */
const runLength = 200;

/** Keys looked at between two batches at most, so that many that stand still do not stop those that flow. */
const keysPerTurn = 20;

/**
 * Tries what is due among the stalled keys: retries, redrives, and successors whose way is free.
 * Returns true when anything was executed. Keys with nothing left in the way flow again afterwards.
 */
export async function resumeStalledKeys(
  definition: ConsumerDefinition,
  setting: ConsumerSetting,
  stalls: OpenStalls,
  owned: ReadonlyMap<number, OwnedLane>,
  rule: RetryRule,
): Promise<boolean> {
  let worked = false;
  for (const key of stalls.due(performance.now(), keysPerTurn)) {
    const lane = owned.get(key.lane);
    if (lane === undefined) stalls.remove(key);
    else if (await resumeKey(definition, setting, stalls, lane, key, rule)) worked = true;
  }
  return worked;
}

async function resumeKey(
  definition: ConsumerDefinition,
  setting: ConsumerSetting,
  stalls: OpenStalls,
  lane: OwnedLane,
  key: StalledKey,
  rule: RetryRule,
): Promise<boolean> {
  const rows = await readBlocking(setting.database, definition.name, key.tenantId, key.key, runLength);
  const head = rows[0];
  if (head === undefined) {
    stalls.remove(key);
    return true;
  }
  if (head.state === "parked" || head.wait_ms > 0) {
    key.tryAt = head.state === "parked" ? Number.POSITIVE_INFINITY : performance.now() + head.wait_ms;
    return false;
  }
  const run = head.state === "held" ? leadingHeld(rows) : [head];
  try {
    await runOrRecord(definition, setting, lane, run, rule);
  } catch (error) {
    if (isFailure(error, "partition-missing")) {
      // Effects and parking facts carry their cause's month, which may lie far back after a long absence.
      for (const at of new Set(run.map((row) => monthStart(timeOfId(row.entry_id))))) {
        await ensurePartitions(setting.database, at);
      }
    }
    throw error;
  }
  return true;
}

/** Executes the run, or records what stands in its way. */
async function runOrRecord(
  definition: ConsumerDefinition,
  setting: ConsumerSetting,
  lane: OwnedLane,
  run: readonly ParkedRow[],
  rule: RetryRule,
): Promise<void> {
  const head = run[0] as ParkedRow;
  try {
    await execute(definition, setting, lane, run);
  } catch (error) {
    if (!isCulprit(error)) throw error;
    definition.forget?.();
    const cause = error instanceof PutAside ? error.cause : error;
    if (run.length === 1) return recordFailure(definition, setting, lane, head, rule, cause);
    // A run of successors failed together: the first alone shows whether it is the culprit.
    await runOrRecord(definition, setting, lane, [head], rule);
  }
}

/** The handler itself put the entry aside: it is the culprit whatever kind of failure it met. */
class PutAside extends Error {
  constructor(cause: unknown) {
    super("put aside by the handler", { cause });
  }
}

/** The entry is at fault, not the surroundings. */
function isCulprit(error: unknown): boolean {
  return !(error instanceof Failure) || error.kind === "defect" || error.kind === "refused";
}

function leadingHeld(rows: readonly ParkedRow[]): ParkedRow[] {
  const end = rows.findIndex((row) => row.state !== "held");
  return rows.slice(0, end === -1 ? rows.length : end);
}

async function execute(
  definition: ConsumerDefinition,
  setting: ConsumerSetting,
  lane: OwnedLane,
  rows: readonly ParkedRow[],
): Promise<void> {
  const entries = rows.map(entryToRun);
  const batch = openBatch(entries, null);
  await setting.database.transaction(
    async (connection) => {
      await definition.apply(connection, batch);
      const stalled = batch.stalled[0];
      if (stalled !== undefined) throw new PutAside(stalled.error);
      await markDone(
        connection,
        definition.name,
        rows.map((row) => row.entry_id),
      );
      await setting.probe?.("consumer:before-resume-commit");
    },
    (connection) =>
      Promise.all([
        ...batch.lastWrites.map((write) => runWrite(connection, write)),
        stillOurs(connection, definition, lane, rows[0]),
      ]),
  );
  definition.committed?.(entries);
}

async function recordFailure(
  definition: ConsumerDefinition,
  setting: ConsumerSetting,
  lane: OwnedLane,
  row: ParkedRow,
  rule: RetryRule,
  error: unknown,
): Promise<void> {
  const attempts = row.attempts + 1;
  // A redrive is one more try by decision; it is parked again at once when it fails.
  const retryInMs =
    attempts < rule.attempts && row.state !== "redriving"
      ? backoffMs(rule, attempts, setting.random())
      : null;
  await setting.database.transaction(
    async (connection) => {
      await markFailed(connection, definition.name, setting.context, setting.clock.now(), {
        row,
        attempts,
        retryInMs,
        error,
      });
    },
    (connection) => stillOurs(connection, definition, lane, row),
  );
  const entry: Entry = row.entry;
  const cause = causeOf(error);
  if (retryInMs === null) {
    setting.wakeUps.ring(setting.context);
    setting.report({
      event: "parked",
      consumer: definition.name,
      processId: entry.processId,
      entryId: entry.id,
      code: cause.code,
      text: cause.text,
    });
  } else {
    setting.report({
      event: "retrying",
      consumer: definition.name,
      processId: entry.processId,
      code: cause.code,
    });
  }
}

/** A cursor move from where it stands to where it stands: fails when the lane has another owner. */
async function stillOurs(
  connection: Parameters<ConsumerDefinition["apply"]>[0],
  definition: ConsumerDefinition,
  lane: OwnedLane,
  row: ParkedRow | undefined,
): Promise<void> {
  if (row === undefined) return;
  const position = lane.positions.get(row.journal);
  if (position === undefined) throw new Failure("conflict", "lane-fenced", "The lane is not ours any more.");
  await moveCursors(connection, definition.name, [
    { journal: row.journal, lane, from: position, to: position, entries: 0 },
  ]);
}
