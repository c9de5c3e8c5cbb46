import type { Behaviour } from "./behaviour.ts";
import type { OutageMode } from "./control.ts";
import type { Call, Effect, LogFilter } from "./logs.ts";
import type { When } from "./rule.ts";

/** A rule as it is sent: a behaviour with its options, for whom, and how often. */
export type RuleToAdd = Behaviour & { readonly when?: When; readonly times?: number };

/** The control interface of a running simulator, for tests and drills in another process. */
export interface ControlClient {
  /** Adds a rule, and answers its id. */
  rule(rule: RuleToAdd): Promise<string>;
  rules(): Promise<readonly (RuleToAdd & { readonly id: string; readonly applied: number })[]>;
  removeRule(id: string): Promise<void>;
  removeRules(): Promise<void>;
  calls(filter?: LogFilter): Promise<readonly Call[]>;
  effects(filter?: LogFilter): Promise<readonly Effect[]>;
  /** Sets the clock to an ISO 8601 instant; answers the time it then shows. */
  setClock(now: string): Promise<string>;
  /** Moves the clock on by an ISO 8601 duration, such as `PT15M`. Resolves when what fell due has been done. */
  advance(duration: string): Promise<string>;
  outage(mode: OutageMode): Promise<void>;
  reset(seed?: number): Promise<void>;
}

/** Opens the control interface of the simulator at `url`. Every call throws when the simulator refuses it or is not there. */
export function openControlClient(url: string): ControlClient {
  async function ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${url}/_control${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} /_control${path} answered ${response.status}: ${text}`);
    return text === "" ? null : JSON.parse(text);
  }
  const query = (filter: LogFilter = {}) => {
    const given = Object.entries(filter).filter(([, value]) => value !== undefined);
    return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
  };
  return {
    rule: async (rule) => ((await ask("POST", "/behaviours", rule)) as { id: string }).id,
    rules: async () => ((await ask("GET", "/behaviours")) as { behaviours: never }).behaviours,
    removeRule: async (id) => void (await ask("DELETE", `/behaviours/${id}`)),
    removeRules: async () => void (await ask("DELETE", "/behaviours")),
    calls: async (filter) => ((await ask("GET", `/calls${query(filter)}`)) as { calls: never }).calls,
    effects: async (filter) => ((await ask("GET", `/effects${query(filter)}`)) as { effects: never }).effects,
    setClock: async (now) => ((await ask("POST", "/clock", { now })) as { now: string }).now,
    advance: async (advance) => ((await ask("POST", "/clock", { advance })) as { now: string }).now,
    outage: async (mode) => void (await ask("POST", "/outage", { mode })),
    reset: async (seed) => void (await ask("POST", "/reset", seed === undefined ? {} : { seed })),
  };
}
