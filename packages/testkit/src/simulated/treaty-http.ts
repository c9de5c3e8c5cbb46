import { Agent, type ClientRequestArgs, request } from "node:http";
import type { Socket } from "node:net";
import {
  type Means,
  notSent,
  type Reply,
  runbookEntries,
  sheetTextEntries,
  treatyQuestions,
} from "@entente/core";

export interface HttpAsk {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly agent: Agent;
  /** Called when the last byte has been given to the operating system. */
  readonly left?: () => void;
}

interface WayOut {
  readonly wayOut: Means["connect"];
}

/** For the agent: connections are kept, so that it is the agent who opens them. */
function wayOut(means: Means): WayOut {
  return { wayOut: means.connect };
}

/** Keeps connections, opened by the means of the call that needs one. */
export class KeepingAgent extends Agent {
  constructor() {
    super({ keepAlive: true });
  }

  override createConnection(options: ClientRequestArgs): Socket {
    // Options of the request come along: `wayOut` is one of ours.
    return (options as ClientRequestArgs & WayOut).wayOut(options);
  }
}

/**
 * One request of a treaty, with the body of the answer as text.
 * Errors: a refused connection as notSent; everything else as it came, since it may have arrived.
 */
export function askOverHttp(ask: HttpAsk, means: Means): Promise<Reply<string>> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      ask.url,
      {
        method: ask.method,
        headers: ask.headers,
        agent: ask.agent,
        signal: means.signal,
        ...wayOut(means),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const raw = Buffer.concat(chunks).toString();
          resolve({ status: String(response.statusCode), raw, body: raw });
        });
      },
    );
    if (ask.left !== undefined) outgoing.once("finish", ask.left);
    outgoing.on("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "ECONNREFUSED" ? notSent(error) : error),
    );
    outgoing.end(ask.body);
  });
}

/** The texts of a treaty that nobody but a test will read. */
export function treatyTexts(about: string) {
  const says = <Name extends string>(names: readonly Name[]) =>
    Object.fromEntries(names.map((name) => [name, `${about}: ${name}.`])) as Record<Name, string>;
  return {
    sheet: says(sheetTextEntries),
    runbook: { ...says(runbookEntries), businessOwner: "finance-desk" },
    answers: says(treatyQuestions),
    style: {
      userWaitsForTheAnswer: false,
      runsLong: true,
      counterpartyMayBeAway: true,
      hasAnEffect: true,
      staleAnswerWillDo: false,
      flowNeedsTheResult: true,
    },
  } as const;
}
