import { readStoredCursors } from "../consumer/cursors.ts";
import type { ContextDefinition } from "../context/definition.ts";
import { isFailure } from "../model/failure.ts";
import type { ProcessDefinition } from "../model/process.ts";
import { int2Array, int8Array, textArray, xid8Array } from "../postgres/arrays.ts";
import type { Database, Statement } from "../postgres/database.ts";
import type { ProcessStatistics } from "./read-statistics.ts";
import { type ConsumerServing, type Serving, servedBy } from "./served-by.ts";

/** How far one of those that serve a flow is behind with it. */
export interface ServingLag {
  readonly serving: Serving;
  /** Age of the oldest entry of the flow that it has not dealt with, or of the oldest hand-off without a result; 0: none. Null: not known. */
  readonly lagMs: number | null;
  /** Hand-offs without a result; null for consumers. */
  readonly open: number | null;
}

/** Processes of one type as their customers see them, beside how far those are behind that serve them. */
export interface Flow {
  readonly type: string;
  readonly started: number;
  readonly inFlight: number;
  /** What nine of ten have waited: those that are confirmed until then, those in flight until now. Null: none of either. */
  readonly p90Ms: number | null;
  readonly lags: readonly ServingLag[];
}

export interface FlowReader {
  /**
   * Every process type, for processes accepted in the last `periodMs`, and lags as they are now; of the tenant alone. Milliseconds of
   * business time. Errors: those of ProcessStatistics.read.
   */
  read(tenantId: string, periodMs: number): Promise<readonly Flow[]>;
}

export interface FlowSources {
  readonly definitions: readonly ProcessDefinition[];
  readonly statistics: ProcessStatistics;
  readonly contexts: ReadonlyMap<
    string,
    { readonly definition: ContextDefinition; readonly database: Database; readonly journal: Database }
  >;
  readonly now: () => number;
}

/** Unread entries of a lane that are looked at; past them a lag is told as that of the last one looked at, so that it is never too small. */
const unreadLookedAt = 1_000;

const oldestUnread: Statement = {
  name: "flow-oldest-unread",
  text: `select min(found.at) as at from unnest($1::int2[], $2::xid8[], $3::int8[]) as after(lane, xid, seq)
    cross join lateral (
      select coalesce(
        min(u.occurred_at) filter (where u.tenant_id = $4 and u.type = any($5::text[]) and ($6::text is null or u.target = $6)),
        case when count(*) = $7::int8 then min(u.occurred_at) end) as at
      from (select occurred_at, tenant_id, type, target from entente.journal j
        where j.lane = after.lane and (j.xid, j.seq) > (after.xid, after.seq)
        order by j.xid, j.seq limit $7::int8) u) found`,
};

const openHandOffs: Statement = {
  name: "flow-open-hand-offs",
  text: `select treaty, count(*)::int as n, min(created_at) as oldest from entente.hand_off
    where tenant_id = $1 and treaty = any($2::text[])
      and state in ('created', 'sent', 'accepted', 'unknown', 'retry_wait', 'blocked', 'fallout')
    group by 1`,
};

export function openFlows({ definitions, statistics, contexts, now }: FlowSources): FlowReader {
  const declared = [...contexts.values()].map(({ definition }) => definition);
  const servings = new Map(definitions.map((one) => [one.type, servedBy(one, declared)]));

  async function lagOf(tenantId: string, serving: Serving, at: number): Promise<ServingLag> {
    const unknown = { serving, lagMs: null, open: null };
    const context = contexts.get(serving.context);
    if (context === undefined) return unknown;
    try {
      if (serving.kind === "consumer")
        return { serving, lagMs: await unread(context.database, tenantId, serving, at), open: null };
      const [row] = await context.database.run<{ n: number; oldest: number }>(openHandOffs, [
        tenantId,
        textArray([serving.name]),
      ]);
      return { serving, lagMs: row === undefined ? 0 : Math.max(0, at - row.oldest), open: row?.n ?? 0 };
    } catch (error) {
      // Whose database is away is not up to date; how far behind it is nobody can tell.
      if (!isFailure(error) || error.kind !== "unavailable") throw error;
      return unknown;
    }
  }

  async function unread(
    database: Database,
    tenantId: string,
    { name, journal, types, target }: ConsumerServing,
    at: number,
  ): Promise<number | null> {
    const source = contexts.get(journal);
    if (source === undefined) return null;
    const cursors = await readStoredCursors(database, name, journal);
    const [row] = await source.journal.run<{ at: number | null }>(oldestUnread, [
      int2Array(cursors.map(({ lane }) => lane)),
      xid8Array(cursors.map(({ position }) => position.xid)),
      int8Array(cursors.map(({ position }) => position.seq)),
      tenantId,
      textArray([...types]),
      target,
      unreadLookedAt,
    ]);
    return row?.at == null ? 0 : Math.max(0, at - row.at);
  }

  return {
    async read(tenantId, periodMs) {
      const at = now();
      const waits = await statistics.waits({ tenantId, from: at - periodMs, until: at });
      return Promise.all(
        definitions.map(async ({ type }) => {
          const { started = 0, inFlight = 0, p90Ms = null } = waits.find((one) => one.type === type) ?? {};
          const lags = await Promise.all((servings.get(type) ?? []).map((one) => lagOf(tenantId, one, at)));
          return { type, started, inFlight, p90Ms, lags };
        }),
      );
    },
  };
}
