import { contextAct } from "../context/context-act.ts";
import { appendEntries } from "../journal/append.ts";
import { textArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";

/** Whether a treaty is in force: the switch its runbook names, and what a refusal of credentials turns off. */

const stop: Statement = {
  name: "treaty-stop",
  text: `insert into entente.treaty_control as c (treaty, stopped, stopped_code, stopped_by, stopped_why, stopped_at)
    select treaty, true, code, 'entente', 'credentials refused', to_timestamp($3::float8 / 1000)
    from unnest($1::text[], $2::text[]) as n(treaty, code)
    on conflict (treaty) do update set stopped = true, stopped_code = excluded.stopped_code, stopped_by = excluded.stopped_by,
      stopped_why = excluded.stopped_why, stopped_at = excluded.stopped_at where not c.stopped`,
};

/** Stops treaties whose credentials were refused: one alert instead of a storm. Code by treaty. */
export async function stopTreaties(
  connection: Connection,
  treaties: ReadonlyMap<string, string>,
  now: number,
): Promise<void> {
  if (treaties.size === 0) return;
  await connection.run(stop, [textArray([...treaties.keys()]), textArray([...treaties.values()]), now]);
}

export interface TreatyAct {
  readonly tenantId: string;
  readonly by: string;
  readonly why: string;
  readonly now: number;
}

/** Stops a treaty or lets it go on, with a control entry that says who and why. Repeating it changes nothing. */
export async function setStopped(
  database: Database,
  context: string,
  treaty: string,
  stopped: boolean,
  act: TreatyAct,
): Promise<void> {
  await database.transaction(async (connection) => {
    // Whoever follows a feed tells what it heard under this lock: after the stop nobody does.
    await connection.execute("select 1 from entente.followed_feed where treaty = $1 for update", [treaty]);
    const changed = await connection.execute(
      `insert into entente.treaty_control as c (treaty, stopped, stopped_code, stopped_by, stopped_why, stopped_at)
       values ($1, $2, null, $3, $4, to_timestamp($5::float8 / 1000))
       on conflict (treaty) do update set stopped = excluded.stopped, stopped_code = null, stopped_by = excluded.stopped_by,
         stopped_why = excluded.stopped_why, stopped_at = excluded.stopped_at where c.stopped <> excluded.stopped returning 1`,
      [treaty, stopped, act.by, act.why, act.now],
    );
    if (changed.length === 0) return;
    const type = stopped ? "entente.treaty-stopped" : "entente.treaty-resumed";
    const data = { treaty, by: act.by, why: act.why };
    await appendEntries(connection, [contextAct(context, act.now, act.tenantId, type, data)]);
  });
}

const stoppedNow: Statement = {
  name: "treaty-stopped-now",
  text: "select 1 as stopped from entente.treaty_control where treaty = $1 and stopped",
};

/** Whether it is stopped at this moment, by a person or by a refusal. Errors: those of the database. */
export async function isStopped(connection: Pick<Connection, "run">, treaty: string): Promise<boolean> {
  return (await connection.run(stoppedNow, [treaty])).length > 0;
}

export interface TreatyState {
  readonly treaty: string;
  readonly stopped: boolean;
  readonly code: string | null;
  readonly by: string | null;
  readonly why: string | null;
}

/** Treaties that were ever stopped or compared. */
export async function readTreatyStates(database: Database): Promise<TreatyState[]> {
  return database.execute<TreatyState & Record<string, unknown>>(
    "select treaty, stopped, stopped_code as code, stopped_by as by, stopped_why as why from entente.treaty_control order by 1",
  );
}
