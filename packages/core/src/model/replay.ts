import { comparePositions, type Entry, type JsonObject, type Position } from "./entry.ts";
import { jsonChanges } from "./json-changes.ts";
import { laneOf } from "./lane.ts";
import type { ProcessDefinition, ProcessView } from "./process.ts";
import { queuedProcess } from "./process.ts";

/**
 * Replay: states rebuilt from evidence alone, and compared with outcomes that were stored by others. Pure: no clock, no network, no
 * database. Decision: docs/decisions/0022-replay-from-evidence.md.
 */

/** How one kind of fact, in one major version of its schema, moves a state. Once it has been published it is never changed. */
export interface ReplayStep<State extends object> {
  evolve(state: State, fact: Entry): State;
  /** What the fact says that does not follow from the state before it, in plain words; null: everything does. Absent: it says nothing that could be checked. */
  disagrees?(before: State, fact: Entry): string | null;
}

/** Rebuilds what a context knows of each key from the facts of its journal. */
export interface Reducer<State extends object> {
  /** Of the outcomes it is compared with, such as `balance`. */
  readonly name: string;
  /** The context whose facts it folds. */
  readonly source: string;
  readonly initial: State;
  /** By fact type, then by major version of its schema. A fact that is not here cannot be replayed. */
  readonly steps: Readonly<Record<string, Readonly<Record<string, ReplayStep<State>>>>>;
  /** What a stored outcome says of the state that `version` facts led to, the last of them `fact`; null: there is none yet. */
  outcome(state: State, version: number, fact: Entry): JsonObject | null;
}

/** Rebuilds what customers saw of a process. */
export interface ProcessReducer {
  /** Major versions of the schemas of its facts that the definition reads. */
  readonly majors: readonly string[];
  /** Terms are those the view was folded on. */
  definition(terms: JsonObject): ProcessDefinition;
}

/** Everything that is needed to replay a system's evidence. */
export interface ReplayRules {
  readonly reducers: readonly Reducer<object>[];
  /** By the name of the view, see ProcessDefinition. */
  readonly processes: Readonly<Record<string, ProcessReducer>>;
}

/** `what` of the outcome of a process. */
export const processOutcome = "process";

/** An outcome as it was stored, apart from the evidence. */
export interface StoredOutcome {
  /** `process`, or the name of a reducer. */
  readonly what: string;
  /** The process, or the key. */
  readonly id: string;
  readonly stored: JsonObject | null;
  /** Of processes: the view that folded it. */
  readonly foldedBy: { readonly name: string; readonly terms: JsonObject } | null;
  /** By journal: its generation, and what the outcome reflects of each lane. */
  readonly upTo: Readonly<
    Record<string, { readonly generation: string; readonly lanes: readonly Position[] }>
  >;
}

export type ReplayFault =
  | "reducer-missing"
  | "fact-missing"
  | "fact-disagrees"
  | "payload-erased"
  | "outcome-differs"
  | "outcome-unevidenced";

export interface ReplayFinding {
  readonly what: ReplayFault;
  /** Of the entry, in the log. Null: there is none. */
  readonly index: number | null;
  readonly id: string;
  readonly says: string;
}

/** A state as the evidence gives it. */
export interface Rebuilt {
  readonly what: string;
  readonly id: string;
  /** Entries folded, and the last of them in the log. */
  readonly entries: number;
  readonly lastIndex: number | null;
  /** As an outcome says it. */
  readonly outcome: JsonObject | null;
  /** Everything the reducer knows. */
  readonly state: object;
  /** True: an outcome was stored, and it is this one. Null: none is in the evidence. */
  readonly agrees: boolean | null;
}

export interface Replay {
  /** The next entry of the log. `generation` is its journal's. */
  take(index: number, generation: string, entry: Entry): void;
  /** An entry whose payload is gone. */
  miss(index: number, source: string, processId: string): void;
  end(): { readonly rebuilt: readonly Rebuilt[]; readonly findings: readonly ReplayFinding[] };
}

/** States on the way to an outcome, so that the place can be named from which on it is another. */
interface Way {
  readonly outcome: StoredOutcome;
  readonly indexes: number[];
  readonly seen: (JsonObject | null)[];
}

interface Folded {
  state: object;
  version: number;
  entries: number;
  lastIndex: number | null;
  last: Entry | null;
  /** From here on nothing is known of it. */
  isBroken: boolean;
}

interface FoldedProcess extends Folded {
  readonly definition: ProcessDefinition;
  readonly majors: readonly string[];
}

