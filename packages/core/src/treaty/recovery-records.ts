import type { HandOffState } from "../model/hand-off.ts";
import type { Connection } from "../postgres/database.ts";
import { recoveryOpenMs } from "./recovery.ts";

/** Recoveries as operators see them: who asked and decided, and how far each has come. Times in epoch milliseconds, business time. */
export interface Recovery {
  readonly requestId: string;
  readonly tenantId: string;
  readonly treaty: string;
  readonly state: RecoveryState;
  readonly handOffs: number;
  readonly askedBy: string;
  readonly askedWhy: string;
  readonly askedAt: number;
  readonly decidedBy: string | null;
  readonly decidedWhy: string | null;
  readonly decidedAt: number | null;
}

/** `expired`: nobody decided within a day, and nobody may approve it any more. */
export type RecoveryState = "open" | "approved" | "rejected" | "expired";

export interface RecoveryProgress extends Recovery {
  readonly handOffIds: readonly string[];
  /** How many of its hand-offs are in each state now. */
  readonly states: Readonly<Partial<Record<HandOffState, number>>>;
  /** As they were when it was asked for: not decided yet, not taken up yet, or refused by the desk. */
  readonly untouched: number;
}

const columns = `request_id as "requestId", tenant_id as "tenantId", treaty, cardinality(hand_off_ids) as "handOffs",
  asked_by as "askedBy", asked_why as "askedWhy", asked_at as "askedAt",
  coalesce(approved_by, rejected_by) as "decidedBy", coalesce(approved_why, rejected_why) as "decidedWhy",
  coalesce(approved_at, rejected_at) as "decidedAt",
  case when approved_at is not null then 'approved' when rejected_at is not null then 'rejected'
    when asked_at < to_timestamp(($2::float8 - ${recoveryOpenMs}) / 1000) then 'expired' else 'open' end as state`;

/** Recoveries of a tenant, newest first; `before`: those older than this one. */
export async function listRecoveries(
  connection: Connection,
  tenantId: string,
  now: number,
  state: RecoveryState | null,
  before: string | null,
  limit: number,
): Promise<Recovery[]> {
  return connection.execute<Recovery & Record<string, unknown>>(
    `select * from (select ${columns} from entente.recovery_request where tenant_id = $1
       and ($3::uuid is null or request_id < $3)) r
     where $4::text is null or r.state = $4 order by "requestId" desc limit $5`,
    [tenantId, now, before, state, limit],
  );
}

/** One recovery with how far it has come; null: the tenant has no such recovery. */
export async function readRecovery(
  connection: Connection,
  tenantId: string,
  now: number,
  requestId: string,
): Promise<RecoveryProgress | null> {
  const [request] = await connection.execute<Recovery & { handOffIds: string[] } & Record<string, unknown>>(
    `select ${columns}, hand_off_ids as "handOffIds" from entente.recovery_request where tenant_id = $1 and request_id = $3`,
    [tenantId, now, requestId],
  );
  if (request === undefined) return null;
  const rows = await connection.execute<{ state: HandOffState; n: number; untouched: number }>(
    `select h.state, count(*)::float8 as n, count(*) filter (where h.version = a.version)::float8 as untouched
     from entente.recovery_request r cross join unnest(r.hand_off_ids, r.versions) as a(hand_off_id, version)
     join entente.hand_off h on h.tenant_id = r.tenant_id and h.hand_off_id = a.hand_off_id
     where r.tenant_id = $1 and r.request_id = $2 group by h.state`,
    [tenantId, requestId],
  );
  return {
    ...request,
    states: Object.fromEntries(rows.map(({ state, n }) => [state, n])),
    untouched: rows.reduce((sum, { untouched }) => sum + untouched, 0),
  };
}
