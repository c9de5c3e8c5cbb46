import type { Outside, Treaty } from "@entente/core";
import { journalEntryOf } from "../contexts/ledger/domain/journal-entry-of.ts";
import type { Charging } from "../contexts/subscription/contract/charge.ts";
import { demoPayers, type PayerOf, type PayerTable, payersFrom } from "../treaties/payments/payers.ts";
import { paymentsTreaty } from "../treaties/payments/payments-treaty.ts";
import { refundTreaty } from "../treaties/payments/refund-treaty.ts";
import { changeEntitlement } from "../treaties/salesforce-entitlement/change-entitlement.ts";
import { convertLead } from "../treaties/salesforce-entitlement/convert-lead.ts";
import { entitlementChanges } from "../treaties/salesforce-entitlement/entitlement-changes.ts";
import { entitlementNow } from "../treaties/salesforce-entitlement/entitlement-now.ts";
import { openCase } from "../treaties/salesforce-entitlement/open-case.ts";
import type { SalesforceOrg } from "../treaties/salesforce-entitlement/salesforce-org.ts";
import { closeRequest } from "../treaties/salesforce-top-up/close-request.ts";
import { recordRequest } from "../treaties/salesforce-top-up/record-request.ts";
import { requestFeed } from "../treaties/salesforce-top-up/request-feed.ts";
import {
  type CompanyCodeOf,
  companyCodesFrom,
  demoCompanyCodes,
} from "../treaties/sap-ledger/company-codes.ts";
import { ledgerOfOthers, postingOfRequests } from "../treaties/sap-ledger/crossing.ts";
import { sapLedger } from "../treaties/sap-ledger/sap-ledger.ts";
import { sapPosting } from "../treaties/sap-ledger/sap-posting.ts";
import { sapQuota } from "../treaties/sap-quota/sap-quota.ts";
import { hasStageA, type Stage, stages } from "./stage.ts";

/** Systems outside ours that Flux knows how to deal with. */
export const counterpartyNames = ["payments", "salesforce", "sap"] as const;
export type CounterpartyName = (typeof counterpartyNames)[number];

/** One of them, as far as a treaty has to know it. Secrets are not in here: they are asked for when they are used (`Outside`). */
export interface Counterparty {
  /** `https://host[:port]`, without a path. */
  readonly url: string;
  /** Epoch milliseconds, business time: what happened before is none of its business (default: nothing is too old). */
  readonly from?: number;
  /** Whose system it is, where it is one tenant's alone, as an org of Salesforce is; another tenant's data never reaches it. */
  readonly tenantId?: string;
  /** SAP: it decided quotas, and they are being moved to the subscription: docs/decisions/0024-quota-moves-by-share.md. */
  readonly keepsQuota?: boolean;
  /** Payments: who pays, by tenant; a tenant that is not in it has nobody (default: the demo tenant's). */
  readonly payers?: Readonly<Record<string, PayerTable>>;
  /** SAP: company codes by tenant; of a tenant that is not in it nothing is posted (default: the demo tenant's). */
  readonly companyCodes?: Readonly<Record<string, string>>;
  /** What it allows in a day, where that was agreed otherwise than usual. */
  readonly callsPerDay?: number;
  readonly eventsPerDay?: number;
}

/** Those that are there. With one that is missing Flux has no treaty. */
export type Counterparties = Readonly<Partial<Record<CounterpartyName, Counterparty>>>;

/** A treaty's place: with whom it is, and which context owns what it asks for. */
export interface PlacedTreaty {
  readonly with: CounterpartyName;
  readonly context: string;
  /** Stages of Flux that it belongs to (default: every one). */
  readonly stages?: readonly Stage[];
  /** False: not with this counterparty (default: with any). */
  applies?(counterparty: Counterparty): boolean;
  /** Pure. */
  declare(counterparty: Counterparty): Treaty;
}

const inA = stages.filter(hasStageA);

