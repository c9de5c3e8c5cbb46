/** A system of the bank whose journals are replaced under its consumers, and what an operator does about it. */
import type { System } from "../context/system.ts";
import type { JsonObject } from "../model/entry.ts";
import { bank, type Poisoned, submission } from "./bank.fixture.ts";
import type { Happenings } from "./happenings.fixture.ts";
import type { StartedSystem, TestBed } from "./test-bed.fixture.ts";

export const ann = { tenantId: "acme", by: "ann", why: "front was restored, INC-1" };
export const accountOnFront = { ...ann, consumer: "account", journal: "front" };
export const readAgain = { ...accountOnFront, to: "start", acceptRepeats: true } as const;
export const goOnFromEnd = { ...accountOnFront, to: "end" } as const;

export interface Scene extends StartedSystem {
  readonly name: string;
  /** Has a deposit to the account `a-1` accepted; gives its process. */
  deposit(amount: number, type?: "deposit" | "settle", more?: JsonObject): Promise<string>;
  becomes(processId: string, state: string): Promise<void>;
}

export async function openScene(bed: TestBed, poisoned: Poisoned = new Set()): Promise<Scene> {
  const name = bed.newName();
  const started = await bed.start(bank(name, poisoned), {
    settings: { retryAttempts: 2, retryFirstMs: 5, retryLongestMs: 5, leaseMs: 1_000 },
  });
  const { system, happenings } = started;
  return {
    ...started,
    name,
    async deposit(amount, type = "deposit", more = {}) {
      const data = { amount, ...more };
      return (await system.accept(submission(type, "a-1", data))).processId;
    },
    becomes: (processId, state) =>
      happenings.until(`${processId} is ${state}`, async () => (await stateOf(system, processId)) === state),
  };
}

export async function stateOf(system: System, processId: string): Promise<string | undefined> {
  return (await system.processes.read("acme", processId))?.state;
}

/** The journal is another one from now on, whatever it holds. */
export async function replaceJournal(bed: TestBed, name: string, context: string): Promise<void> {
  await bed.sql(name, context, "update entente.journal_identity set generation = gen_random_uuid()");
}

export async function standsStill(happenings: Happenings, consumer: string): Promise<void> {
  await happenings.heard(
    "stopped",
    (event) => event.consumer === consumer && event.code === "journal-replaced",
  );
}

/** A system whose front lost its journal after one deposit of 1: the decider stands still. */
export async function frontLost(bed: TestBed): Promise<Scene> {
  const here = await openScene(bed);
  await here.becomes(await here.deposit(1), "confirmed");
  await bed.sql(here.name, "front", "delete from entente.journal");
  await replaceJournal(bed, here.name, "front");
  await standsStill(here.happenings, "account");
  return here;
}

/** What the ledger booked, in journal order. */
export async function amountsBooked(bed: TestBed, name: string): Promise<number[]> {
  const rows = await bed.sql<{ amount: number }>(
    name,
    "ledger",
    `select (data->>'amount')::int as amount from entente.journal
     where kind = 'event' and data->>'amount' is not null order by xid, seq`,
  );
  return rows.map((row) => row.amount);
}

/** Generations and places of a consumer's cursors, by lane. */
export function cursorsOf(bed: TestBed, name: string, consumer = "account", journal = "front") {
  return bed.sql<{ generation: string; place: string }>(
    name,
    "ledger",
    `select generation::text, xid || '/' || seq as place from entente.cursor
     where consumer = $1 and journal = $2 order by lane`,
    [consumer, journal],
  );
}

export async function generationOf(bed: TestBed, name: string, context: string): Promise<string> {
  const [row] = await bed.sql<{ generation: string }>(
    name,
    context,
    "select generation::text from entente.journal_identity",
  );
  return row?.generation ?? "";
}

/** The acts recorded in a context's journal. */
export function actsIn(bed: TestBed, name: string, context = "ledger") {
  return bed.sql<{ type: string; tenant: string; key: string; data: JsonObject }>(
    name,
    context,
    `select type, tenant_id as tenant, key, data from entente.journal where kind = 'control' order by xid, seq`,
  );
}
