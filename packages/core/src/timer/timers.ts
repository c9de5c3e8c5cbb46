import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { Timer } from "../model/decider.ts";
import type { JsonObject, NewEntry } from "../model/entry.ts";
import { jsonArray, textArray, timeArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";

/** Timers are rows that turn into command entries of the context's own journal when due, by business time. */

export interface ScheduledTimer extends Timer {
  readonly tenantId: string;
  readonly key: string;
  readonly causationId: string;
  /** Whose account it is about, where that is known. */
  readonly customerId?: string | null;
  /** Of the command's schema when the timer was set: its data keeps that shape however late it fires. */
  readonly schemaVersion: string;
}

const schedule: Statement = {
  name: "timer-schedule",
  text: `insert into entente.timer (tenant_id, key, name, due_at, type, schema_version, data, causation_id, customer_id)
    select distinct on (tenant_id, key, name) tenant_id, key, name, due_at, type, schema_version, data, causation_id, customer_id
    from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::json[], $7::uuid[], $8::text[], $9::text[])
      with ordinality as t(tenant_id, key, name, due_at, type, data, causation_id, schema_version, customer_id, place)
    order by tenant_id, key, name, place desc
    on conflict (tenant_id, key, name) do update
      set due_at = excluded.due_at, type = excluded.type, schema_version = excluded.schema_version,
        data = excluded.data, causation_id = excluded.causation_id, customer_id = excluded.customer_id`,
};

/** Schedules timers in the caller's transaction; the last one of a name wins. */
export async function scheduleTimers(
  connection: Connection,
  timers: readonly ScheduledTimer[],
): Promise<void> {
  if (timers.length === 0) return;
  const without = timers.find((timer) => !Number.isFinite(timer.dueAt));
  if (without !== undefined) throw new RangeError(`timer ${without.name} has no due time`);
  await connection.run(schedule, [
    textArray(timers.map((t) => t.tenantId)),
    textArray(timers.map((t) => t.key)),
    textArray(timers.map((t) => t.name)),
    timeArray(timers.map((t) => t.dueAt)),
    textArray(timers.map((t) => t.type)),
    jsonArray(timers.map((t) => JSON.stringify(t.data))),
    uuidArray(timers.map((t) => t.causationId)),
    textArray(timers.map((t) => t.schemaVersion)),
    textArray(timers.map((t) => t.customerId ?? null)),
  ]);
}

const takeDue: Statement = {
  name: "timer-take-due",
  text: `delete from entente.timer t using (
      select tenant_id, key, name from entente.timer where due_at <= to_timestamp($1::float8 / 1000)
      order by due_at limit $2 for update skip locked) due
    where t.tenant_id = due.tenant_id and t.key = due.key and t.name = due.name
    returning t.tenant_id, t.key, t.name, t.due_at, t.type, t.schema_version, t.data, t.causation_id, t.customer_id`,
};

interface DueRow extends Record<string, unknown> {
  tenant_id: string;
  key: string;
  name: string;
  due_at: number;
  type: string;
  schema_version: string;
  data: JsonObject;
  causation_id: string | null;
  customer_id: string | null;
}

/**
 * Turns due timers into commands to the context itself, at most `limit`, in one transaction.
 * Returns how many. Safe to run in several processes: each timer fires once.
 */
export async function fireDueTimers(
  database: Database,
  context: string,
  now: number,
  limit = 500,
): Promise<number> {
  return database.transaction(async (connection) => {
    const due = await connection.run<DueRow>(takeDue, [now, limit]);
    due.sort((a, b) => a.due_at - b.due_at);
    await appendEntries(
      connection,
      due.map((row) => timerEntry(context, row, now)),
    );
    return due.length;
  });
}

function timerEntry(context: string, row: DueRow, now: number): NewEntry {
  const id = newId(now);
  return {
    id,
    kind: "command",
    type: row.type,
    schemaVersion: row.schema_version,
    source: context,
    target: context,
    tenantId: row.tenant_id,
    key: row.key,
    keyVersion: null,
    processId: id,
    // Correlated with what scheduled it, and so never taken for a command accepted from outside, which correlates with itself.
    correlationId: row.causation_id ?? id,
    causationId: row.causation_id,
    customerId: row.customer_id,
    ttlMs: null,
    traceparent: null,
    occurredAt: now,
    data: { ...row.data, dueAt: row.due_at },
  };
}
