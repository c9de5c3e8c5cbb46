import type { StoredCursor } from "../consumer/cursors.ts";
import { readStoredCursors } from "../consumer/cursors.ts";
import type { ContextDefinition } from "../context/definition.ts";
import { comparePositions, type JsonObject, journalStart, type Position } from "../model/entry.ts";
import { laneCount } from "../model/lane.ts";
import type { ProcessReason, ProcessState, ProcessStep } from "../model/process.ts";
import { processOutcome, type StoredOutcome } from "../model/replay.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { auditLogName } from "./audit-log.ts";
import type { BundleSelection } from "./bundle.ts";

/** Reads outcomes as they are stored now, and how far each reflects the journals, in one snapshot per database. */

/** A read model whose rows replay rebuilds. */
export interface OutcomeSource {
  /** Name of the reducer that rebuilds it. */
  readonly what: string;
  /** The consumer that writes it. */
  readonly consumer: string;
  /** The row of a key as the reducer says it; null: there is none. */
  read(connection: Connection, tenantId: string, key: string): Promise<JsonObject | null>;
}

/** A context as outcomes are read from it. */
export interface OutcomePlace {
  readonly definition: ContextDefinition;
  readonly database: Database;
}

/** Processes of an account whose outcomes go into its bundle: the newest. */
export const processesAllowed = 500;

type UpTo = StoredOutcome["upTo"];

/** Shape: of a process, its own; of an account, every read model's row and its newest processes; of other selections none. */
export async function readStoredOutcomes(
  places: readonly OutcomePlace[],
  tenantId: string,
  selection: BundleSelection,
): Promise<StoredOutcome[]> {
  const outcomes: StoredOutcome[] = [];
  if (selection.kind !== "process" && selection.kind !== "account") return outcomes;
  for (const { definition, database } of places) {
    const { intake, outcomes: sources = [] } = definition;
    if (intake !== undefined)
      outcomes.push(...(await readProcesses(database, intake.factsFrom, tenantId, selection)));
    if (selection.kind !== "account" || sources.length === 0) continue;
    const { key } = selection;
    const rows = await inSnapshot(database, async (connection) => {
      const found: StoredOutcome[] = [];
      for (const { what, consumer, read } of sources) {
        const upTo = await reflectedBy(connection, consumer, [definition.name]);
        const stored = await read(connection, tenantId, key);
        if (stored !== null) found.push({ what, id: key, stored, foldedBy: null, upTo });
      }
      return found;
    });
    outcomes.push(...rows);
  }
  return outcomes;
}

/** One moment of a database: a row and the cursor that says what is in it belong together. */
function inSnapshot<Result>(
  database: Database,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  return database.transaction(async (connection) => {
    await connection.execute("set transaction isolation level repeatable read read only");
    return work(connection);
  });
}

async function reflectedBy(
  connection: Connection,
  consumer: string,
  journals: readonly string[],
): Promise<UpTo> {
  const upTo: Record<string, UpTo[string]> = {};
  for (const journal of journals) {
    const cursors = await readStoredCursors(connection, consumer, journal);
    const [first] = cursors;
    if (first !== undefined) upTo[journal] = { generation: first.generation, lanes: lanesOf(cursors) };
  }
  return upTo;
}

function lanesOf(cursors: readonly StoredCursor[]): Position[] {
  return Array.from(
    { length: laneCount },
    (_, lane) => cursors.find((cursor) => cursor.lane === lane)?.position ?? journalStart,
  );
}

const columns = "process_id as id, type, state, steps, reason, outcome, folded_by, updated_at";

const processById: Statement = {
  name: "outcome-process",
  text: `select ${columns} from entente.process where tenant_id = $1 and process_id = $2::uuid`,
};

const processesOfKey: Statement = {
  name: "outcome-processes-of-key",
  text: `select ${columns} from entente.process where tenant_id = $1 and key = $2 order by process_id desc limit ${processesAllowed}`,
};

interface ProcessRow extends Record<string, unknown> {
  id: string;
  type: string;
  state: ProcessState;
  steps: readonly ProcessStep[];
  reason: ProcessReason | null;
  outcome: JsonObject | null;
  folded_by: StoredOutcome["foldedBy"];
  updated_at: number;
}

async function readProcesses(
  database: Database,
  factsFrom: readonly string[],
  tenantId: string,
  selection: BundleSelection & { readonly kind: "process" | "account" },
): Promise<StoredOutcome[]> {
  return inSnapshot(database, async (connection) => {
    const upTo = await reflectedBy(connection, "process-view", factsFrom);
    const rows =
      selection.kind === "process"
        ? await connection.run<ProcessRow>(processById, [tenantId, selection.processId])
        : await connection.run<ProcessRow>(processesOfKey, [tenantId, selection.key]);
    return rows.map(({ id, folded_by, updated_at, ...shown }) => {
      const stored = { ...shown, updatedAt: updated_at } as unknown as JsonObject;
      return { what: processOutcome, id, stored, foldedBy: folded_by, upTo };
    });
  });
}

const treeSize: Statement = {
  name: "outcome-tree-size",
  text: "select coalesce(max(size), 0) as size from entente.audit_tree where tenant_id = $1",
};

/**
 * The size from which on the tenant's log holds everything that the outcomes reflect; null: it has not come so far yet.
 * Until a checkpoint has it, the evidence would end before the outcomes.
 */
export async function evidencedFrom(
  auditDatabase: Database,
  tenantId: string,
  outcomes: readonly StoredOutcome[],
): Promise<number | null> {
  return inSnapshot(auditDatabase, async (connection) => {
    const journals = [...new Set(outcomes.flatMap(({ upTo }) => Object.keys(upTo)))];
    const logged = await reflectedBy(connection, auditLogName, journals);
    const isLogged = outcomes.every(({ upTo }) =>
      Object.entries(upTo).every(([journal, { generation, lanes }]) => {
        const log = logged[journal];
        return (
          log?.generation === generation &&
          lanes.every((position, lane) => comparePositions(position, log.lanes[lane] ?? journalStart) <= 0)
        );
      }),
    );
    if (!isLogged) return null;
    const [row] = await connection.run<{ size: string }>(treeSize, [tenantId]);
    return Number(row?.size ?? 0);
  });
}
