/** The control interface of a simulator: how it is told to behave. See docs/reference/simulators.md. */
export interface ControlInterface {
  /** Errors: thrown when there is none at that address, or when it refuses what it is asked. */
  ask(method: string, path: string, body?: object): Promise<unknown>;
  /** Forgets every rule, and lets go of requests that are held. */
  behaveWell(): Promise<void>;
  /** Breaks the connections on which somebody waits for an answer. */
  breakOff(): Promise<void>;
  /** Of some operations, or of all: everything that ever happened, in order. */
  effects(operation?: string): Promise<readonly { readonly key: string | null }[]>;
  advance(ms: number): Promise<void>;
}

export function controlInterface(url: string): ControlInterface {
  async function ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${url}/_control${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await response.text();
    if (!response.ok)
      throw new Error(`${method} ${path} of the control interface: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }
  // An outage that begins or ends lets go of every connection that is held.
  async function breakOff(): Promise<void> {
    await ask("POST", "/outage", { mode: "refuse" });
    await ask("POST", "/outage", { mode: "none" });
  }
  return {
    ask,
    breakOff,
    async behaveWell() {
      await ask("DELETE", "/behaviours");
      await breakOff();
    },
    async effects(operation) {
      const query = operation === undefined ? "" : `?${new URLSearchParams({ operation })}`;
      return ((await ask("GET", `/effects${query}`)) as { effects: { key: string | null }[] }).effects;
    },
    advance: async (ms) => void (await ask("POST", "/clock", { advance: `PT${ms / 1_000}S` })),
  };
}