/**
 * Begins a replay. `withKeys`: the evidence holds all entries of its keys, so that states of keys can be rebuilt; of a process alone it
 * holds too little for that. What is rebuilt of processes are those with an outcome.
 * Bounds: memory grows with the number of keys and of states on the way to an outcome.
 */
export function openReplay(
  rules: ReplayRules,
  outcomes: readonly StoredOutcome[],
  withKeys: boolean,
): Replay {
  const findings: ReplayFinding[] = [];
  const find = (what: ReplayFault, index: number | null, id: string, says: string): void => {
    findings.push({ what, index, id, says });
  };
  const ways = new Map<string, Way>();
  const processes = new Map<string, FoldedProcess>();
  for (const outcome of outcomes) {
    ways.set(nameOf(outcome.what, outcome.id), { outcome, indexes: [], seen: [] });
    if (outcome.what !== processOutcome) continue;
    const reducer = Object.hasOwn(rules.processes, outcome.foldedBy?.name ?? "")
      ? rules.processes[outcome.foldedBy?.name ?? ""]
      : undefined;
    if (reducer === undefined) {
      find(
        "reducer-missing",
        null,
        outcome.id,
        `No reducer is known for the view ${outcome.foldedBy?.name ?? "that is not named"}.`,
      );
      continue;
    }
    const definition = reducer.definition(outcome.foldedBy?.terms ?? {});
    processes.set(outcome.id, { ...fresh(queuedProcess), definition, majors: reducer.majors });
  }
  const keys = new Map<
    string,
    { readonly reducer: Reducer<object>; readonly id: string; readonly folded: Folded }
  >();

  const remember = (
    what: string,
    id: string,
    folded: Folded,
    entry: Entry,
    index: number,
    generation: string,
    seen: JsonObject | null,
  ): void => {
    folded.entries++;
    folded.lastIndex = index;
    folded.last = entry;
    const way = ways.get(nameOf(what, id));
    if (way === undefined || !isReflected(way.outcome, generation, entry)) return;
    way.indexes.push(index);
    way.seen.push(seen);
  };

  function foldKey(reducer: Reducer<object>, index: number, generation: string, fact: Entry): void {
    const name = nameOf(reducer.name, fact.key);
    let known = keys.get(name);
    if (known === undefined) {
      known = { reducer, id: fact.key, folded: fresh(reducer.initial) };
      keys.set(name, known);
    }
    const { folded } = known;
    if (!folded.isBroken) advanceKey(reducer, folded, index, generation, fact);
  }

  function advanceKey(
    reducer: Reducer<object>,
    folded: Folded,
    index: number,
    generation: string,
    fact: Entry,
  ): void {
    const stop = (what: ReplayFault, says: string): void => {
      folded.isBroken = true;
      find(what, index, fact.key, says);
    };
    const version = folded.version + 1;
    if (fact.keyVersion !== null && fact.keyVersion !== version) {
      stop(
        "fact-missing",
        `It is fact ${fact.keyVersion} of ${fact.key}, and the evidence goes on from fact ${folded.version}.`,
      );
      return;
    }
    const step = stepOf(reducer, fact);
    if (step === undefined) {
      stop(
        "reducer-missing",
        `No reducer of ${reducer.name} is known for ${fact.type} ${fact.schemaVersion}.`,
      );
      return;
    }
    const disagreement = step.disagrees?.(folded.state, fact) ?? null;
    if (disagreement !== null) {
      stop("fact-disagrees", disagreement);
      return;
    }
    folded.state = step.evolve(folded.state, fact);
    folded.version = version;
    remember(
      reducer.name,
      fact.key,
      folded,
      fact,
      index,
      generation,
      reducer.outcome(folded.state, version, fact),
    );
  }

  function foldProcess(folded: FoldedProcess, index: number, generation: string, fact: Entry): void {
    const { definition, majors } = folded;
    const isOfRuntime = fact.type.startsWith("entente.");
    if (!definition.facts.includes(fact.type)) return;
    // What became of another command of the process is not about the process itself.
    if (isOfRuntime && fact.data.type !== definition.startedBy) return;
    if (folded.isBroken) return;
    if (!isOfRuntime && !majors.includes(majorOf(fact.schemaVersion))) {
      folded.isBroken = true;
      find(
        "reducer-missing",
        index,
        fact.processId,
        `The view does not read ${fact.type} ${fact.schemaVersion}.`,
      );
      return;
    }
    folded.state = definition.apply(folded.state as ProcessView, fact);
    remember(processOutcome, fact.processId, folded, fact, index, generation, shownOf(folded, fact));
  }

  return {
    take(index, generation, entry) {
      if (entry.kind !== "event") return;
      const process = processes.get(entry.processId);
      if (process !== undefined) foldProcess(process, index, generation, entry);
      if (!withKeys || entry.keyVersion === null) return;
      for (const reducer of rules.reducers)
        if (reducer.source === entry.source) foldKey(reducer, index, generation, entry);
    },
    miss(index, source, processId) {
      find(
        "payload-erased",
        index,
        processId,
        `What an entry of ${source} said was erased: what depends on it cannot be rebuilt.`,
      );
    },
    end() {
      const rebuilt: Rebuilt[] = [];
      for (const { reducer, id, folded } of keys.values()) {
        const outcome =
          folded.last === null ? null : reducer.outcome(folded.state, folded.version, folded.last);
        const { entries, lastIndex, state } = folded;
        rebuilt.push({
          what: reducer.name,
          id,
          entries,
          lastIndex,
          state,
          ...compared(nameOf(reducer.name, id), outcome, folded),
        });
      }
      for (const [id, process] of processes) {
        const { entries, lastIndex, state, last } = process;
        const outcome = last === null ? null : shownOf(process, last);
        rebuilt.push({
          what: processOutcome,
          id,
          entries,
          lastIndex,
          state,
          ...compared(nameOf(processOutcome, id), outcome, process),
        });
      }
      for (const { outcome, seen } of ways.values()) {
        if (outcome.what === processOutcome || outcome.stored === null) continue;
        if (seen.length === 0 && !keys.has(nameOf(outcome.what, outcome.id)))
          find(
            "outcome-unevidenced",
            null,
            outcome.id,
            `The ${outcome.what} of ${outcome.id} is stored, and no entry leads to it.`,
          );
      }
      return { rebuilt, findings };
    },
  };

  function compared(
    name: string,
    last: JsonObject | null,
    folded: Folded,
  ): { outcome: JsonObject | null; agrees: boolean | null } {
    const way = ways.get(name);
    if (way === undefined) return { outcome: last, agrees: null };
    const {
      outcome: { what, id, stored },
      seen,
      indexes,
    } = way;
    const rebuilt = seen.at(-1) ?? null;
    // It is named already why.
    if (folded.isBroken) return { outcome: rebuilt, agrees: false };
    const changes = jsonChanges(rebuilt, stored);
    if (changes.length === 0) return { outcome: rebuilt, agrees: true };
    const same = seen.findLastIndex((one) => jsonChanges(one, stored).length === 0);
    const parted = same >= 0 ? indexes[same + 1] : indexes.at(-1);
    const where = changes.map(
      ({ pointer, before, after }) => `${pointer || "all"}: evidence ${text(before)}, stored ${text(after)}`,
    );
    const says =
      same >= 0
        ? `The stored ${what} of ${id} is the one after entry ${indexes[same]}: this entry is not in it (${where.join("; ")}).`
        : `The stored ${what} of ${id} is none that the evidence ever led to. After this entry: ${where.join("; ")}.`;
    find("outcome-differs", parted ?? null, id, says);
    return { outcome: rebuilt, agrees: false };
  }
}

