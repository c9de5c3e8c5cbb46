import { askSystem } from "./ask-system.ts";
import { table } from "./table.ts";

export interface FlowsOptions {
  readonly minutes: string;
  readonly json?: true;
}

/** What the command reads of the answer of `GET /ops/flows`. */
export interface FlowsAnswer {
  readonly at: string;
  readonly minutes: number;
  readonly flows: readonly {
    readonly type: string;
    readonly started: number;
    readonly inFlight: number;
    readonly p90Ms: number | null;
    readonly behind: readonly {
      readonly kind: "consumer" | "treaty";
      readonly context: string;
      readonly name: string;
      readonly journal: string | null;
      readonly waitedFor: boolean;
      readonly lagMs: number | null;
      readonly open: number | null;
    }[];
  }[];
}

/** Prints what customers wait beside who is behind, for the tenant of the token. Environment and errors: as askSystem. */
export async function showFlows(
  { minutes, json }: FlowsOptions,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const answer = (await askSystem(
    `/ops/flows?${new URLSearchParams({ minutes })}`,
    environment,
  )) as FlowsAnswer;
  for (const line of json === true ? [JSON.stringify(answer, null, 2)] : flowLines(answer)) console.log(line);
}

/** A line for each flow, and below it one for each that serves it. */
export function flowLines({ at, minutes, flows }: FlowsAnswer): string[] {
  const rows = flows.flatMap(({ type, started, inFlight, p90Ms, behind }) => [
    [type, seconds(p90Ms), `${started} started, ${inFlight} in flight`],
    ...behind.map(({ context, name, journal, waitedFor, lagMs, open }) => [
      `  ${context} ${name}${journal === null ? "" : ` <- ${journal}`}`,
      lagMs === null ? "not known" : seconds(lagMs),
      [
        ...(open === null ? [] : [`${open} hand-offs without a result`]),
        ...(waitedFor ? [] : ["customers do not wait for it"]),
      ].join("; "),
    ]),
  ]);
  return [
    `What nine of ten customers wait, of the last ${minutes} min before ${at}; below it how far those are behind that serve them.`,
    "",
    ...table([["Flow", "P90 / lag", ""], ...rows]),
  ];
}

function seconds(ms: number | null): string {
  return ms === null ? "-" : `${Math.round(ms / 100) / 10} s`;
}
