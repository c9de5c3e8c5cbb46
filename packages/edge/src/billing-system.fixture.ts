/** A small system with one treaty whose counterparty says what a test has it say, with the edge before it. */
import { randomBytes } from "node:crypto";
import {
  type DayRecord,
  defineTreaty,
  type HandOffTreaty,
  type Reply,
  runbookEntries,
  type System,
  sheetTextEntries,
  startSystem,
  type TreatyEvent,
  treatyQuestions,
} from "@entente/core";
import { appendEntries, newId } from "@entente/core/internal";
import type { HandOff } from "@entente/core/model";
import { testServer } from "@entente/testkit";
import { Type } from "typebox";
import { callbackRoute } from "./callbacks.ts";
import { operator, secretTokens } from "./edge.fixture.ts";
import { call } from "./http-client.fixture.ts";
import { buildEdge } from "./server.ts";
import { callbackSecret, signed } from "./signed-callback.fixture.ts";
import { openTokenIssuer, type TokenClaims } from "./tokens.ts";

const texts = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((entry) => [entry, `Says ${entry}.`])) as Record<Name, string>;

/** What a treaty has to have written down, and no test of the edge reads. */
export const writtenDown = {
  sheet: texts(sheetTextEntries),
  runbook: texts(runbookEntries),
  answers: texts(treatyQuestions),
  style: {
    userWaitsForTheAnswer: false,
    runsLong: true,
    counterpartyMayBeAway: true,
    hasAnEffect: true,
    staleAnswerWillDo: false,
    flowNeedsTheResult: true,
  },
} as const;

/** What they answer to a sending, and to a question. */
export interface Script {
  /** `E1`: refused; `E9`: not on the map, which leaves doubt; `lost`: no answer; `garbled`: one that no parser takes. */
  send: "DONE" | "TAKEN" | "E1" | "E9" | "lost" | "garbled";
  inquire: "DONE" | "NONE" | "E1" | "lost";
  /** The day (UTC) on which every act belongs, and what their books have of it. */
  day: string;
  books: readonly DayRecord[];
}

/** Of a customer, and of nobody's business. */
export const theirWords = "Ada Lovelace, 12 Saint James Square";

function billing(script: Script): HandOffTreaty {
  const say = async (what: string): Promise<Reply> => {
    if (what === "lost") throw new Error("no answer");
    if (what === "garbled") JSON.parse(theirWords);
    return { body: { status: what }, status: "200", raw: what };
  };
  return defineTreaty({
    name: "billing",
    version: "1.0.0",
    kind: "command-with-callback",
    target: "billing",
    purpose: "activate",
    ...writtenDown,
    credentials: ["callback-secret"],
    input: Type.Object({ amount: Type.Integer() }),
    output: Type.Object({ status: Type.String() }),
    errorMap: { E1: { class: "BUSINESS_REJECTED", means: "no" } },
    factsFrom: ["orders"],
    facts: ["orders.ready"],
    request: ({ data }) => [
      { aggregateType: "order", aggregateId: String(data.orderId), line: null, data: { amount: 5 } },
    ],
    send: () => say(script.send),
    inquire: () => say(script.inquire),
    totals: {
      ofAct: ({ idempotencyKey }) => ({ day: script.day, name: idempotencyKey, amounts: { sales: 5 } }),
      readPage: async ({ day }) => ({ records: day === script.day ? script.books : [], next: null }),
      closesAfterMs: 1_000,
      days: 1,
    },
    translate: ({ body }) => {
      const { status } = body as { status: string };
      if (status === "DONE") return { says: "completed", reference: "ext-1" };
      if (status === "TAKEN") return { says: "accepted" };
      return status === "NONE" ? { says: "not-known" } : { says: "code", code: status, label: theirWords };
    },
    callback: {
      schema: Type.Object({ tenantId: Type.String(), key: Type.String(), status: Type.String() }),
      verification: { scheme: "standard-webhooks", secrets: ["callback-secret"] },
      identify: (body) => {
        const { tenantId, key } = body as { tenantId: string; key: string };
        return { tenantId, reference: key };
      },
    },
    times: {
      answerWithinMs: 1_000,
      retryFirstMs: 20,
      retryLongestMs: 100,
      inFlightMs: 100,
      resultWithinMs: 86_400_000,
      // Nothing is looked at by itself: only at a person's wish.
      reconcileEveryMs: 86_400_000,
      personAfterMs: 86_400_000,
    },
    limits: {
      concurrency: 32,
      ratePerSecond: 1_000,
      triesAllowed: 3,
      circuitFailures: 1_000,
      circuitOpenMs: 100,
    },
    order: "none",
  }) as HandOffTreaty;
}

