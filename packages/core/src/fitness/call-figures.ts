import { dayOf } from "../model/day-totals.ts";
import type { BusiestDay } from "../model/fitness.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { budgetsOf } from "../treaty/call-budget.ts";
import type { Treaty } from "../treaty/treaty.ts";

interface CallSource {
  readonly definition: { readonly treaties?: readonly Treaty[] };
  readonly database: Database;
}

/** What treaties used, of the days that a period lies in. */
export interface CallFigures {
  /** The day on which most of a day's budget was used, by target and budget; of two alike the earlier one. */
  readonly busiestDays: ReadonlyMap<string, BusiestDay>;
  /** By treaty, budget and kind of call. */
  readonly calls: ReadonlyMap<string, number>;
}

const usedByDay: Statement = {
  name: "fitness-calls",
  text: `select day::text as day, target, budget, treaty, operation, total::float8 as total from entente.treaty_call
    where tenant_id = $1 and day between $2::date and $3::date`,
};

interface CallRow extends Record<string, unknown> {
  readonly day: string;
  readonly target: string;
  readonly budget: string;
  readonly treaty: string;
  readonly operation: string;
  readonly total: number;
}

/** Rows are few: one a day, treaty and kind of call. Times in epoch milliseconds; `until` itself is left out. */
export async function readCallFigures(
  sources: Iterable<CallSource>,
  tenantId: string,
  from: number,
  until: number,
): Promise<CallFigures> {
  const busiestDays = new Map<string, BusiestDay>();
  const calls = new Map<string, number>();
  for (const { definition, database } of sources) {
    const treaties = definition.treaties ?? [];
    if (treaties.length === 0) continue;
    // A week ends where the next Monday begins, whose calls are the next week's.
    const rows = await database.run<CallRow>(usedByDay, [tenantId, dayOf(from), dayOf(until - 1)]);
    for (const { treaty, budget, operation, total } of rows) {
      const name = `${treaty} ${budget} ${operation}`;
      calls.set(name, (calls.get(name) ?? 0) + total);
    }
    for (const { target, name, perDay } of budgetsOf(treaties)) {
      const own = rows.filter((row) => row.target === target && row.budget === name);
      const days = [...Map.groupBy(own, ({ day }) => day)].map(([day, used]) => {
        return { day, share: used.reduce((sum, { total }) => sum + total, 0) / perDay };
      });
      const [most] = days.sort((a, b) => b.share - a.share || (a.day < b.day ? -1 : 1));
      if (most !== undefined) busiestDays.set(`${target} ${name}`, most);
    }
  }
  return { busiestDays, calls };
}
