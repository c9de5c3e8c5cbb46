import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { ParkingPolicy } from "../model/decider.ts";
import type { Entry, JsonObject, NewEntry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { isId } from "../model/id.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { parkingFact } from "./parking.ts";

/** What an operator sees of a parked entry. Payload is shown only by `readParked` of one entry. */
export interface ParkedSummary {
  readonly consumer: string;
  readonly entryId: string;
  readonly tenantId: string;
  readonly key: string;
  readonly processId: string;
  readonly type: string;
  readonly state: string;
  readonly policy: ParkingPolicy;
  readonly attempts: number;
  readonly causeCode: string | null;
  readonly causeText: string | null;
  readonly parkedAt: number | null;
  /** Successors of the key that wait behind it. */
  readonly waiting: number;
}

const list: Statement = {
  name: "parked-list",
  text: `select p.consumer, p.entry_id as "entryId", p.tenant_id as "tenantId", p.key, p.process_id as "processId", p.type,
      p.state, p.policy, p.attempts, p.cause_code as "causeCode", p.cause_text as "causeText", p.parked_at as "parkedAt",
      case when p.state = 'parked' and p.policy = 'step-aside' then 0
        else (select count(*)::int from entente.parked h where h.consumer = p.consumer and h.tenant_id = p.tenant_id
          and h.key = p.key and h.state = 'held') end as waiting
    from entente.parked p where p.tenant_id = $1 and p.state in ('retrying', 'parked', 'redriving')
    order by p.xid, p.seq limit $2`,
};

/** Open entries of a tenant, oldest first, at most `limit`. */
export async function listParked(
  database: Database,
  tenantId: string,
  limit: number,
): Promise<ParkedSummary[]> {
  return (await database.run(list, [tenantId, limit])) as unknown as ParkedSummary[];
}

/** Who acts, and why: kept with every act. */
export interface OperatorAct {
  readonly tenantId: string;
  readonly entryId: string;
  readonly by: string;
  readonly why: string;
}

interface ActedRow extends Record<string, unknown> {
  consumer: string;
  entry: Entry;
  attempts: number;
}

/** Has the entry executed once more, from where it stands; with `corrected`, with this data instead of its own. */
export async function redriveParked(
  database: Database,
  context: string,
  now: number,
  act: OperatorAct,
  corrected?: JsonObject,
): Promise<void> {
  if (!isId(act.entryId)) throw notParked(act);
  await database.transaction(async (connection) => {
    const rows = await connection.execute<ActedRow>(
      `update entente.parked set state = 'redriving', next_try_at = null, corrected = coalesce($3::json, corrected)
       where tenant_id = $1 and entry_id = $2 and state = 'parked' returning consumer, entry, attempts`,
      [act.tenantId, act.entryId, corrected === undefined ? null : JSON.stringify(corrected)],
    );
    const type = corrected === undefined ? "entente.parked-redriven" : "entente.parked-corrected";
    await record(connection, context, now, act, rows, type, corrected === undefined ? {} : { corrected });
  });
}

/** Gives the entry up: it is never executed, its process fails openly, and its successors go on. */
export async function discardParked(
  database: Database,
  context: string,
  now: number,
  act: OperatorAct,
): Promise<void> {
  if (!isId(act.entryId)) throw notParked(act);
  await database.transaction(async (connection) => {
    const rows = await connection.execute<ActedRow>(
      `update entente.parked set state = 'discarded', closed_at = clock_timestamp()
       where tenant_id = $1 and entry_id = $2 and state = 'parked' returning consumer, entry, attempts`,
      [act.tenantId, act.entryId],
    );
    await record(connection, context, now, act, rows, "entente.parked-discarded");
    await appendEntries(
      connection,
      rows.map((row) =>
        parkingFact(context, row.consumer, row.entry, "entente.command-discarded", now, row.attempts, {
          entryId: act.entryId,
          type: row.entry.type,
          policy: "step-aside",
          code: "discarded-by-operator",
        }),
      ),
    );
  });
}

/** Every act leaves a control entry: what, which entry, who, why, and with which data when they were corrected. */
async function record(
  connection: Connection,
  context: string,
  now: number,
  act: OperatorAct,
  rows: readonly ActedRow[],
  type: string,
  more: JsonObject = {},
): Promise<void> {
  if (rows.length === 0) throw notParked(act);
  await appendEntries(
    connection,
    rows.map((acted) => controlEntry(context, now, act, acted, type, more)),
  );
}

function notParked(act: OperatorAct): Failure {
  return new Failure(
    "conflict",
    "not-parked",
    "No such entry is parked: it may have been dealt with meanwhile.",
    { fields: { entryId: act.entryId } },
  );
}

function controlEntry(
  context: string,
  now: number,
  act: OperatorAct,
  row: ActedRow,
  type: string,
  more: JsonObject,
): NewEntry {
  return {
    id: newId(now),
    kind: "control",
    type,
    schemaVersion: "1.0.0",
    source: context,
    target: null,
    tenantId: row.entry.tenantId,
    key: row.entry.key,
    keyVersion: null,
    processId: row.entry.processId,
    correlationId: row.entry.correlationId,
    causationId: row.entry.id,
    customerId: row.entry.customerId,
    ttlMs: null,
    traceparent: row.entry.traceparent,
    occurredAt: now,
    data: { consumer: row.consumer, entryId: act.entryId, by: act.by, why: act.why, ...more },
  };
}