/** Every treaty of Flux, one line each. */
export const placedTreaties: readonly PlacedTreaty[] = [
  {
    with: "sap",
    context: "ledger",
    stages: ["B"],
    declare: (sap) => sapLedger(sap.url, journalEntryOf, companyCodesOf(sap)),
  },
  {
    with: "sap",
    context: "ledger",
    stages: ["A"],
    declare: (sap) => sapPosting(sap.url, journalEntryOf, companyCodesOf(sap)),
  },
  {
    with: "sap",
    context: "ledger",
    stages: ["A-to-B"],
    declare: (sap) => postingOfRequests(sapPosting(sap.url, journalEntryOf, companyCodesOf(sap))),
  },
  {
    with: "sap",
    context: "ledger",
    stages: ["A-to-B"],
    declare: (sap) => ledgerOfOthers(sapLedger(sap.url, journalEntryOf, companyCodesOf(sap))),
  },
  {
    with: "sap",
    context: "subscription",
    stages: ["B"],
    applies: ({ keepsQuota }) => keepsQuota === true,
    declare: ({ url }) => sapQuota(url),
  },
  {
    with: "payments",
    context: "subscription",
    stages: ["B"],
    declare: (payments) =>
      paymentsTreaty({ url: payments.url, payerOf: payersOf(payments), charging: chargingOf(payments) }),
  },
  { with: "payments", context: "subscription", stages: ["B"], declare: ({ url }) => refundTreaty({ url }) },
  { with: "salesforce", context: "entitlement", declare: (one) => changeEntitlement(orgOf(one)) },
  { with: "salesforce", context: "entitlement", declare: (one) => openCase(orgOf(one)) },
  { with: "salesforce", context: "entitlement", declare: (one) => convertLead(orgOf(one)) },
  { with: "salesforce", context: "entitlement", declare: (one) => entitlementChanges(orgOf(one)) },
  { with: "salesforce", context: "entitlement", declare: (one) => entitlementNow(orgOf(one)) },
  { with: "salesforce", context: "request", stages: inA, declare: (one) => recordRequest(orgOf(one)) },
  { with: "salesforce", context: "request", stages: inA, declare: (one) => requestFeed(orgOf(one)) },
  { with: "salesforce", context: "request", stages: inA, declare: (one) => closeRequest(orgOf(one)) },
];

/** Errors: thrown without a tenant: an org that is nobody's would be shown to everybody. */
function orgOf({ url: origin, tenantId, callsPerDay, eventsPerDay }: Counterparty): SalesforceOrg {
  if (tenantId === undefined) throw new Error("whose org of Salesforce it is was not said");
  return {
    origin,
    tenantId,
    ...(callsPerDay === undefined ? {} : { callsPerDay }),
    ...(eventsPerDay === undefined ? {} : { eventsPerDay }),
  };
}

function payersOf({ payers }: Counterparty): PayerOf {
  return payers === undefined ? demoPayers : payersFrom(payers);
}

function companyCodesOf({ companyCodes = demoCompanyCodes }: Counterparty): CompanyCodeOf {
  return companyCodesFrom(companyCodes);
}

/** Which debits are charged. Treaty and process view must agree, or a top-up would wait for a charge that nobody makes. */
export function chargingOf({ from = 0 }: Counterparty): Charging {
  return { from };
}

export interface DeclaredTreaty {
  readonly with: CounterpartyName;
  readonly context: string;
  readonly treaty: Treaty;
}

export function treatiesWith(counterparties: Counterparties, stage: Stage = "B"): readonly DeclaredTreaty[] {
  return placedTreaties.flatMap((placed) => {
    if (placed.stages !== undefined && !placed.stages.includes(stage)) return [];
    const counterparty = counterparties[placed.with];
    return counterparty === undefined || placed.applies?.(counterparty) === false
      ? []
      : [{ with: placed.with, context: placed.context, treaty: placed.declare(counterparty) }];
  });
}

/** Gives the present value of a secret, such as `password` of `sap`; undefined: there is none. */
export type SecretOf = (counterparty: CounterpartyName, name: string) => string | undefined;

/**
 * What Flux's treaties reach the outside with. Each may connect to the host of its own counterparty and nowhere else.
 * `privateRanges`: ranges in CIDR notation that may be reached although they are not public.
 */
export function fluxOutside(
  counterparties: Counterparties,
  secretOf: SecretOf,
  privateRanges: readonly string[] = [],
  stage: Stage = "B",
): Pick<Outside, "secret" | "egress"> {
  const declared = new Map(treatiesWith(counterparties, stage).map((one) => [one.treaty.name, one.with]));
  const hostOf = (name: CounterpartyName): string => new URL(counterparties[name]?.url ?? "").hostname;
  return {
    secret: (treaty, name) => {
      const counterparty = declared.get(treaty);
      // The engine makes `credential-unknown` of a secret that nobody gave.
      return (counterparty === undefined ? undefined : secretOf(counterparty, name)) as string;
    },
    egress: Object.fromEntries(
      [...declared].map(([treaty, name]) => [treaty, { hosts: [hostOf(name)], privateRanges }]),
    ),
  };
}
