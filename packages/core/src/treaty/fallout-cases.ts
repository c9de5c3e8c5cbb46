import { newId } from "../journal/new-id.ts";
import { Failure } from "../model/failure.ts";
import { textArray, timeArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import type { CaseLine, CaseSubject } from "./treaty-events.ts";

/** Cases: what only a person can clear. Each has an owner from its first moment, and offers safe acts only. */

export type CaseKind =
  | "rejected"
  | "unknown"
  | "tries-used-up"
  | "unclassified"
  | "key-conflict"
  | "contradiction"
  | "unwanted-effect"
  | "rows-rejected"
  | "callback-unmatched"
  | "credentials-refused"
  | "record-unreadable"
  | "sums-differ"
  | "budget-nearly-used";

/** What a person may do with a hand-off from a case. */
export type SafeAct =
  | "escalate"
  | "ask-again"
  | "prove-completed"
  | "prove-not-done"
  | "try-anew"
  | "give-up"
  | "resume-treaty"
  | "extend-error-map"
  | "undo-by-hand"
  | "close";

/** Acts by kind of case. The model still has the last word: in doubt it allows neither a new attempt nor giving up. */
export const safeActs: Readonly<Record<CaseKind, readonly SafeAct[]>> = {
  rejected: ["escalate", "try-anew", "give-up", "close"],
  unknown: ["ask-again", "prove-completed", "prove-not-done", "try-anew", "give-up"],
  "tries-used-up": ["ask-again", "prove-completed", "try-anew", "give-up"],
  unclassified: ["extend-error-map", "ask-again", "prove-completed", "prove-not-done", "try-anew", "give-up"],
  "key-conflict": ["ask-again", "prove-completed", "prove-not-done", "try-anew", "give-up"],
  contradiction: ["ask-again", "prove-completed", "close"],
  "unwanted-effect": ["undo-by-hand", "close"],
  "rows-rejected": ["close"],
  "callback-unmatched": ["close"],
  "credentials-refused": ["resume-treaty", "close"],
  "record-unreadable": ["close"],
  "sums-differ": ["close"],
  "budget-nearly-used": ["close"],
};

export interface NewCase {
  /** As its log line tells it. */
  readonly about: CaseSubject;
  readonly treaty: string;
  readonly kind: CaseKind;
  /** Theirs, or ours for what it is about. */
  readonly code: string | null;
  readonly says: string;
  readonly owner: string;
}

const open: Statement = {
  name: "case-open",
  text: `insert into entente.fallout_case (tenant_id, case_id, hand_off_id, treaty, target, kind, code, says, owner, opened_at)
    select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
      $10::timestamptz[])
    on conflict (tenant_id, hand_off_id, kind) where closed_at is null do nothing
    returning case_id as "caseId"`,
};

/**
 * Opens cases; one of the same kind that is open already is enough. Returns a line for each that was opened, to be told once the
 * transaction is committed.
 */
export async function openCases(
  connection: Connection,
  cases: readonly NewCase[],
  now: number,
): Promise<readonly CaseLine[]> {
  if (cases.length === 0) return [];
  const ids = cases.map(() => newId(now));
  const opened = await connection.run<{ caseId: string }>(open, [
    textArray(cases.map(({ about }) => about.tenantId)),
    uuidArray(ids),
    uuidArray(cases.map(({ about }) => about.handOffId)),
    textArray(cases.map((c) => c.treaty)),
    textArray(cases.map(({ about }) => about.target)),
    textArray(cases.map((c) => c.kind)),
    textArray(cases.map((c) => c.code)),
    textArray(cases.map((c) => c.says)),
    textArray(cases.map((c) => c.owner)),
    timeArray(cases.map(() => now)),
  ]);
  const isOpened = new Set(opened.map(({ caseId }) => caseId));
  return cases
    .filter((_, n) => isOpened.has(ids[n] as string))
    .map(({ about, treaty, kind, owner }) => ({
      event: "case",
      ...about,
      treaty,
      kind,
      step: "opened",
      by: owner,
    }));
}

const settle: Statement = {
  name: "case-settle",
  text: `update entente.fallout_case c set closed_by = n.by, closed_why = n.why, closed_at = to_timestamp($5::float8 / 1000)
    from unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) as n(tenant_id, hand_off_id, by, why)
    where c.tenant_id = n.tenant_id and c.hand_off_id = n.hand_off_id and c.closed_at is null
      and c.kind not in ('contradiction', 'unwanted-effect', 'rows-rejected')`,
};

/** Who a case is closed by when no person did it: what brought its hand-off out of fallout, or a look that found nothing wrong any more. */
export const closedByNobody: readonly string[] = [
  "answer",
  "callback",
  "courier",
  "deadline",
  "domain",
  "inquiry",
  "reconciliation",
];

export interface SettledCase {
  readonly tenantId: string;
  readonly handOffId: string;
  readonly by: string;
  readonly why: string;
}

/** Closes the cases of hand-offs that came out of fallout. What contradicted or is unwanted stays for a person to look at. */
export async function settleCases(
  connection: Connection,
  settled: readonly SettledCase[],
  now: number,
): Promise<void> {
  if (settled.length === 0) return;
  await connection.run(settle, [
    textArray(settled.map((s) => s.tenantId)),
    uuidArray(settled.map((s) => s.handOffId)),
    textArray(settled.map((s) => s.by)),
    textArray(settled.map((s) => s.why)),
    now,
  ]);
}

/** A case as operators see it. Times in epoch milliseconds, business time. */
export interface FalloutCase {
  readonly caseId: string;
  readonly tenantId: string;
  readonly handOffId: string | null;
  readonly treaty: string;
  readonly target: string;
  readonly kind: CaseKind;
  readonly code: string | null;
  readonly says: string;
  readonly owner: string;
  readonly openedAt: number;
  readonly claimedBy: string | null;
  readonly closedBy: string | null;
  readonly closedAt: number | null;
  readonly closedWhy: string | null;
  readonly acts: readonly SafeAct[];
}

const columns = `case_id as "caseId", tenant_id as "tenantId", hand_off_id as "handOffId", treaty, target, kind, code, says, owner,
  opened_at as "openedAt", claimed_by as "claimedBy", closed_by as "closedBy", closed_at as "closedAt", closed_why as "closedWhy"`;

const list: Statement = {
  name: "case-list",
  text: `select ${columns} from entente.fallout_case where tenant_id = $1 and closed_at is null order by opened_at limit $2`,
};

/** Open cases of a tenant, oldest first. */
export async function listCases(
  connection: Connection,
  tenantId: string,
  limit: number,
): Promise<FalloutCase[]> {
  const rows = (await connection.run(list, [tenantId, limit])) as unknown as Omit<FalloutCase, "acts">[];
  return rows.map((row) => ({ ...row, acts: safeActs[row.kind] }));
}

const aboutHandOffs: Statement = {
  name: "case-about",
  // Closed cases have no index by hand-off; whoever closed one left an act that names it.
  text: `select ${columns} from entente.fallout_case
    where tenant_id = $1 and hand_off_id = any($2::uuid[]) and closed_at is null
    union
    select ${columns} from entente.fallout_case where tenant_id = $1 and case_id = any($3::uuid[])
    order by "openedAt", "caseId" limit $4`,
};

/** The open cases of hand-offs, and these cases whether open or not; oldest first. Indexes: fallout_case_open, the primary key. */
export async function readCasesAbout(
  connection: Connection,
  tenantId: string,
  handOffIds: readonly string[],
  caseIds: readonly string[],
  limit: number,
): Promise<FalloutCase[]> {
  const rows = await connection.run(aboutHandOffs, [
    tenantId,
    uuidArray(handOffIds),
    uuidArray(caseIds),
    limit,
  ]);
  return (rows as unknown as Omit<FalloutCase, "acts">[]).map((row) => ({
    ...row,
    acts: safeActs[row.kind],
  }));
}

const lockOne: Statement = {
  name: "case-lock",
  text: `select ${columns} from entente.fallout_case where tenant_id = $1 and case_id = $2 and closed_at is null for update`,
};

/** Locks one open case. Errors: `case-not-open` (conflict). */
export async function lockCase(
  connection: Connection,
  tenantId: string,
  caseId: string,
): Promise<FalloutCase> {
  const [row] = (await connection.run(lockOne, [tenantId, caseId])) as unknown as Omit<FalloutCase, "acts">[];
  if (row === undefined) {
    throw new Failure(
      "conflict",
      "case-not-open",
      "No such case is open: it may have been dealt with meanwhile.",
      {
        fields: { caseId },
      },
    );
  }
  return { ...row, acts: safeActs[row.kind] };
}

export async function markClaimed(
  connection: Connection,
  tenantId: string,
  caseId: string,
  by: string,
  now: number,
): Promise<void> {
  await connection.execute(
    `update entente.fallout_case set claimed_by = $3, claimed_at = to_timestamp($4::float8 / 1000), owner = $3
     where tenant_id = $1 and case_id = $2`,
    [tenantId, caseId, by, now],
  );
}

export async function markClosed(
  connection: Connection,
  tenantId: string,
  caseId: string,
  by: string,
  why: string,
  now: number,
): Promise<void> {
  await connection.execute(
    `update entente.fallout_case set closed_by = $3, closed_why = $4, closed_at = to_timestamp($5::float8 / 1000)
     where tenant_id = $1 and case_id = $2 and closed_at is null`,
    [tenantId, caseId, by, why, now],
  );
}
