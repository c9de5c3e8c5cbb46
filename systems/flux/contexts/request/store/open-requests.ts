import {
  type Connection,
  type Database,
  type Entry,
  type Projection,
  type Statement,
  textArray,
} from "@entente/core";
import { requestClosed } from "../contract/request-settled.ts";
import { requestFailed, type TopUpRequest, topUpSubmitted } from "../contract/top-up-request.ts";

/** Requests that have no end yet: with the last of them nothing of stage A is under way. */
export const openRequestsProjection: Projection = {
  name: "open-requests",
  table: "flux.open_request",
  facts: [topUpSubmitted.type, requestClosed.type, requestFailed.type],
  async apply(connection, facts, table) {
    const last = new Map(
      facts.map((fact) => [`${fact.tenantId}\u0000${(fact.data as TopUpRequest).requestId}`, fact]),
    );
    const isOpen = ({ type }: Entry) => type === topUpSubmitted.type;
    const all = [...last.values()];
    await Promise.all([
      runFor(connection, open(table), all.filter(isOpen)),
      runFor(
        connection,
        close(table),
        all.filter((one) => !isOpen(one)),
      ),
    ]);
  },
};

async function runFor(connection: Connection, statement: Statement, facts: readonly Entry[]): Promise<void> {
  if (facts.length === 0) return;
  const rows = facts.map(({ tenantId, data }) => ({ tenantId, requestId: (data as TopUpRequest).requestId }));
  await connection.run(statement, [JSON.stringify(rows)]);
}

const given = `json_to_recordset($1::json) as r("tenantId" text, "requestId" uuid)`;

const open = (table: string): Statement => ({
  name: `open-requests-open-${table}`,
  text: `insert into ${table} (tenant_id, request_id) select r."tenantId", r."requestId" from ${given} on conflict do nothing`,
});

const close = (table: string): Statement => ({
  name: `open-requests-close-${table}`,
  text: `delete from ${table} o using ${given} where o.tenant_id = r."tenantId" and o.request_id = r."requestId"`,
});

/** What a context has under way. */
export interface OpenWork {
  /** Ids of requests, hand-offs and entries set aside, each counted once. */
  readonly count: number;
  /** The oldest process of them; null: there is none. */
  readonly oldest: string | null;
}

const requests: Statement = {
  name: "open-requests-read",
  text: "select count(*)::int as count, min(request_id::text) as oldest from flux.open_request",
};

/** Requests of all tenants that have no end yet, as the read model knows them. */
export const readOpenRequests = (database: Database): Promise<OpenWork> => read(database, requests, []);

const handOffs: Statement = {
  name: "open-requests-hand-offs",
  text: `select count(*)::int as count, min(h.process_id::text) as oldest from entente.hand_off h
    where h.treaty = any($1::text[]) and (h.state not in ('completed', 'rejected', 'cancelled') or exists (
      select from entente.fallout_case c
      where c.tenant_id = h.tenant_id and c.hand_off_id = h.hand_off_id and c.closed_at is null))`,
};

/** Hand-offs of these treaties that are under way, or wait for a person; of all tenants, in the database of any context. */
export const readOpenHandOffs = (database: Database, treaties: readonly string[]): Promise<OpenWork> =>
  read(database, handOffs, [textArray(treaties)]);

const setAside: Statement = {
  name: "open-requests-set-aside",
  text: `select count(*)::int as count, min(process_id::text) as oldest from entente.parked
    where state not in ('done', 'discarded') and type = any($1::text[])`,
};

/** Entries of these types that are set aside; of all tenants, in the database of any context. */
export const readSetAside = (database: Database, types: readonly string[]): Promise<OpenWork> =>
  read(database, setAside, [textArray(types)]);

async function read(database: Database, statement: Statement, values: unknown[]): Promise<OpenWork> {
  const [row] = await database.run<{ count: number; oldest: string | null }>(statement, values as never);
  return { count: row?.count ?? 0, oldest: row?.oldest ?? null };
}
