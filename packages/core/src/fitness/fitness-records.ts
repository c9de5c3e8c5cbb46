import type { Entry } from "../model/entry.ts";
import type { EndedIncidents, SaidFigure } from "../model/fitness.ts";
import { jsonArray, textArray, timeArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import type { Projection } from "../projection/projection.ts";
import {
  figureSaid,
  incidentClosed,
  incidentOpened,
  reviewClosed,
  reviewOpened,
  type Week,
  type WeekValue,
  weekNoted,
} from "./fitness-decider.ts";
import type { SymptomName } from "./symptoms.ts";

/** Times in epoch milliseconds, business time. */
export interface Incident {
  readonly incidentId: string;
  readonly symptom: SymptomName;
  readonly subject: string;
  readonly says: string;
  readonly count: number;
  readonly processIds: readonly string[];
  readonly runbook: string;
  /** Since when customers suffered. */
  readonly since: number;
  readonly detectedAt: number;
  readonly timeToDetectMs: number;
  /** Null: it goes on. */
  readonly closedAt: number | null;
  /** From its beginning to its end. */
  readonly timeToResolveMs: number | null;
}

/** A decision to be looked at again. */
export interface ReviewItem {
  readonly reviewId: string;
  /** Name of the fitness function. */
  readonly figure: string;
  readonly value: number;
  readonly limit: number;
  readonly decision: string;
  /** Where the numbers behind it are; null: it was opened before that was kept. */
  readonly evidence: string | null;
  readonly week: string;
  readonly openedAt: number;
  readonly closedAt: number | null;
  readonly closedBy: string | null;
  readonly closedWhy: string | null;
}

interface Write {
  readonly tenantId: string;
  readonly kind: "incident" | "review" | "week" | "said";
  readonly id: string;
  readonly openedAt: number;
  readonly closedAt: number | null;
  readonly data: object;
}

/** The read model of a tenant's fitness. A record is written when it is opened, and what closes it is added. */
export const fitnessRecords: Projection = {
  name: "fitness-records",
  table: "entente.fitness_record",
  facts: [incidentOpened, incidentClosed, weekNoted, reviewOpened, reviewClosed, figureSaid],
  async apply(connection, facts, table) {
    // What opens and closes one record may come in one batch: then it is written once, as it ends.
    const writes = new Map<string, Write>();
    for (const fact of facts) {
      const write = writeOf(fact);
      const place = `${write.tenantId}\u0000${write.kind}\u0000${write.id}`;
      const before = writes.get(place);
      writes.set(
        place,
        before === undefined
          ? write
          : { ...write, openedAt: before.openedAt, data: { ...before.data, ...write.data } },
      );
    }
    const rows = [...writes.values()];
    await connection.run({ name: `fitness-record-${table}`, text: writeInto(table) }, [
      textArray(rows.map((row) => row.tenantId)),
      textArray(rows.map((row) => row.kind)),
      textArray(rows.map((row) => row.id)),
      timeArray(rows.map((row) => row.openedAt)),
      timeArray(rows.map((row) => row.closedAt)),
      jsonArray(rows.map((row) => JSON.stringify(row.data))),
    ]);
  },
};

const writeInto = (
  table: string,
): string => `insert into ${table} as r (tenant_id, kind, id, opened_at, closed_at, data)
  select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::json[])
  on conflict (tenant_id, kind, id) do update set closed_at = excluded.closed_at,
    data = (r.data::jsonb || excluded.data::jsonb)::json`;

function writeOf({ id, type, tenantId, data, occurredAt }: Entry): Write {
  const base = { tenantId, openedAt: occurredAt };
  switch (type) {
    case incidentOpened:
      return { ...base, kind: "incident", id: String(data.incidentId), closedAt: null, data };
    case incidentClosed: {
      const { timeToResolveMs } = data;
      return {
        ...base,
        kind: "incident",
        id: String(data.incidentId),
        closedAt: occurredAt,
        data: { timeToResolveMs },
      };
    }
    case reviewOpened:
      return { ...base, kind: "review", id: String(data.reviewId), closedAt: null, data };
    case reviewClosed: {
      const { by: closedBy, why: closedWhy } = data;
      return {
        ...base,
        kind: "review",
        id: String(data.reviewId),
        closedAt: occurredAt,
        data: { closedBy, closedWhy },
      };
    }
    case figureSaid:
      return { ...base, kind: "said", id, closedAt: occurredAt, data };
    default:
      return { ...base, kind: "week", id: String(data.week), closedAt: occurredAt, data };
  }
}

const list: Statement = {
  name: "fitness-list",
  text: `select opened_at, closed_at, data from entente.fitness_record
    where tenant_id = $1 and kind = $2 and ($3::bool is null or (closed_at is null) = $3)
    order by opened_at desc, id desc limit $4`,
};

const one: Statement = {
  name: "fitness-one",
  text: "select opened_at, closed_at, data from entente.fitness_record where tenant_id = $1 and kind = $2 and id = $3",
};

interface RecordRow extends Record<string, unknown> {
  opened_at: number;
  closed_at: number | null;
  data: Record<string, unknown>;
}

/** Newest first. `open`: only those that are, or are not; null for all. */
export async function listIncidents(
  database: Database,
  tenantId: string,
  open: boolean | null,
  limit: number,
): Promise<Incident[]> {
  return (await database.run<RecordRow>(list, [tenantId, "incident", open, limit])).map(incidentOf);
}

export async function readIncident(
  database: Database,
  tenantId: string,
  id: string,
): Promise<Incident | null> {
  const [row] = await database.run<RecordRow>(one, [tenantId, "incident", id]);
  return row === undefined ? null : incidentOf(row);
}

/** As listIncidents. */
export async function listReviews(
  database: Database,
  tenantId: string,
  open: boolean | null,
  limit: number,
): Promise<ReviewItem[]> {
  return (await database.run<RecordRow>(list, [tenantId, "review", open, limit])).map(
    ({ closed_at, data }) => {
      return {
        closedBy: null,
        closedWhy: null,
        evidence: null,
        ...(data as Partial<ReviewItem>),
        closedAt: closed_at,
      } as ReviewItem;
    },
  );
}

/** The latest weeks that were written down, newest first. */
export async function listWeeks(database: Connection, tenantId: string, limit: number): Promise<Week[]> {
  const rows = await database.run<RecordRow>(
    {
      name: "fitness-weeks",
      text: `select opened_at, closed_at, data from entente.fitness_record
        where tenant_id = $1 and kind = 'week' order by id desc limit $2`,
    },
    [tenantId, limit],
  );
  return rows.map(({ data }) => ({ week: String(data.week), values: data.values as readonly WeekValue[] }));
}

/** What people said last before a moment, by figure. */
export async function listSaid(
  database: Database,
  tenantId: string,
  before: number,
): Promise<ReadonlyMap<string, SaidFigure>> {
  const rows = await database.run<RecordRow>(
    {
      name: "fitness-said",
      text: `select distinct on (data->>'figure') opened_at, closed_at, data from entente.fitness_record
        where tenant_id = $1 and kind = 'said' and opened_at <= to_timestamp($2::float8 / 1000)
        order by data->>'figure', opened_at desc, id desc`,
    },
    [tenantId, before],
  );
  return new Map(
    rows.map(({ opened_at: at, data }) => {
      const { figure, value, by, why } = data as unknown as SaidFigure & { readonly figure: string };
      return [figure, { value, by, why, at }];
    }),
  );
}

/** Incidents that ended in a period, how many of them soon enough, and their mean times. */
export async function countClosed(
  database: Database,
  tenantId: string,
  from: number,
  until: number,
  withinMs: number,
): Promise<EndedIncidents> {
  const [row] = await database.run<{
    closed: number;
    soon: number;
    detect: number | null;
    resolve: number | null;
  }>(
    {
      name: "fitness-count-closed",
      text: `select count(*)::int as closed, (count(*) filter (where (data->>'timeToResolveMs')::float8 <= $4))::int as soon,
          avg((data->>'timeToDetectMs')::float8) as detect, avg((data->>'timeToResolveMs')::float8) as resolve
        from entente.fitness_record where tenant_id = $1 and kind = 'incident'
          and closed_at >= to_timestamp($2::float8 / 1000) and closed_at < to_timestamp($3::float8 / 1000)`,
    },
    [tenantId, from, until, withinMs],
  );
  return {
    closed: row?.closed ?? 0,
    closedInTime: row?.soon ?? 0,
    meanToDetectMs: row?.detect ?? null,
    meanToResolveMs: row?.resolve ?? null,
  };
}

/** Open incidents by symptom, over all tenants: what alerts look at. */
export async function countOpen(database: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await database.execute<{ symptom: string; n: number }>(
    `select data->>'symptom' as symptom, count(*)::int as n from entente.fitness_record
     where kind = 'incident' and closed_at is null group by 1`,
  );
  return new Map(rows.map(({ symptom, n }) => [symptom, n]));
}

function incidentOf({ closed_at, data }: RecordRow): Incident {
  return { timeToResolveMs: null, ...(data as Partial<Incident>), closedAt: closed_at } as Incident;
}
