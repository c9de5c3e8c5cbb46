import { controlInterface } from "./control-interface.ts";
import type { NewsBehaviour, RecordsCounterparty, TheirRecords } from "./records-counterparty.ts";

export interface ControlledRecordsOptions {
  /** Operations the treaty asks with: behaviours are for them alone. */
  readonly asks: readonly string[];
  /** Operations by which `records` changes something, whose callbacks are the news of it. Absent: there is no feed. */
  readonly changes?: readonly string[];
  /** Its records, written over its own interface, and by other operations than `asks`. */
  readonly records: TheirRecords;
  /** Milliseconds of its clock after which it keeps no place of its feed. Absent: it keeps them for ever. */
  readonly placesKeptMs?: number;
  /** Business refusals to try with questions (default: none). */
  readonly rejections?: readonly string[];
}

/**
 * An authority for records with a control interface at `<url>/_control`, such as every simulator has.
 * Errors: thrown when there is no control interface at that address, or when it refuses what it is asked.
 */
export async function controlledRecords(
  url: string,
  { asks, changes = [], records, placesKeptMs, rejections = [] }: ControlledRecordsOptions,
): Promise<RecordsCounterparty> {
  const { ask, behaveWell, breakOff, effects, advance } = controlInterface(url);
  await ask("GET", "");
  let counted = 0;
  let last = 0;
  const addRule = async (operation: string, behaviour: object): Promise<string> =>
    ((await ask("POST", "/behaviours", { ...behaviour, when: { operation } })) as { id: string }).id;
  const feed = {
    async tellSo(news: NewsBehaviour, change: () => Promise<void>): Promise<void> {
      const rules = await Promise.all(changes.map((operation) => addRule(operation, news)));
      await change();
      for (const rule of rules) await ask("DELETE", `/behaviours/${rule}`);
    },
  };
  return {
    ...records,
    rejections,
    async behave(behaviour, times) {
      const rule = times === undefined ? behaviour : { ...behaviour, times };
      for (const operation of asks) await addRule(operation, rule);
    },
    breakOff,
    behaveWell,
    async asked() {
      const { calls } = (await ask("GET", `/calls?after=${last}`)) as {
        calls: readonly { readonly n: number; readonly operation: string | null }[];
      };
      last = calls.at(-1)?.n ?? last;
      counted += calls.filter(({ operation }) => operation !== null && asks.includes(operation)).length;
      return counted;
    },
    effects: () => effects(),
    advance,
    ...(changes.length === 0 ? {} : feed),
    ...(placesKeptMs === undefined ? {} : { forgetPlaces: () => advance(placesKeptMs + 60_000) }),
  };
}
