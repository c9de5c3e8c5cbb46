import type { Database, Statement } from "@entente/core";

const undecided: Statement = {
  name: "gateway-undecided-request",
  text: `select exists (
      select from entente.journal j where j.target = 'request' and j.tenant_id = $1 and j.key = $2 and not exists (
        select from entente.process p
        where p.process_id = j.id and (p.state in ('confirmed', 'failed') or p.outcome is not null))) as undecided`,
};

/**
 * True while a top-up of the account that was accepted as a request is neither debited nor failed, as far as processes show: they may say so a
 * moment late, never early. Index: journal_requested.
 */
export async function hasUndecidedRequest(
  database: Database,
  tenantId: string,
  accountId: string,
): Promise<boolean> {
  const [row] = await database.run<{ undecided: boolean }>(undecided, [tenantId, accountId]);
  return row?.undecided === true;
}

/** Top-ups that were accepted as requests and whose processes have not ended. */
export interface UnendedRequests {
  readonly count: number;
  /** Process of the oldest; null: there is none. */
  readonly oldest: string | null;
}

const unended: Statement = {
  name: "gateway-unended-requests",
  text: `select count(*)::int as count, min(j.id::text) as oldest from entente.journal j
    where j.target = 'request' and not exists (
      select from entente.process p where p.process_id = j.id and p.state in ('confirmed', 'failed'))`,
};

/** Of all tenants. Reads every request that the raw intake still has: for a start, and for people. Index: journal_requested. */
export async function readUnendedRequests(database: Database): Promise<UnendedRequests> {
  const [row] = await database.run<{ count: number; oldest: string | null }>(unended);
  return { count: row?.count ?? 0, oldest: row?.oldest ?? null };
}
