import { controlInterface } from "./control-interface.ts";
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
  const { ask, behaveWell, effects, advance } = controlInterface(url);
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
    behaveWell,
    effects: () => effects(operation),
    advance,
    ...(sendCallbacksTo === undefined ? {} : { sendCallbacksTo }),
  };
}
