import { askSystem } from "./ask-system.ts";
import { table } from "./table.ts";

export interface CallbacksOptions {
  readonly treaty?: string;
  readonly state?: string;
  readonly handOff?: string;
  readonly before?: string;
  readonly limit: string;
  readonly refused?: true;
  readonly json?: true;
}

/** What the command reads of the answer of `GET /ops/callbacks`. */
export interface CallbacksAnswer {
  readonly callbacks: readonly {
    readonly receivedAt: string;
    readonly treaty: string;
    readonly entryId: string;
    readonly messageId: string;
    readonly state: string;
    readonly code: string | null;
    readonly reference: string;
    readonly repeats: number;
    readonly reused: number;
    readonly handOffId: string | null;
    readonly processId: string | null;
  }[];
}

/** What the command reads of the answer of `GET /ops/callbacks/refused`. */
export interface RefusedAnswer {
  readonly refused: readonly {
    readonly treaty: string;
    readonly code: string;
    readonly day: string;
    readonly total: number;
    readonly lastAt: string;
  }[];
}

/** Prints what counterparties sent, for the tenant of the token, or what was refused of nobody's. Environment and errors: as askSystem. */
export async function showCallbacks(
  { refused, json, ...asked }: CallbacksOptions,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const query = new URLSearchParams(
    Object.entries(asked).filter((one): one is [string, string] => one[1] !== undefined),
  );
  const answer = await askSystem(`/ops/callbacks${refused === true ? "/refused" : ""}?${query}`, environment);
  const lines =
    json === true
      ? [JSON.stringify(answer, null, 2)]
      : refused === true
        ? refusedLines(answer as RefusedAnswer, Number(asked.limit))
        : callbackLines(answer as CallbacksAnswer, Number(asked.limit));
  for (const line of lines) console.log(line);
}

/** A line for each message, newest first, and how to go on when there were as many as asked for. */
export function callbackLines({ callbacks }: CallbacksAnswer, limit: number): string[] {
  const last = callbacks.at(-1);
  if (last === undefined) return ["Nothing."];
  const rows = callbacks.map(({ state, code, repeats, reused, handOffId, processId, ...one }) => [
    one.receivedAt,
    one.treaty,
    code === null ? state : `${state} (${code})`,
    again(repeats, reused),
    one.messageId,
    handOffId ?? "-",
    processId ?? "-",
    one.reference,
  ]);
  return [
    ...table([
      ["Received", "Treaty", "State", "Again", "Message", "Hand-off", "Process", "Speaks of"],
      ...rows,
    ]),
    ...olderOnes(callbacks.length >= limit ? last.entryId : null),
  ];
}

/** A line for each treaty, reason and day, newest day first, and how to go on, as above. */
export function refusedLines({ refused }: RefusedAnswer, limit: number): string[] {
  const last = refused.at(-1);
  if (last === undefined) return ["Nothing."];
  const rows = refused.map(({ day, treaty, code, total, lastAt }) => [day, treaty, code, `${total}`, lastAt]);
  return [
    ...table([["Day", "Treaty", "Why", "How many", "Last"], ...rows]),
    ...olderOnes(refused.length >= limit ? last.day : null),
  ];
}

function olderOnes(before: string | null): string[] {
  return before === null ? [] : ["", `Older ones: --before ${before}`];
}

function again(repeats: number, reused: number): string {
  if (reused === 0) return repeats === 0 ? "-" : `${repeats}`;
  return `${repeats}, ${reused} with other content`;
}
