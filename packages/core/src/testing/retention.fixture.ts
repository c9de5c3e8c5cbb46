/** A bank whose first month is seven years old: what happens when it leaves its journal. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SystemDefinition } from "../context/definition.ts";
import type { System, SystemOptions } from "../context/system.ts";
import { auditKey } from "./audit.fixture.ts";
import { submission } from "./bank.fixture.ts";
import type { Happenings } from "./happenings.fixture.ts";
import { databaseOf, type StartedSystem, type TestBed } from "./test-bed.fixture.ts";

/** Settings with which nobody waits for a batch to gather. */
export const quick = {
  deciderGatherMs: 1,
  processGatherMs: 1,
  projectionGatherMs: 1,
  auditGatherMs: 1,
  auditSignEveryMs: 20,
  retentionRetryMs: 50,
} as const;

export const dayMs = 86_400_000;
export const at = (text: string): number => Date.parse(`${text}Z`);

export interface RetentionBed {
  readonly folder: string;
  readonly archives: string;
  start(definition: SystemDefinition, options?: Partial<SystemOptions>): Promise<StartedSystem>;
}

/** Systems that share a folder for archives and the record of what was signed. */
export async function retentionBed(bed: TestBed): Promise<RetentionBed> {
  const folder = await mkdtemp(join(tmpdir(), "retention-"));
  bed.atEnd(() => rm(folder, { recursive: true, force: true }));
  const archives = join(folder, "archives");
  return {
    folder,
    archives,
    start: (definition, options = {}) =>
      bed.start(definition, {
        auditSigning: { key: auditKey, lastSignedFile: join(folder, "last-signed") },
        archiveFolder: archives,
        ...options,
        settings: { ...quick, ...options.settings },
      }),
  };
}

/** A deposit that has come to its end. Returns its process. */
export async function deposited(system: System, happenings: Happenings, amount: number): Promise<string> {
  const { processId } = await system.accept(submission("deposit", "a-1", { amount }));
  await happenings.until("the deposit is confirmed", async () => {
    return (await system.processes.read("acme", processId))?.state === "confirmed";
  });
  return processId;
}

/** Waits until command and fact of the process are logged and signed. */
export async function signed(system: System, happenings: Happenings, processId: string): Promise<void> {
  const audit = databaseOf(system, "audit");
  await happenings.until("it is logged and signed", async () => {
    const [row] = await audit.execute<{ done: boolean }>(
      `select sum(cardinality(array_positions(s.process_ids, $1::uuid))) > 1 and bool_and(s.first + s.entries
           <= coalesce((select max(size) from entente.audit_checkpoint where tenant_id = 'acme'), 0)) as done
       from entente.audit_sheet s where s.tenant_id = 'acme' and $1::uuid = any(s.process_ids)`,
      [processId],
    );
    return row?.done === true;
  });
}

/** Months a context's journal has. */
export async function monthsOf(bed: TestBed, name: string, context: string): Promise<string[]> {
  const rows = await bed.sql<{ month: string }>(
    name,
    context,
    "select to_char(month, 'YYYY-MM') as month from entente.journal_months()",
  );
  return rows.map(({ month }) => month);
}

/** What entries of a type say, oldest first. */
export async function actsOf(
  bed: TestBed,
  name: string,
  context: string,
  type: string,
): Promise<Record<string, unknown>[]> {
  const rows = await bed.sql<{ data: Record<string, unknown> }>(
    name,
    context,
    "select data from entente.journal where type = $1 order by id",
    [type],
  );
  return rows.map(({ data }) => data);
}

/** A system with one deposit of January 2030 in its journals, at the end of 2036: everything older has left. */
export async function agedMonth(
  scene: RetentionBed,
  definition: SystemDefinition,
  settings: Partial<SystemOptions["settings"]> = {},
): Promise<StartedSystem & { readonly processId: string }> {
  const started = await scene.start(definition, { settings: { ...settings } });
  const { system, happenings } = started;
  await system.setClock(at("2030-01-10T12:00"));
  const processId = await deposited(system, happenings, 5);
  await signed(system, happenings, processId);
  await system.setClock(at("2036-12-01T00:00"));
  await happenings.until("the months the system began with have left", async () =>
    (await system.retention.list()).every(
      ({ isIntake, months }) => isIntake || months.every(({ month }) => month >= "2030"),
    ),
  );
  return { ...started, processId };
}

/** What keeps January 2030 in a context's journal. */
export async function holdsOfMonth(system: System, context: string): Promise<string[]> {
  const journal = (await system.retention.list()).find((one) => one.context === context);
  const holds = journal?.months.find(({ month }) => month === "2030-01")?.holds ?? [];
  return holds.map(({ what }) => what);
}
