import type { TreatyCounterparty } from "./treaty-counterparty.ts";

export interface ControlledOptions {
  /** The operation that is the sending: behaviours are for it alone, and effects are counted of it alone. Absent: every operation. */
  readonly operation?: string;
  /** Business refusals to try (default: all that the operation can give). */
  readonly rejections?: readonly string[];
  /** Tells the counterparty where callbacks go to, by its own interface. Absent: callbacks are not part of the treaty's tests. */
  readonly sendCallbacksTo?: (url: string) => Promise<void>;
}

interface Described {
  readonly operations: readonly { readonly name: string; readonly inParts?: boolean }[];
  readonly rejections: readonly { readonly reason: string; readonly operations?: readonly string[] }[];
}

/**
 * A counterparty with a control interface at `<url>/_control`, such as every simulator has.
 * Errors: thrown when there is no control interface at that address, or when it refuses what it is asked.
 */
export async function controlledCounterparty(
  url: string,
  options: ControlledOptions = {},
): Promise<TreatyCounterparty> {
  const { operation, sendCallbacksTo } = options;
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
  const when = operation === undefined ? {} : { when: { operation } };
  const described = (await ask("GET", "")) as Described;
  const known = described.rejections
    .filter(({ operations }) => operation === undefined || operations?.includes(operation) !== false)
    .map(({ reason }) => reason);
  const rejectsRows = described.operations.some(
    ({ name, inParts }) => name === operation && inParts === true,
  );
  return {
    rejections: options.rejections ?? known,
    rejectsRows,
    behave: async (behaviour, times) =>
      void (await ask("POST", "/behaviours", { ...behaviour, ...when, times })),
    async behaveWell() {
      await ask("DELETE", "/behaviours");
      // An outage that ends lets go of every connection that is held.
      await ask("POST", "/outage", { mode: "refuse" });
      await ask("POST", "/outage", { mode: "none" });
    },
    async effects() {
      const query = operation === undefined ? "" : `?${new URLSearchParams({ operation })}`;
      return ((await ask("GET", `/effects${query}`)) as { effects: { key: string | null }[] }).effects;
    },
    advance: async (ms) => void (await ask("POST", "/clock", { advance: `PT${ms / 1_000}S` })),
    ...(sendCallbacksTo === undefined ? {} : { sendCallbacksTo }),
  };
}
