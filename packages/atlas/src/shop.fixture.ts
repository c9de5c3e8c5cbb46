/** A shop with a treaty of every kind. */
import {
  defineReadingTreaty,
  defineTreaty,
  type HandOffTreaty,
  type ReadingTreaty,
  type Runbook,
  runbookEntries,
  type SheetText,
  type SystemDefinition,
  sheetTextEntries,
  systemContract,
  type TreatyAnswers,
  treatyQuestions,
} from "@entente/core";
import type { AtlasInput } from "./draw-atlas.ts";

const says = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, `Says ${name}: <b>a|b</b> & "c" of \`orders\`.`]));

const declared = {
  version: "1.0.0",
  sheet: says(sheetTextEntries) as unknown as SheetText,
  runbook: says(runbookEntries) as unknown as Runbook,
  answers: says(treatyQuestions) as unknown as TreatyAnswers,
  style: {
    userWaitsForTheAnswer: false,
    runsLong: true,
    counterpartyMayBeAway: true,
    hasAnEffect: true,
    staleAnswerWillDo: false,
    flowNeedsTheResult: true,
  },
  credentials: ["token"],
  errorMap: { "402": { class: "BUSINESS_REJECTED", means: "No cover." } },
  input: { type: "object", properties: { amount: { type: "integer" } }, required: ["amount"] },
  output: { type: "object", properties: { status: { type: "string" } }, required: ["status"] },
} as const;

const never = (): never => {
  throw new Error("documents call nothing");
};

export function acting(
  kind: HandOffTreaty["kind"],
  target: string,
  over: Partial<HandOffTreaty> = {},
): HandOffTreaty {
  return defineTreaty({
    ...declared,
    name: `${target}-${kind}`,
    kind,
    target,
    purpose: "act",
    factsFrom: ["orders"],
    facts: ["shop.ordered"],
    request: never,
    send: never,
    inquire: never,
    translate: never,
    times: {
      answerWithinMs: 1_500,
      retryFirstMs: 1_000,
      retryLongestMs: 60_000,
      inFlightMs: 120_000,
      resultWithinMs: 900_000,
      reconcileEveryMs: 900_000,
      personAfterMs: 86_400_000,
    },
    limits: { concurrency: 4, ratePerSecond: 50, triesAllowed: 6, circuitFailures: 5, circuitOpenMs: 30_000 },
    order: "none",
    ...over,
  });
}

function reading(kind: ReadingTreaty["kind"], target: string): ReadingTreaty {
  return defineReadingTreaty({
    ...declared,
    style: { ...declared.style, runsLong: false, hasAnEffect: false, staleAnswerWillDo: true },
    name: `${target}-${kind}`,
    kind,
    target,
    ask: never,
    translate: never,
    timeoutMs: 800,
    staleAllowedMs: 60_000,
    limits: { concurrency: 2, ratePerSecond: 10 },
  });
}

const order = {
  kind: "command",
  type: "shop.order",
  schemaVersion: "1.0.0",
  schema: { type: "object", properties: { orderId: { type: "string" } }, required: ["orderId"] },
  example: { orderId: "ord-1" },
} as const;

const ordered = { ...order, kind: "event", type: "shop.ordered", schemaVersion: "2.1.0" } as const;
const shipped = { ...ordered, type: "shop.shipped" } as const;

const fulfil = acting("command-with-callback", "carrier", {
  callback: {
    schema: { type: "object", properties: { parcel: { type: "string" } }, required: ["parcel"] },
    verification: { scheme: "standard-webhooks", secrets: ["token"] },
    identify: never,
  },
});

export const shop: SystemDefinition = {
  name: "shop",
  contexts: [
    {
      name: "front",
      intake: {
        processes: [
          {
            type: "order",
            startedBy: order.type,
            delayedAfterMs: 1_000,
            facts: [ordered.type],
            apply: (view) => view,
          },
        ],
        factsFrom: ["orders"],
      },
    },
    {
      name: "orders",
      deciders: [
        {
          decider: {
            name: "order",
            commands: { [order.type]: { parking: "step-aside", schemaVersion: order.schemaVersion } },
            facts: [ordered],
            refusalType: ordered.type,
            initial: {},
            decide: never,
            evolve: never,
          },
          commandsFrom: ["front"],
        },
      ],
      treaties: [reading("synchronous-query", "customers"), acting("control-plane-sync", "customers")],
    },
    {
      name: "shipping",
      treaties: [
        fulfil,
        acting("event-feed", "warehouse"),
        acting("file-exchange", "bank"),
        reading("table-replication", "warehouse"),
      ],
    },
  ],
};

export const shopAtlas: AtlasInput = {
  title: "Shop",
  says: "Sells things.",
  version: "1.0.0",
  definition: shop,
  contract: systemContract(shop, [
    { name: "front", messages: [order] },
    { name: "orders", messages: [ordered] },
    { name: "shipping", messages: [shipped] },
  ]),
  openApi: {
    openapi: "3.1.0",
    paths: { "/orders": { post: { summary: "Order", "x-roles": ["customer"] } } },
  },
  command: "entente docs shop",
};
