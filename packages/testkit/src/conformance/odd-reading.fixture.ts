/** The treaty that asks the warehouse about a shelf, right and with one thing wrong at a time. */
import { defineReadingTreaty, type JsonObject, type ReadingTreaty, type Reply } from "@entente/core";
import { Type } from "typebox";
import { type AskWarehouse, ShelfRecord, stateWords, warehouse } from "./odd-following.fixture.ts";

export function oddReading(ask: AskWarehouse): ReadingTreaty {
  return defineReadingTreaty({
    ...warehouse,
    name: "odd-shelf-now",
    kind: "synchronous-query",
    style: {
      userWaitsForTheAnswer: true,
      runsLong: false,
      counterpartyMayBeAway: true,
      hasAnEffect: false,
      staleAnswerWillDo: true,
      flowNeedsTheResult: false,
    },
    input: Type.Object({ name: Type.String() }),
    output: Type.Union([
      Type.Object({ found: Type.Literal(false) }),
      Type.Object({ ...ShelfRecord.properties, found: Type.Literal(true) }),
    ]),
    ask: ({ name }, means) => ask(`/shelf/${name}`, means) as Promise<Reply<never>>,
    translate({ status, body: given }) {
      const body = given as Partial<Record<"code" | "name" | "units" | "state" | "found", unknown>>;
      if (status === "404" && body.found === false) return { says: "completed", answer: { found: false } };
      if (status !== "200") return { says: "code", code: typeof body.code === "string" ? body.code : status };
      const state = stateWords[String(body.state)];
      if (state === undefined) throw new Error(`no such state: ${String(body.state)}`);
      const answer = { found: true, name: body.name, units: body.units, state } as unknown as JsonObject;
      return { says: "completed", answer };
    },
    timeoutMs: 3_000,
    staleAllowedMs: 3_600_000,
    limits: { concurrency: 4, ratePerSecond: 10 },
  }) as unknown as ReadingTreaty;
}

type Make = (ask: AskWarehouse) => ReadingTreaty;

const nothingThere: Reply = { status: "404", raw: '{"found":false}', body: { found: false } };

/** Each wrong in one way that treaties are wrong in. */
export const readingBugs = {
  none: oddReading,
  "takes no answer for nothing there": (ask) =>
    oddReading((path, means) => ask(path, means).catch(() => nothingThere)),
  "gives what it last heard for what is there now": (ask) => {
    const heard = new Map<string, Reply>();
    return oddReading(async (path, means) => {
      try {
        const reply = await ask(path, means);
        if (reply.status === "200") heard.set(path, reply);
        return reply;
      } catch (error) {
        const last = heard.get(path);
        if (last === undefined) throw error;
        return last;
      }
    });
  },
  "takes a word it does not know for open": (ask) => {
    const treaty = oddReading(ask);
    const known = (raw: string): string => raw.replace("MOONING", "OPEN");
    return {
      ...treaty,
      translate: (reply) => {
        const body: unknown = JSON.parse(known(JSON.stringify(reply.body)));
        return treaty.translate({ ...reply, body } as never);
      },
    };
  },
  "takes refused credentials for trouble": (ask) => {
    const { "401": _refused, ...errorMap } = warehouse.errorMap;
    return { ...oddReading(ask), errorMap };
  },
} as const satisfies Readonly<Record<string, Make>>;

export type ReadingBug = keyof typeof readingBugs | "goes out by another door";
