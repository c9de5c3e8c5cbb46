import { dayOf } from "../model/day-totals.ts";
import { int8Array, textArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { openCases } from "./fallout-cases.ts";
import type { Treaty } from "./treaty.ts";
import { type CaseLine, tenantSubject } from "./treaty-events.ts";

/**
 * What a counterparty allows in a day, and how much of it treaties have used. A budget belongs to a target: treaties that name the same one
 * share it. The day is a calendar day in UTC, business time. A tenant has a budget of its own, because it has an account of its own over there.
 */
export interface CallBudget {
  /** Such as `api-calls`. */
  readonly name: string;
  /** How much is allowed in a day (1 or more). */
  readonly perDay: number;
  /** Share of it (0 to 1) from which on a person is told, once a day. */
  readonly warnAtShare: number;
}

/**
 * Stands where a budget would: questions to a counterparty that were answered from a copy of ours. It is counted beside the calls that were
 * made, has no limit, and no budget may be called so.
 */
export const answeredHere = "answered-here";

/** A treaty's use of a budget, by kind of call. */
export interface BudgetCaller {
  readonly treaty: string;
  readonly operation: string;
  readonly total: number;
}

/** A tenant's budget on one day. */
export interface BudgetUse extends CallBudget {
  readonly target: string;
  readonly used: number;
  /** `used` of `perDay`; may be above 1. */
  readonly share: number;
  /** The largest first, at most ten. */
  readonly callers: readonly BudgetCaller[];
}

export interface PlacedBudget extends CallBudget {
  readonly target: string;
  /** Whose case it is when it is nearly used. */
  readonly owner: string;
}

/** Every budget of these treaties once; where they disagree the smaller one counts. */
export function budgetsOf(treaties: readonly Treaty[]): readonly PlacedBudget[] {
  const placed = new Map<string, PlacedBudget>();
  for (const { target, budgets = [], runbook } of treaties) {
    for (const budget of budgets) {
      const place = `${target}\u0000${budget.name}`;
      const known = placed.get(place);
      if (known === undefined || budget.perDay < known.perDay)
        placed.set(place, { ...budget, target, owner: runbook.technicalOwner });
    }
  }
  return [...placed.values()];
}

export interface CallCount extends BudgetCaller {
  readonly tenantId: string;
  readonly day: string;
  readonly target: string;
  readonly budget: string;
}

const add: Statement = {
  name: "treaty-call-add",
  text: `insert into entente.treaty_call as c (tenant_id, day, target, budget, treaty, operation, total)
    select n.tenant_id, n.day::date, n.target, n.budget, n.treaty, n.operation, n.total
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[])
      as n(tenant_id, day, target, budget, treaty, operation, total)
    on conflict (tenant_id, day, target, budget, treaty, operation) do update set total = c.total + excluded.total`,
};

/**
 * Adds what was counted, and opens a case for each budget that has come to its warning and had none that day. Returns a line for each, to be
 * told once it is committed.
 */
export async function addCalls(
  connection: Connection,
  counts: readonly CallCount[],
  budgets: readonly PlacedBudget[],
  now: number,
): Promise<readonly CaseLine[]> {
  // In one order for everybody, so that writers wait for each other instead of deadlocking.
  const rows = [...counts].sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  await connection.run(add, [
    textArray(rows.map((row) => row.tenantId)),
    textArray(rows.map((row) => row.day)),
    textArray(rows.map((row) => row.target)),
    textArray(rows.map((row) => row.budget)),
    textArray(rows.map((row) => row.treaty)),
    textArray(rows.map((row) => row.operation)),
    int8Array(rows.map((row) => row.total)),
  ]);
  const today = dayOf(now);
  const lines: CaseLine[] = [];
  for (const tenantId of new Set(rows.filter(({ day }) => day === today).map((row) => row.tenantId))) {
    for (const use of await readBudgets(connection, budgets, tenantId, now)) {
      if (use.share >= use.warnAtShare) lines.push(...(await warn(connection, use, tenantId, now)));
    }
  }
  return lines;
}

const warnOnce: Statement = {
  name: "budget-warn",
  text: `insert into entente.budget_warning (tenant_id, day, target, budget) values ($1, $2::date, $3, $4)
    on conflict do nothing returning 1 as first`,
};

async function warn(
  connection: Connection,
  use: BudgetUse & PlacedBudget,
  tenantId: string,
  now: number,
): Promise<readonly CaseLine[]> {
  const { target, name, used, perDay, share, owner, callers } = use;
  const first = await connection.run(warnOnce, [tenantId, dayOf(now), target, name]);
  if (first.length === 0) return [];
  const most = callers.slice(0, 3).map(({ treaty, operation, total }) => `${treaty} ${operation} ${total}`);
  const says = `${Math.floor(share * 100)} % of today's ${name} of ${target} are used (${used} of ${perDay}). Most by ${most.join(", ")}.`;
  const about = tenantSubject(tenantId, target);
  const own = { about, owner, treaty: callers[0]?.treaty ?? "" };
  return openCases(connection, [{ ...own, kind: "budget-nearly-used", code: name, says }], now);
}

const read: Statement = {
  name: "treaty-call-read",
  text: `select target, budget, treaty, operation, total::float8 as total from entente.treaty_call
    where tenant_id = $1 and day = $2::date order by total desc, treaty, operation`,
};

const callersShown = 10;

/** A tenant's budgets on the day of `now`, those that nobody has used included. */
export async function readBudgets(
  connection: Pick<Connection, "run">,
  budgets: readonly PlacedBudget[],
  tenantId: string,
  now: number,
): Promise<readonly (BudgetUse & PlacedBudget)[]> {
  if (budgets.length === 0) return [];
  const rows = await connection.run<
    BudgetCaller & Record<"target" | "budget", string> & Record<string, unknown>
  >(read, [tenantId, dayOf(now)]);
  return budgets.map((budget) => {
    const own = rows.filter((row) => row.target === budget.target && row.budget === budget.name);
    const used = own.reduce((sum, { total }) => sum + total, 0);
    const callers = own
      .slice(0, callersShown)
      .map(({ treaty, operation, total }) => ({ treaty, operation, total }));
    return { ...budget, used, share: used / budget.perDay, callers };
  });
}

/**
 * Today's use over all tenants by treaty, budget and kind of call, of each budget the share of the tenant that has used most, and how many
 * questions were answered from copies.
 */
export async function readBudgetFigures(
  database: Database,
  budgets: readonly PlacedBudget[],
  now: number,
): Promise<
  { readonly treaty: string; readonly name: string; readonly label: string; readonly value: number }[]
> {
  if (budgets.length === 0) return [];
  const [calls, most] = await Promise.all([
    database.execute<{ treaty: string; budget: string; operation: string; total: number }>(
      `select treaty, budget, operation, sum(total)::float8 as total from entente.treaty_call
       where day = $1::date group by 1, 2, 3`,
      [dayOf(now)],
    ),
    database.execute<{ target: string; budget: string; used: number }>(
      `select target, budget, max(used)::float8 as used from (select target, budget, sum(total) as used
         from entente.treaty_call where day = $1::date group by tenant_id, target, budget) t group by 1, 2`,
      [dayOf(now)],
    ),
  ]);
  return [
    ...calls.map(({ treaty, budget, operation, total }) =>
      budget === answeredHere
        ? { treaty, name: answeredHere, label: operation, value: total }
        : { treaty, name: "budget-calls", label: `${budget} ${operation}`, value: total },
    ),
    ...budgets.map(({ target, name, perDay }) => {
      const used = most.find((row) => row.target === target && row.budget === name)?.used ?? 0;
      return { treaty: "", name: "budget-share", label: `${target} ${name}`, value: used / perDay };
    }),
  ];
}

const daysKept = 35;

/** Removes the days nobody looks at any more. */
export async function forgetOldCalls(connection: Connection, now: number): Promise<void> {
  const before = dayOf(now - daysKept * 86_400_000);
  await connection.execute("delete from entente.treaty_call where day < $1::date", [before]);
  await connection.execute("delete from entente.budget_warning where day < $1::date", [before]);
}

export function placeOf({ tenantId, day, target, budget, treaty, operation }: CallCount): string {
  return [tenantId, day, target, budget, treaty, operation].join("\u0000");
}
