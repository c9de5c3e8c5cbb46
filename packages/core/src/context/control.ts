import type { BusinessClock } from "../clock/business-clock.ts";
import { appendEntries } from "../journal/append.ts";
import { isFailure } from "../model/failure.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { contextAct } from "./context-act.ts";

/** Whether a context works, as its own database says. */
export type ContextState = "up" | "paused" | "down";

export interface ContextHealth {
  readonly name: string;
  readonly state: ContextState;
  /** Business time since when it is away; null while it is up. */
  readonly awaySince: number | null;
}

interface ControlRow extends Record<string, unknown> {
  clock_offset_ms: string;
  clock_set_ms: string;
  paused: boolean;
  paused_at: number | null;
  silent_ms: number | null;
  beat_business_at: number | null;
}

const columns = `clock_offset_ms, clock_set_ms, paused, paused_at, beat_business_at,
  (extract(epoch from clock_timestamp() - beat_at) * 1000)::float8 as silent_ms`;

const beat: Statement = {
  name: "control-beat",
  text: `update entente.context_control set beat_at = clock_timestamp(), beat_business_at = to_timestamp($1::float8 / 1000)
    returning ${columns}`,
};

const look: Statement = { name: "control-look", text: `select ${columns} from entente.context_control` };

export interface Control {
  readonly paused: boolean;
  readonly clockOffsetMs: number;
  readonly clockSetMs: number;
}

/** A sign of life of a process that works for the context; returns what the operators want. */
export async function beatControl(database: Database, businessNow: number): Promise<Control> {
  return controlOf((await database.run<ControlRow>(beat, [businessNow]))[0]);
}

/**
 * Keeps business time as the context's database says, in a process that works for no context and so gives no signs of life.
 * Resolves after the first look; a database that does not answer is asked again at the next. Returns the function that ends it.
 */
export async function followClock(
  database: Database,
  clock: BusinessClock,
  everyMs: number,
): Promise<() => Promise<void>> {
  const read = async (): Promise<void> => {
    const { clockOffsetMs, clockSetMs } = controlOf((await database.run<ControlRow>(look))[0]);
    clock.setOffset(clockOffsetMs, clockSetMs);
  };
  const turn = (): Promise<void> =>
    read().catch((error: unknown) => {
      if (!isFailure(error)) throw error;
    });
  let current = turn();
  await current;
  const timer = setInterval(() => {
    current = current.then(turn);
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await current;
  };
}

function controlOf(row: ControlRow | undefined): Control {
  return {
    paused: row?.paused ?? false,
    clockOffsetMs: Number(row?.clock_offset_ms ?? 0),
    clockSetMs: Number(row?.clock_set_ms ?? 0),
  };
}

/** Health by the context's own record. A database that does not answer is the caller's to judge: the context is down. */
export async function readHealth(
  database: Database,
  name: string,
  silentAfterMs: number,
): Promise<ContextHealth> {
  const [row] = await database.run<ControlRow>(look);
  if (row === undefined || row.silent_ms === null) return { name, state: "down", awaySince: null };
  if (row.silent_ms > silentAfterMs) return { name, state: "down", awaySince: row.beat_business_at };
  if (row.paused) return { name, state: "paused", awaySince: row.paused_at };
  return { name, state: "up", awaySince: null };
}

/** Takes the context off line or back, with a control entry that says who and why. Repeating it changes nothing. */
export async function setPaused(
  database: Database,
  context: string,
  paused: boolean,
  act: { readonly tenantId: string; readonly by: string; readonly why: string; readonly now: number },
): Promise<void> {
  await database.transaction(async (connection) => {
    const changed = await connection.execute(
      `update entente.context_control set paused = $1, paused_by = $2, paused_why = $3,
         paused_at = case when $1 then to_timestamp($4::float8 / 1000) end
       where paused <> $1 returning 1`,
      [paused, act.by, act.why, act.now],
    );
    if (changed.length === 0) return;
    const type = paused ? "entente.context-paused" : "entente.context-resumed";
    const data = { context, by: act.by, why: act.why };
    await appendEntries(connection, [contextAct(context, act.now, act.tenantId, type, data)]);
  });
}
