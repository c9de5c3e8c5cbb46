import { readProcessEntries } from "../journal/read.ts";
import { compareSiblings } from "../model/cause-order.ts";
import type { Entry } from "../model/entry.ts";
import { isFailure } from "../model/failure.ts";
import { isId } from "../model/id.ts";
import type { ProcessDefinition } from "../model/process.ts";
import { uuidArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import { readCasesAbout } from "../treaty/fallout-cases.ts";
import { openedType } from "../treaty/hand-off-entries.ts";
import {
  definitionOf,
  type ProcessTimeline,
  processTimeline,
  type TimelineHandOff,
} from "./process-timeline.ts";
import type { ProcessReader, ProcessRecord } from "./read-process.ts";
import {
  causesMissing,
  handOffTreaties,
  readBatches,
  readBeginnings,
  readCauses,
  rowsWanted,
  type StoryContext,
} from "./story-parts.ts";
import type { MeaningOf } from "./timeline-attempts.ts";

/** Reads what every journal has of a process, side by side: by its index, then what belongs to it by its own keys. */
export interface TimelineReader {
  /**
   * The story of one process of the tenant, or null. Instead of a process, one of its entries may be named, such as a manual act.
   * The story of a process that is about another one has that one's in it.
   * Bounds: the earliest `limit` entries (1..1,000); three statements one after the other in each context, whatever they find, and one more
   * each where another process led into it, or it is about another one.
   * Errors: `database-unavailable` when nothing was found and a context does not answer; with something found, it is `away`.
   */
  read(tenantId: string, id: string, limit: number): Promise<ProcessTimeline | null>;
}

export interface TimelineReaderSetting {
  readonly contexts: ReadonlyMap<string, StoryContext>;
  readonly processes: ProcessReader;
  readonly definitions: readonly ProcessDefinition[];
  readonly factsFrom: readonly string[];
}

export function openTimelineReader(setting: TimelineReaderSetting): TimelineReader {
  const contexts = [...setting.contexts.values()];
  const treaties = new Map(
    contexts.flatMap(({ definition }) => handOffTreaties(definition).map((treaty) => [treaty.name, treaty])),
  );

  const meaningOf: MeaningOf = (name, code) => {
    const errorMap = treaties.get(name)?.errorMap ?? {};
    return Object.hasOwn(errorMap, code) ? (errorMap[code]?.means ?? null) : null;
  };

  async function entriesOf(tenantId: string, id: string, limit: number) {
    return overContexts(contexts, async ({ journal }) => readProcessEntries(journal, tenantId, id, limit));
  }

  /** By its definition; null where it is about no other process. */
  function otherProcessOf(entries: readonly Entry[], process: ProcessRecord | null): string | null {
    const definition = definitionOf(setting.definitions, process);
    if (definition?.about === undefined) return null;
    for (const entry of entries) {
      const other = definition.about(entry);
      if (other !== null && isId(other)) return other;
    }
    return null;
  }

  async function read(tenantId: string, id: string, limit: number): Promise<ProcessTimeline | null> {
    if (!isId(id)) return null;
    const first = await entriesOf(tenantId, id, limit + 1);
    const named = first.found.flat().find((entry) => entry.id === id);
    const processId = named?.processId ?? id;
    const [own, process] = await Promise.all([
      processId === id ? first : entriesOf(tenantId, processId, limit + 1),
      setting.processes.read(tenantId, processId),
    ]);
    const mine = own.found.flat();
    if (mine.length === 0 && process === null) {
      if (own.away.length > 0) throw own.reason;
      return null;
    }
    const aboutId = otherProcessOf(mine, process);
    const [others, about] =
      aboutId === null
        ? [nothingFound, null]
        : await Promise.all([
            entriesOf(tenantId, aboutId, limit + 1),
            setting.processes.read(tenantId, aboutId),
          ]);
    const entries = [...mine, ...others.found.flat()];
    const added = await overContexts(contexts, (context) => aroundIn(context, tenantId, entries, limit));
    const inside = [...entries, ...added.found.flatMap((around) => around.entries)];
    const missing = causesMissing(inside);
    const led = await overContexts(missing.length === 0 ? [] : contexts, ({ journal }) =>
      readBeginnings([journal], tenantId, missing, limit),
    );
    const all = [...inside, ...led.found.flat()].sort(compareSiblings);
    const kept = all.slice(0, limit);
    return processTimeline(
      {
        processId,
        process,
        about,
        entries: kept,
        handOffs: added.found.flatMap(({ handOffs }) => handOffs.map((one) => withTrouble(one, meaningOf))),
        cases: added.found.flatMap(({ cases }) => cases),
        away: [...new Set([own, others, added, led].flatMap(({ away }) => away))].sort(),
        more: all.length > limit,
      },
      {
        definitions: setting.definitions,
        factsFrom: setting.factsFrom,
        meaningOf,
        targetOf: (treaty) => treaties.get(treaty)?.target ?? null,
      },
    );
  }

  return { read };
}

const nothingFound = { found: [], away: [] };

/** Asks all contexts at once. One whose database is away takes nothing from the others. */
async function overContexts<Found>(
  contexts: readonly StoryContext[],
  ask: (context: StoryContext) => Promise<Found>,
): Promise<{ readonly found: Found[]; readonly away: string[]; readonly reason: unknown }> {
  const answers = await Promise.allSettled(contexts.map(ask));
  const found: Found[] = [];
  const away: string[] = [];
  let reason: unknown = null;
  for (const [n, answer] of answers.entries()) {
    if (answer.status === "fulfilled") found.push(answer.value);
    else if (isFailure(answer.reason, "database-unavailable")) {
      away.push(contexts[n]?.definition.name ?? "");
      reason = answer.reason;
    } else throw answer.reason;
  }
  return { found, away, reason };
}

/** What a context has about a process beside the entries that carry its id. */
async function aroundIn(context: StoryContext, tenantId: string, entries: readonly Entry[], limit: number) {
  const { definition, database, journal } = context;
  const inBatches = await readBatches(database, tenantId, rowsWanted(definition, entries), limit + 1);
  const here = [...entries.filter(({ source }) => source === definition.name), ...inBatches];
  const ids = new Set(here.map(({ id }) => id));
  const outside = here.flatMap(({ causationId }) =>
    causationId !== null && !ids.has(causationId) ? [causationId] : [],
  );
  const handOffIds = here.flatMap(({ id, type }) => (type === openedType ? [id] : []));
  const caseIds = here.flatMap(({ data: { caseId } }) =>
    typeof caseId === "string" && isId(caseId) ? [caseId] : [],
  );
  const asksAnything = handOffIds.length + caseIds.length > 0;
  const [causes, cases, handOffs] = await Promise.all([
    outside.length === 0 ? [] : readCauses(journal, tenantId, [...new Set(outside)], limit + 1),
    asksAnything ? readCasesAbout(database, tenantId, handOffIds, caseIds, limit) : [],
    handOffIds.length === 0 ? [] : readHandOffs(database, tenantId, handOffIds),
  ]);
  return {
    entries: [...inBatches, ...causes],
    handOffs: handOffs.map((one) => ({ ...one, context: definition.name })),
    cases: cases.map((one) => ({ ...one, context: definition.name })),
  };
}

interface HandOffRow extends Record<string, unknown> {
  readonly handOffId: string;
  readonly treaty: string;
  readonly target: string;
  readonly state: string;
  readonly externalReference: string | null;
  readonly class: string | null;
  readonly code: string | null;
  readonly text: string | null;
}

const handOffsNow: Statement = {
  name: "timeline-hand-offs",
  text: `select hand_off_id as "handOffId", treaty, target, state, external_reference as "externalReference",
      last_error_class as class, last_error_code as code, last_error_text as text
    from entente.hand_off where tenant_id = $1 and hand_off_id = any($2::uuid[]) order by created_at, hand_off_id`,
};

async function readHandOffs(
  connection: Connection,
  tenantId: string,
  handOffIds: readonly string[],
): Promise<HandOffRow[]> {
  return connection.run<HandOffRow>(handOffsNow, [tenantId, uuidArray(handOffIds)]);
}

function withTrouble(row: HandOffRow & { readonly context: string }, meaningOf: MeaningOf): TimelineHandOff {
  const { class: errorClass, code, text, handOffId, context, treaty, target, state, externalReference } = row;
  const means = code === null ? null : meaningOf(treaty, code);
  const isQuiet = errorClass === null && code === null && text === null;
  const trouble = isQuiet ? null : { class: errorClass, code, text, means };
  return { handOffId, context, treaty, target, state, externalReference, trouble };
}
