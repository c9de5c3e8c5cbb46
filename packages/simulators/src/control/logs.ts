import type { BehaviourName } from "./behaviour.ts";

/** One request that reached the simulator. */
export interface Call {
  /** Counts from 1, in order of arrival. */
  readonly n: number;
  /** Simulator's time, ISO 8601. */
  readonly at: string;
  /** Null when the system knows no such operation. */
  readonly operation: string | null;
  readonly method: string;
  /** With its query, secrets blanked. */
  readonly path: string;
  /** The first of its keys. */
  readonly key: string | null;
  /** All its keys, when it carries several (batches). */
  readonly keys?: readonly string[];
  /** What was chosen for it; `outage` while the whole system was away; null: its duty. */
  readonly behaviour: BehaviourName | "outage" | null;
  /** HTTP status answered; `none`: it got no answer; null: not yet. */
  readonly status: number | "none" | null;
  /** Whether it changed something in the simulated world. */
  readonly effect: boolean;
}

/** Something that happened once and for all in the simulated world. */
export interface Effect {
  /** Counts from 1, in order of happening. */
  readonly n: number;
  readonly at: string;
  readonly operation: string;
  /** What the caller named it by; two effects under one key are a doubled effect. */
  readonly key: string | null;
  /** All names, when the caller gave several. */
  readonly keys?: readonly string[];
  /** Id of the object it made or changed. */
  readonly id: string;
  /** In minor units where the system has such, else as the system writes amounts. */
  readonly amount?: number | string;
  readonly currency?: string;
  /** Number of the call that caused it; absent when time did. */
  readonly call?: number;
}

export interface LogFilter {
  readonly after?: number | undefined;
  readonly operation?: string | undefined;
  readonly key?: string | undefined;
}

/** Calls kept: enough for a day of drills, bounded for a load test that forgets to reset. Effects are all kept. */
const callsKept = 100_000;

export interface Logs {
  /** Writes a call down; what is learned later is changed in the row itself. */
  call(call: Omit<Call, "n">): MutableCall;
  effect(effect: Omit<Effect, "n">): Effect;
  calls(filter: LogFilter): readonly Call[];
  /** How many of the oldest calls were dropped. */
  dropped(): number;
  effects(filter: LogFilter): readonly Effect[];
  clear(): void;
}

export type MutableCall = { -readonly [Field in keyof Call]: Call[Field] };

/** `kept`: the effects so far, to which new ones are added. */
export function openLogs(kept: Map<string, Effect> = new Map()): Logs {
  let calls: MutableCall[] = [];
  let effects: Effect[] = [...kept.values()];
  let received = 0;
  return {
    call(call) {
      received += 1;
      const row = { n: received, ...call };
      calls.push(row);
      // In slices: shifting a long array for every call would cost more than the call.
      if (calls.length > callsKept * 1.1) calls = calls.slice(-callsKept);
      return row;
    },
    effect(effect) {
      const row = { n: effects.length + 1, ...effect };
      effects.push(row);
      kept.set(String(row.n), row);
      return row;
    },
    calls: ({ after = 0, operation, key }) =>
      calls.filter(
        (call) =>
          call.n > after &&
          (operation === undefined || call.operation === operation) &&
          (key === undefined || isUnder(call, key)),
      ),
    dropped: () => received - calls.length,
    effects: ({ after = 0, operation, key }) =>
      effects.filter(
        (effect) =>
          effect.n > after &&
          (operation === undefined || effect.operation === operation) &&
          (key === undefined || isUnder(effect, key)),
      ),
    clear() {
      calls = [];
      effects = [];
      kept.clear();
      received = 0;
    },
  };
}

function isUnder(row: Pick<Call, "key" | "keys">, key: string): boolean {
  return row.key === key || row.keys?.includes(key) === true;
}

const secretName = /(token|secret|password|passwd|assertion|api_?key|authorization|signature|sid)$/i;

/** A path fit for a log: values of query parameters whose names promise a secret are blanked. */
export function withoutSecrets(path: string): string {
  const cut = path.indexOf("?");
  if (cut === -1) return path;
  const query = path
    .slice(cut + 1)
    .split("&")
    .map((pair) => {
      const name = pair.split("=", 1)[0] as string;
      return secretName.test(name) ? `${name}=…` : pair;
    });
  return `${path.slice(0, cut)}?${query.join("&")}`;
}
