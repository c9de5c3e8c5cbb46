import { type PublishedMessage, type SystemContract, systemContract } from "@entente/core";
import { followEntitlement } from "../contexts/entitlement/contract/follow-entitlement.ts";
import {
  entitlementCommands,
  entitlementFacts,
  prospectFacts,
  supportCaseFacts,
} from "../contexts/entitlement/contract/published-language.ts";
import { topUp } from "../contexts/gateway/contract/top-up.ts";
import { ledgerCommands, ledgerFacts, ledgerWishes } from "../contexts/ledger/contract/report-posting.ts";
import {
  requestCommands,
  requestFacts,
  requestWishes,
} from "../contexts/request/contract/published-language.ts";
import {
  quotaShareCommands,
  quotaShareFacts,
  subscriptionCommands,
  subscriptionFacts,
} from "../contexts/subscription/contract/published-language.ts";
import { reportRefusal } from "../contexts/subscription/contract/report-refusal.ts";
import { type Counterparties, counterpartyNames, treatiesWith } from "./counterparties.ts";
import { demoTenant } from "./demo-data.ts";
import { stages } from "./stage.ts";

/** All that Flux knows how to deal with. What is promised to them does not depend on where they are. */
export const everyCounterparty = Object.fromEntries(
  counterpartyNames.map((name) => [
    name,
    { url: `https://${name}.example`, tenantId: demoTenant, keepsQuota: true },
  ]),
) as Counterparties;

/** Of every stage; those that are the same in two are one. */
const everyTreaty = [
  ...new Map(
    stages
      .flatMap((stage) => treatiesWith(everyCounterparty, stage))
      .map(({ treaty }) => [treaty.name, treaty] as const),
  ).values(),
];

/** What a context publishes when others publish some of what it decides. */
const without = (
  messages: readonly PublishedMessage[],
  elsewhere: readonly PublishedMessage[],
): readonly PublishedMessage[] => messages.filter(({ type }) => !elsewhere.some((one) => one.type === type));

/**
 * Everything Flux promises in any stage, its treaties included. What of it may change, and how, is checked against `contracts.snapshot.json` beside this
 * system's package: docs/reference/contract-compatibility.md.
 */
export const fluxContract: SystemContract = systemContract(
  { name: "flux", contexts: [{ treaties: everyTreaty }] },
  [
    { name: "gateway", messages: [topUp] },
    {
      name: "subscription",
      // What others ask for is decided here but published by whoever asks.
      messages: [
        ...subscriptionCommands.filter(({ type }) => type !== topUp.type && type !== followEntitlement.type),
        reportRefusal,
        ...subscriptionFacts,
        ...quotaShareCommands,
        ...quotaShareFacts,
      ],
    },
    {
      name: "entitlement",
      messages: [
        ...entitlementCommands,
        followEntitlement,
        ...entitlementFacts,
        ...supportCaseFacts,
        ...prospectFacts,
      ],
    },
    { name: "ledger", messages: [...ledgerCommands, ...ledgerWishes, ...ledgerFacts] },
    {
      name: "request",
      messages: [
        ...without(requestCommands, [topUp, reportRefusal, ...ledgerWishes]),
        ...requestWishes,
        ...requestFacts,
      ],
    },
  ],
);

/** Documents drawn from all this, committed; a folder's URL. Written by `entente docs flux`. */
export const fluxDocs = new URL("../docs/", import.meta.url);

/** The committed promise; a file URL. */
export const fluxSnapshot = new URL("../contracts.snapshot.json", import.meta.url);
