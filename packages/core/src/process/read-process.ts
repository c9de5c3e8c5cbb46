import type { JsonObject, Position } from "../model/entry.ts";
import { isId, timeOfId } from "../model/id.ts";
import type { ProcessDefinition, ProcessReason, ProcessState, ProcessStep } from "../model/process.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";

/** A process as it stands, ready to be shown. Times in epoch milliseconds, business time. */
export interface ProcessRecord {
  readonly processId: string;
  readonly tenantId: string;
  readonly type: string;
  /** Ordering key of the command, for Flux the account. */
  readonly key: string;
  readonly customerId: string | null;
  readonly state: ProcessState;
  /** True when it is unfinished past the limit its definition sets. */
  readonly delayed: boolean;
  readonly steps: readonly ProcessStep[];
  readonly reason: ProcessReason | null;
  readonly outcome: JsonObject | null;
  readonly acceptedAt: number;
  readonly updatedAt: number;
  /** Up to when what it shows may be taken for news; null: for ever. */
  readonly freshUntil: number | null;
  /** Past that: true of then, and perhaps of now. */
  readonly stale: boolean;
  /** Where this state stands in the order of changes; a process nobody moved yet stands at 0. */
  readonly change: Position;
}

export interface RecordRow extends Record<string, unknown> {
  id: string;
  tenant_id: string;
  command_type: string;
  key: string;
  customer_id: string | null;
  accepted_at: number | null;
  process_type: string | null;
  state: ProcessState | null;
  steps: ProcessStep[] | null;
  reason: ProcessReason | null;
  outcome: JsonObject | null;
  updated_at: number | null;
  fresh_until: number | null;
  xid: string | null;
  change: string | null;
}

export const recordColumns = `coalesce(c.type, '') as command_type, c.occurred_at as accepted_at,
  p.type as process_type, p.state, p.steps, p.reason, p.outcome, p.updated_at, p.fresh_until, p.xid, p.change`;

const readOne: Statement = {
  name: "process-read",
  // The raw command expires long before its process is forgotten; either alone is enough.
  text: `select i.id, coalesce(p.tenant_id, c.tenant_id) as tenant_id, coalesce(p.key, c.key) as key,
      coalesce(p.customer_id, c.customer_id) as customer_id, ${recordColumns}
    from (select $1::uuid as id) i
    left join entente.journal c on c.id = i.id and c.tenant_id = $2 and c.kind = 'command'
      and c.occurred_at >= to_timestamp($3::float8 / 1000)
    left join entente.process p on p.process_id = i.id and p.tenant_id = $2
    where c.id is not null or p.process_id is not null`,
};

const readChanges: Statement = {
  name: "process-read-changes",
  text: `select p.process_id as id, p.tenant_id, p.key, p.customer_id, ${recordColumns}
    from entente.process p left join entente.journal c on c.id = p.process_id
    where (p.xid, p.change) > ($1::xid8, $2::int8) and p.xid < pg_snapshot_xmin(pg_current_snapshot())
      and (p.process_id = any($3::uuid[])
        or (p.tenant_id, p.key) in (select * from unnest($4::text[], $5::text[]))
        or p.tenant_id = any($6::text[]))
    order by p.xid, p.change limit $7`,
};

/** Reads processes through the definitions that give them a name and a limit. */
export interface ProcessReader {
  /** One process of the tenant, or null: readable from the moment its 202 left. */
  read(tenantId: string, processId: string): Promise<ProcessRecord | null>;
  /**
   * Changes after a position, oldest first, of the named processes, of the named keys and of whole tenants.
   * At most `limit`; several changes of one process may appear as its latest only.
   */
  changes(after: Position, of: ChangeFilter, limit: number): Promise<ProcessRecord[]>;
  /** The position before which every change is visible. */
  horizon(): Promise<Position>;
}

export interface ChangeFilter {
  readonly processIds: readonly string[];
  readonly keys: readonly { readonly tenantId: string; readonly key: string }[];
  readonly tenants: readonly string[];
}

/** Process ids, tenants of keys, keys, whole tenants: as parameters of a statement, in this order. */
export function filterValues(of: ChangeFilter): readonly (readonly string[])[] {
  return [of.processIds, of.keys.map((key) => key.tenantId), of.keys.map((key) => key.key), of.tenants];
}

/** How rows become records: by the definitions that give processes a name and a limit. */
export function recordsBy(
  definitions: readonly ProcessDefinition[],
  now: () => number,
): (row: RecordRow) => ProcessRecord {
  const byType = new Map(definitions.map((definition) => [definition.type, definition]));
  const byCommand = new Map(definitions.map((definition) => [definition.startedBy, definition]));
  return (row) => {
    const definition = byCommand.get(row.command_type) ?? byType.get(row.process_type ?? "");
    const acceptedAt = row.accepted_at ?? timeOfId(row.id);
    const state = row.state ?? "queued";
    const ended = state === "confirmed" || state === "failed";
    return {
      processId: row.id,
      tenantId: row.tenant_id,
      type: definition?.type ?? row.command_type,
      key: row.key,
      customerId: row.customer_id,
      state,
      delayed: !ended && definition !== undefined && now() - acceptedAt > definition.delayedAfterMs,
      steps: row.steps ?? [],
      reason: row.reason,
      outcome: row.outcome,
      acceptedAt,
      updatedAt: row.updated_at ?? acceptedAt,
      freshUntil: row.fresh_until,
      stale: row.fresh_until !== null && now() > row.fresh_until,
      change: { xid: row.xid ?? "0", seq: row.change ?? "0" },
    };
  };
}

export function openProcessReader(
  database: Database,
  definitions: readonly ProcessDefinition[],
  now: () => number,
  intakeKeptMs: number,
): ProcessReader {
  const recordOf = recordsBy(definitions, now);
  return {
    async read(tenantId, processId) {
      if (!isId(processId)) return null;
      const [row] = await database.run<RecordRow>(readOne, [processId, tenantId, now() - intakeKeptMs]);
      return row === undefined ? null : recordOf(row);
    },
    async changes(after, of, limit) {
      const rows = await database.run<RecordRow>(readChanges, [
        after.xid,
        after.seq,
        ...filterValues(of),
        limit,
      ]);
      return rows.map(recordOf);
    },
    horizon: () => readHorizon(database),
  };
}

async function readHorizon(connection: Connection): Promise<Position> {
  const [row] = await connection.execute<{ xid: string }>(
    "select pg_snapshot_xmin(pg_current_snapshot())::text as xid",
  );
  // Everything below this transaction is visible; the first change still to come has it or a later one.
  return { xid: String(BigInt(row?.xid ?? "1") - 1n), seq: "9223372036854775807" };
}
