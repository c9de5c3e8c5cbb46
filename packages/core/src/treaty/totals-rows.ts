/** What comparing sums reads and writes: whose turn it is, the acts of days with what became of them, and the case of a day. */
import { readEntries } from "../journal/read.ts";
import type { JsonObject } from "../model/entry.ts";
import type { RowOutcome } from "../model/hand-off-record.ts";
import { textArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { openCases } from "./fallout-cases.ts";
import type { OpeningData } from "./hand-off-entries.ts";
import type { HandOffTreaty } from "./treaty.ts";
import { type CaseLine, tenantSubject } from "./treaty-events.ts";

const take: Statement = {
  name: "totals-take",
  text: `insert into entente.totals_run as r (treaty, due_at, holder, held_until)
      select $1, to_timestamp($2::float8 / 1000), $3, clock_timestamp() + $4 * interval '1 millisecond'
      where not exists (select from entente.treaty_control c where c.treaty = $1 and c.stopped)
        and not (select paused from entente.context_control)
    on conflict (treaty) do update set holder = excluded.holder, held_until = excluded.held_until
      where r.due_at <= excluded.due_at and (r.holder is null or r.held_until < clock_timestamp())
    returning 1 as taken`,
};

/** Takes the run that is due, for so many milliseconds of database time; false: none is, or another instance has it. */
export async function takeRun(
  database: Database,
  treaty: string,
  holder: string,
  now: number,
  heldMs: number,
): Promise<boolean> {
  return (await database.run(take, [treaty, now, holder, heldMs])).length > 0;
}

/** When the next run is due, epoch milliseconds of business time; 0: there never was one. */
export async function readDue(database: Database, treaty: string): Promise<number> {
  const [row] = await database.execute<{ dueAt: number }>(
    'select due_at as "dueAt" from entente.totals_run where treaty = $1',
    [treaty],
  );
  return row?.dueAt ?? 0;
}

const keep: Statement = {
  name: "totals-keep",
  text: `update entente.totals_run set held_until = clock_timestamp() + $3 * interval '1 millisecond'
    where treaty = $1 and holder = $2 returning 1 as held`,
};

/** Keeps it for as long again, and locks it when this is a transaction; false: another instance has taken it. */
export async function keepRun(
  connection: Connection,
  treaty: string,
  holder: string,
  heldMs: number,
): Promise<boolean> {
  return (await connection.run(keep, [treaty, holder, heldMs])).length > 0;
}

/** Gives it back. `dueAt`: the next one, business time. */
export async function endRun(
  database: Database,
  treaty: string,
  holder: string,
  dueAt: number,
): Promise<void> {
  await database.execute(
    `update entente.totals_run set holder = null, held_until = null, due_at = to_timestamp($3::float8 / 1000)
     where treaty = $1 and holder = $2`,
    [treaty, holder, dueAt],
  );
}

export interface OpenedAct {
  readonly tenantId: string;
  readonly idempotencyKey: string;
  readonly data: JsonObject;
  readonly outcome: "completed" | "open" | "not-done";
}

/** How many acts of the treaties were opened since then (business time), by tenant in order of its name. */
export async function countActs(
  database: Database,
  treaties: readonly string[],
  since: number,
): Promise<readonly { readonly tenantId: string; readonly acts: number }[]> {
  return database.execute(
    `select tenant_id as "tenantId", sum(greatest(row_count, 1))::float8 as acts from entente.hand_off
     where treaty = any($1::text[]) and created_at >= to_timestamp($2::float8 / 1000) group by tenant_id order by tenant_id`,
    [textArray(treaties), since],
  );
}

const perPage = 100;

const page: Statement = {
  name: "totals-acts",
  text: `select tenant_id, hand_off_id, state, in_doubt, idempotency_key, row_count, created_at from entente.hand_off
    where treaty = any($1::text[]) and created_at >= to_timestamp($2::float8 / 1000)
      and (created_at, hand_off_id) > (to_timestamp($3::float8 / 1000), $4::uuid)
    order by created_at, hand_off_id limit ${perPage}`,
};

const rowsOf: Statement = {
  name: "totals-rows",
  text: "select hand_off_id, row, outcome from entente.hand_off_row where hand_off_id = any($1::uuid[])",
};

interface ActRow extends Record<string, unknown> {
  readonly tenant_id: string;
  readonly hand_off_id: string;
  readonly state: string;
  readonly in_doubt: boolean;
  readonly idempotency_key: string;
  readonly row_count: number;
  readonly created_at: number;
}

/** The acts of treaties, of every tenant, that were opened since then (business time), page by page. */
export async function* actsSince(
  database: Database,
  treaties: readonly string[],
  since: number,
): AsyncGenerator<OpenedAct> {
  let after: readonly [number, string] = [0, "00000000-0000-0000-0000-000000000000"];
  for (;;) {
    const found = await database.run<ActRow>(page, [textArray(treaties), since, ...after]);
    const ids = found.map((one) => one.hand_off_id);
    const batches = found.filter((one) => one.row_count > 0).map((one) => one.hand_off_id);
    const [entries, rows] = await Promise.all([
      ids.length === 0 ? [] : readEntries(database, ids),
      batches.length === 0
        ? []
        : (database.runRows(rowsOf, [uuidArray(batches)]) as Promise<[string, number, RowOutcome][]>),
    ]);
    const openings = new Map(entries.map((entry) => [entry.id, entry.data as unknown as OpeningData]));
    const outcomes = new Map(rows.map(([handOffId, row, outcome]) => [`${handOffId} ${row}`, outcome]));
    for (const one of found) {
      const opening = openings.get(one.hand_off_id);
      // Its request was removed by retention: a day as old as that is not compared.
      if (opening === undefined) continue;
      const { tenant_id: tenantId, idempotency_key: idempotencyKey } = one;
      if (opening.request !== null)
        yield { tenantId, idempotencyKey, data: opening.request, outcome: outcomeOf(one, "open") };
      for (const [n, row] of opening.rows.entries()) {
        const outcome = outcomeOf(one, outcomes.get(`${one.hand_off_id} ${n}`) ?? "open");
        yield { tenantId, idempotencyKey: row.idempotencyKey, data: row.request, outcome };
      }
    }
    const last = found.at(-1);
    if (last === undefined || found.length < perPage) return;
    after = [last.created_at, last.hand_off_id];
  }
}

function outcomeOf({ state, in_doubt }: ActRow, row: RowOutcome): OpenedAct["outcome"] {
  if (row !== "open") return row === "completed" ? "completed" : "not-done";
  if (state === "completed") return "completed";
  return (state === "rejected" || state === "cancelled" || state === "fallout") && !in_doubt
    ? "not-done"
    : "open";
}

const who = "reconciliation";

/**
 * The case of a day: opened when sums differ, told anew while it is open, closed when they agree. One that a person has closed with the
 * same finding stays closed. Returns the line of one that was opened. The caller holds the run, so nobody else writes it.
 */
export async function writeSumsCase(
  connection: Connection,
  treaty: HandOffTreaty,
  tenantId: string,
  day: string,
  difference: string | null,
  now: number,
): Promise<readonly CaseLine[]> {
  const place = [tenantId, treaty.name, day];
  if (difference === null) {
    await connection.execute(
      `update entente.fallout_case set closed_by = $4, closed_why = 'The sums are equal now.', closed_at = to_timestamp($5::float8 / 1000)
       where tenant_id = $1 and treaty = $2 and kind = 'sums-differ' and code = $3 and closed_at is null`,
      [...place, who, now],
    );
    return [];
  }
  const known = await connection.execute(
    `update entente.fallout_case set says = $4
     where tenant_id = $1 and treaty = $2 and kind = 'sums-differ' and code = $3
       and (closed_at is null or (says = $4 and closed_by <> $5)) returning 1`,
    [...place, difference, who],
  );
  if (known.length > 0) return [];
  const { name, target, runbook } = treaty;
  const about = tenantSubject(tenantId, target);
  const own = { about, treaty: name, owner: runbook.businessOwner };
  return openCases(connection, [{ ...own, kind: "sums-differ", code: day, says: difference }], now);
}
