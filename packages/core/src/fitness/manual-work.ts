import { textArray } from "../postgres/arrays.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { closedByNobody } from "../treaty/fallout-cases.ts";

/** What people had to do for the integrations in some time, and how often an agreement about content did not hold. */
export interface ManualWork {
  /** Cases that a person claimed or closed, and parked entries that a person redrove or discarded; counted when they are closed. */
  readonly repairs: number;
  /** Answers and records of counterparties that nobody could read, and entries parked because of what they hold. */
  readonly failedChanges: number;
}

const caseWork: Statement = {
  name: "fitness-cases",
  text: `select (count(*) filter (where closed_at >= to_timestamp($2::float8 / 1000) and closed_at < to_timestamp($3::float8 / 1000)
        and (claimed_by is not null or closed_by <> all($4::text[]))))::int as repairs,
      (count(*) filter (where opened_at >= to_timestamp($2::float8 / 1000) and opened_at < to_timestamp($3::float8 / 1000)
        and kind in ('unclassified', 'record-unreadable')))::int as unread
    from entente.fallout_case where tenant_id = $1 and (closed_at is null or closed_at >= to_timestamp($2::float8 / 1000))`,
};

const parkedWork: Statement = {
  name: "fitness-parked",
  // Parking keeps database time. Nobody but a person moves what is parked.
  text: `select (count(*) filter (where closed_at >= to_timestamp($2::float8 / 1000) and closed_at < to_timestamp($3::float8 / 1000)))::int as repairs,
      (count(*) filter (where parked_at >= to_timestamp($2::float8 / 1000) and parked_at < to_timestamp($3::float8 / 1000)
        and cause_code = any($4::text[])))::int as unread
    from entente.parked where tenant_id = $1 and parked_at is not null`,
};

/** Causes that lie in what an entry holds: its type, its members, or what would be made of it. */
const contentCauses = [
  "command-type-unknown",
  "command-not-decided",
  "data-rejected",
  "fact-type-undeclared",
  "request-invalid",
];

/** Times in epoch milliseconds, business time; `until` itself is left out. `offsetMs`: business time minus wall time. */
export async function readManualWork(
  databases: Iterable<Database>,
  tenantId: string,
  from: number,
  until: number,
  offsetMs: number,
): Promise<ManualWork> {
  let repairs = 0;
  let failedChanges = 0;
  for (const database of databases) {
    const [[cases], [parked]] = await Promise.all([
      database.run<{ repairs: number; unread: number }>(caseWork, [
        tenantId,
        from,
        until,
        textArray([...closedByNobody]),
      ]),
      database.run<{ repairs: number; unread: number }>(parkedWork, [
        tenantId,
        from - offsetMs,
        until - offsetMs,
        textArray(contentCauses),
      ]),
    ]);
    repairs += (cases?.repairs ?? 0) + (parked?.repairs ?? 0);
    failedChanges += (cases?.unread ?? 0) + (parked?.unread ?? 0);
  }
  return { repairs, failedChanges };
}
