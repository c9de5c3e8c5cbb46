import type { BusinessClock } from "../clock/business-clock.ts";
import type { ConsumerEvent } from "../consumer/consumer.ts";
import { contextAct } from "../context/context-act.ts";
import { every } from "../context/every.ts";
import type { ReachableContext } from "../context/system.ts";
import { appendEntries } from "../journal/append.ts";
import { Failure, isFailure } from "../model/failure.ts";
import type { ReservedConnection } from "../postgres/database.ts";
import { commandOpen, expireIntake } from "./expire-intake.ts";
import { PayloadExpiry } from "./expire-payloads.ts";
import { readersOf } from "./journal-readers.ts";
import {
  dayMs,
  folderMissing,
  type HeldMonths,
  isDue,
  type LeaveOrder,
  leaveJournal,
  type RetentionScene,
} from "./leave-journal.ts";
import { type LeavingMonth, readGone, readKeeping, readMonths, readUnderWay } from "./leaving-month.ts";
import { type Hold, holdsOf, readerHolds, spanOf } from "./month-holds.ts";

/** A month of a context's journal, and what becomes of it. */
export interface KeptMonth {
  /** `2026-01` */
  readonly month: string;
  /** `due`: past its time and still there; then `holds` say why, and nothing that it is about to leave. */
  readonly state: "kept" | "due" | "detached" | "archived";
  /** Business time up to which it is kept; null: for ever. */
  readonly keptUntil: number | null;
  readonly holds: readonly Hold[];
}

export interface KeptJournal {
  readonly context: string;
  /** Raw commands, which leave no archive. */
  readonly isIntake: boolean;
  /** Null: for ever. */
  readonly keptDays: number | null;
  /** Entries of before have left; null: none has. */
  readonly historyBegins: number | null;
  readonly months: readonly KeptMonth[];
  /** Months of which the archive is left, newest first, at most 120. */
  readonly archives: readonly LeavingMonth[];
}

export interface DeletionAct extends LeaveOrder {
  readonly tenantId: string;
}

/** What is kept, until when, and what holds it up; and the only way by which a person may ask that something goes. */
export interface Retention {
  /** Contexts whose database is away are left out. */
  list(): Promise<KeptJournal[]>;
  /**
   * Has a month leave at once that is past its time, and records who asked and why. A refusal is recorded as well.
   * Errors: `context-unknown`, `month-unknown`, `retention-not-over` (refused, with `keptUntil`), `month-held` (conflict, with `holds`),
   * and those of leaveJournal.
   */
  deleteMonth(context: string, act: DeletionAct): Promise<void>;
  stop(): Promise<void>;
}

export interface RetentionSetting {
  readonly system: string;
  readonly contexts: ReadonlyMap<string, ReachableContext>;
  /** Contexts this process works for. */
  readonly run: readonly string[];
  readonly clock: BusinessClock;
  readonly archiveFolder: string | null;
  /** Pause before what was held up is tried again on the same business day, milliseconds. */
  readonly retryMs: number;
  readonly report: (event: ConsumerEvent) => void;
  readonly probe?: (point: string) => Promise<void> | void;
}

/** Months of archives that a listing names. */
const archivesListed = 120;
const lookEveryMs = 1_000;
/** How long a person's request waits for the daily walk to be over: it mostly is in a second, and a big month takes minutes. */
const patienceMs = 10_000;