const text = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));

const fresh = (state: object): Folded => ({
  state,
  version: 0,
  entries: 0,
  lastIndex: null,
  last: null,
  isBroken: false,
});

const nameOf = (what: string, id: string): string => `${what}\u0000${id}`;

const majorOf = (version: string): string => version.split(".")[0] as string;

function stepOf(reducer: Reducer<object>, fact: Entry): ReplayStep<object> | undefined {
  const versions = Object.hasOwn(reducer.steps, fact.type) ? reducer.steps[fact.type] : undefined;
  const major = majorOf(fact.schemaVersion);
  return versions !== undefined && Object.hasOwn(versions, major) ? versions[major] : undefined;
}

/** What a process's row says: see process-view.ts. */
function shownOf({ state, definition }: FoldedProcess, last: Entry): JsonObject {
  const view = state as ProcessView;
  const said = {
    type: definition.type,
    state: view.state,
    steps: view.steps,
    reason: view.reason,
    outcome: view.outcome,
  };
  return { ...said, updatedAt: last.occurredAt } as unknown as JsonObject;
}

function isReflected(
  { upTo }: StoredOutcome,
  generation: string,
  { source, tenantId, key, position }: Entry,
): boolean {
  const journal = Object.hasOwn(upTo, source) ? upTo[source] : undefined;
  const lane = journal?.lanes[laneOf(tenantId, key)];
  return lane !== undefined && journal?.generation === generation && comparePositions(position, lane) <= 0;
}