export interface BillingSystem {
  readonly url: string;
  readonly system: System;
  readonly script: Script;
  readonly told: readonly TreatyEvent[];
  /** Facts of a tenant's orders; resolves when their hand-offs are all in this state. */
  orders(tenantId: string, ids: readonly string[], state: HandOff["state"]): Promise<HandOff[]>;
  /** Looks again whenever something has happened. */
  until(what: () => Promise<boolean>): Promise<void>;
  get(path: string, by?: Partial<TokenClaims>): ReturnType<typeof call>;
  post(path: string, body: unknown, by?: Partial<TokenClaims>): ReturnType<typeof call>;
  /** A message of theirs about a key; answers the outcome, or the code of its refusal. */
  callBack(said: Said, id: string, secret?: string): Promise<string>;
  stop(): Promise<void>;
}

export interface Said {
  readonly tenantId: string;
  readonly key: string;
  readonly status: "DONE" | "TAKEN" | "E1";
}

export async function startBilling(): Promise<BillingSystem> {
  const script: Script = { send: "DONE", inquire: "DONE", day: "2000-01-01", books: [] };
  const told: TreatyEvent[] = [];
  let happened = Promise.withResolvers<void>();
  const wake = (): void => {
    happened.resolve();
    happened = Promise.withResolvers();
  };
  const system = await startSystem({
    definition: {
      name: `t_${randomBytes(4).toString("hex")}`,
      contexts: [
        { name: "front", intake: { processes: [], factsFrom: ["orders"] } },
        { name: "orders", treaties: [billing(script)] },
      ],
    },
    adminUrl: await testServer(),
    report: wake,
    outside: {
      secret: () => callbackSecret,
      report(event) {
        told.push(event);
        wake();
      },
    },
  });
  const edge = await buildEdge({
    system,
    mode: "dev",
    tokens: secretTokens,
    title: "Billing",
    version: "1.0.0",
    routes: [callbackRoute(system)],
  });
  const url = await edge.listen({ port: 0 });
  const issue = openTokenIssuer(secretTokens);
  const tokenOf = async (by: Partial<TokenClaims>) => (await issue({ ...operator, ...by }, 600)).token;
  const until: BillingSystem["until"] = async (what) => {
    for (;;) {
      const next = happened.promise;
      if (await what()) return;
      await next;
    }
  };
  const database = system.contexts.get("orders")?.database;
  if (database === undefined) throw new Error("no orders");
  return {
    url,
    system,
    script,
    told,
    until,
    async orders(tenantId, ids, state) {
      const now = system.clock.now();
      const facts = ids.map((orderId) => {
        const id = newId(now);
        return {
          id,
          kind: "event",
          type: "orders.ready",
          schemaVersion: "1.0.0",
          source: "orders",
          target: null,
          tenantId,
          key: orderId,
          keyVersion: null,
          processId: id,
          correlationId: id,
          causationId: null,
          customerId: null,
          ttlMs: null,
          traceparent: null,
          occurredAt: now,
          data: { orderId },
        } as const;
      });
      await appendEntries(database, facts);
      let found: HandOff[] = [];
      await until(async () => {
        const all = await system.treaties.handOffs("orders", tenantId, [state], null, 1_000);
        found = all.filter(({ aggregateId }) => ids.includes(aggregateId));
        return found.length === ids.length;
      });
      return found;
    },
    get: async (path, by = {}) => call(url, "GET", path, { token: await tokenOf(by) }),
    post: async (path, body, by = {}) => call(url, "POST", path, { token: await tokenOf(by), body }),
    async callBack(said, id, secret = callbackSecret) {
      const body = JSON.stringify({ ...said, note: theirWords });
      const answer = await call(url, "POST", "/callbacks/billing", {
        body,
        headers: signed(body, id, secret),
      });
      return answer.body.outcome ?? answer.body.code;
    },
    async stop() {
      await edge.close();
      await system.stop();
    },
  };
}