export function openRetention(setting: RetentionSetting): Retention {
  const { contexts, clock } = setting;
  const all = [...contexts.values()];
  const sceneOf = (context: ReachableContext): RetentionScene => ({
    system: setting.system,
    context,
    contexts: all,
    now: () => clock.now(),
    archiveFolder: setting.archiveFolder,
    ...(setting.probe === undefined ? {} : { probe: setting.probe }),
  });
  const walks = setting.run.map((name) => {
    const walk = new DailyWalk(sceneOf(contexts.get(name) as ReachableContext), setting);
    const turns = every(lookEveryMs, () => walk.turn());
    void turns.now();
    return { walk, turns };
  });
  const unlisten = clock.onChange(() => {
    for (const { walk, turns } of walks) {
      walk.again();
      void turns.now();
    }
  });
  return {
    async list() {
      const listed = await Promise.all(
        all.map((context) =>
          listJournal(sceneOf(context)).catch((error: unknown) => {
            if (isFailure(error) && error.kind === "unavailable") return null;
            throw error;
          }),
        ),
      );
      return listed.filter((one) => one !== null);
    },
    async deleteMonth(name, act) {
      const context = contexts.get(name);
      if (context === undefined) {
        throw new Failure("refused", "context-unknown", `There is no context "${name}" in this system.`, {
          fields: { context: name },
        });
      }
      await deleteMonth(sceneOf(context), act);
    },
    async stop() {
      unlisten();
      await Promise.all(walks.map(({ turns }) => turns.stop()));
    },
  };
}

/** What one context does about retention once per business day, and again after a while as long as something is held up. */
class DailyWalk {
  private readonly scene: RetentionScene;
  private readonly setting: RetentionSetting;
  private readonly name: string;
  private readonly payloads = new PayloadExpiry();
  private day = 0;
  private retryAt = Number.POSITIVE_INFINITY;
  private told = "";

  constructor(scene: RetentionScene, setting: RetentionSetting) {
    this.scene = scene;
    this.setting = setting;
    this.name = `retention of ${scene.context.definition.name}`;
  }

  again(): void {
    this.day = 0;
  }

  async turn(): Promise<void> {
    const day = Math.floor(this.scene.now() / dayMs);
    if (day === this.day && performance.now() < this.retryAt) return;
    this.day = day;
    this.retryAt = performance.now() + this.setting.retryMs;
    let trouble: string;
    try {
      const held = await this.work();
      if (held !== null && held.size === 0) this.retryAt = Number.POSITIVE_INFINITY;
      trouble = held === null ? "" : heldText(held);
      if (trouble !== "") this.tell("month-held", trouble);
    } catch (error) {
      if (!isFailure(error)) throw error;
      trouble = error.message;
      if (error.code === "database-unavailable")
        this.setting.report({ event: "unavailable", consumer: this.name, code: error.code });
      else this.tell(error.code, trouble);
    }
    this.told = trouble;
  }

  /** Once, and again when it is another. */
  private tell(code: string, text: string): void {
    if (text === this.told) return;
    this.setting.report({ event: "stopped", consumer: this.name, code, text });
  }

  /** Null when another process is at it. */
  private async work(): Promise<HeldMonths | null> {
    const { definition, database } = this.scene.context;
    return alone(this.scene, 0, async () => {
      if (definition.intake !== undefined) return expireIntake(this.scene);
      const held = await leaveJournal(this.scene);
      if (definition.audit !== undefined) await this.payloads.turn(database);
      return held;
    });
  }
}

/** Does the work once no other process does, unless that takes longer than `patienceMs`. Shape: null then. */
async function alone<T>(
  { context }: RetentionScene,
  patienceMs: number,
  work: () => Promise<T>,
): Promise<T | null> {
  const guard: ReservedConnection = await context.database.reserve();
  let broken = true;
  try {
    const done = (await lock(guard, patienceMs)) ? await work() : null;
    await guard.execute("select pg_advisory_unlock_all()");
    broken = false;
    return done;
  } finally {
    // A connection that is closed lets go of the lock.
    guard.release(broken);
  }
}

async function lock(guard: ReservedConnection, patienceMs: number): Promise<boolean> {
  const name = "hashtextextended('entente.retention', 0)";
  const [free] = await guard.execute<{ ours: boolean }>(`select pg_try_advisory_lock(${name}) as ours`);
  if (free?.ours === true || patienceMs === 0) return free?.ours === true;
  try {
    await guard.execute(`set lock_timeout = ${patienceMs}`);
    await guard.execute(`select pg_advisory_lock(${name})`);
    return true;
  } catch (error) {
    if (isFailure(error) && error.fields.sqlState === "55P03") return false;
    throw error;
  } finally {
    await guard.execute("reset lock_timeout");
  }
}

function heldText(held: HeldMonths): string {
  return [...held]
    .map(([month, holds]) => `${month}: ${holds.map(({ what, says }) => `${what}, ${says}`).join(" ")}`)
    .join(" ");
}

async function listJournal(scene: RetentionScene): Promise<KeptJournal> {
  const { context, contexts } = scene;
  const { database, definition } = context;
  const keeping = await readKeeping(database);
  const [there, underWay, archives] = await Promise.all([
    readMonths(database),
    readUnderWay(database),
    readGone(database, archivesListed),
  ]);
  const until = (endsAt: number): number | null =>
    keeping.keptDays === null ? null : endsAt + keeping.keptDays * dayMs;
  const readers = there.some(({ endsAt }) => isDue(keeping, endsAt, scene.now()))
    ? await readersOf(context, contexts)
    : null;
  const holdsUp = async (month: string): Promise<readonly Hold[]> => {
    if (readers === null) return [];
    if (definition.intake !== undefined) {
      const holds = await readerHolds(context, readers, spanOf(month));
      return holds.length > 0 ? holds : [commandOpen];
    }
    const holds = await holdsOf(context, contexts, readers, spanOf(month));
    return scene.archiveFolder === null ? [folderMissing, ...holds] : holds;
  };
  const months = await Promise.all([
    ...underWay.map(async ({ month, state }): Promise<KeptMonth> => {
      const holds = scene.archiveFolder === null ? [folderMissing] : [];
      return {
        month,
        state: state === "archived" ? state : "detached",
        keptUntil: until(spanOf(month).to),
        holds,
      };
    }),
    ...there.map(async ({ month, endsAt }): Promise<KeptMonth> => {
      const due = isDue(keeping, endsAt, scene.now());
      const holds = due ? await holdsUp(month) : [];
      return { month, state: due ? "due" : "kept", keptUntil: until(endsAt), holds };
    }),
  ]);
  const { isIntake, keptDays, historyBegins } = keeping;
  return { context: definition.name, isIntake, keptDays, historyBegins, months, archives };
}

async function deleteMonth(scene: RetentionScene, act: DeletionAct): Promise<void> {
  const { month } = act;
  const journal = await listJournal(scene);
  const kept = journal.months.find((one) => one.month === month);
  if (kept === undefined) {
    throw await refuse(
      scene,
      act,
      new Failure("refused", "month-unknown", "The journal has no such month.", { fields: { month } }),
    );
  }
  if (kept.state === "kept") {
    const keptUntil = kept.keptUntil === null ? null : new Date(kept.keptUntil).toISOString();
    const text =
      keptUntil === null
        ? `${month} is kept for ever.`
        : `${month} is kept until ${keptUntil}. Nothing was deleted.`;
    throw await refuse(
      scene,
      act,
      new Failure("refused", "retention-not-over", text, { fields: { month, keptUntil } }),
    );
  }
  const held = await alone(scene, patienceMs, () =>
    journal.isIntake ? expireIntake(scene) : leaveJournal(scene, act),
  );
  const holds = held === null ? [busy] : held.get(month);
  if (holds === undefined) return;
  throw await refuse(
    scene,
    act,
    new Failure("conflict", "month-held", holds.map(({ says }) => says).join(" "), {
      fields: { month, holds: holds.map(({ what }) => what) },
    }),
  );
}

const busy: Hold = {
  what: "under-way",
  says: "What may leave this journal is being looked through or written just now; ask again in a while.",
};

/** A refused deletion stands in the journal with who and why, as one that was done does. */
async function refuse(
  { context, now }: RetentionScene,
  act: DeletionAct,
  failure: Failure,
): Promise<Failure> {
  const { name } = context.definition;
  const { tenantId, month, by, why } = act;
  const keptUntil = typeof failure.fields.keptUntil === "string" ? failure.fields.keptUntil : null;
  await appendEntries(context.database, [
    contextAct(name, now(), tenantId, "entente.deletion-refused", {
      month,
      by,
      why,
      refusal: failure.code,
      keptUntil,
    }),
  ]);
  return failure;
}
