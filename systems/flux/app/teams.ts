import { symptomNames } from "@entente/core";

const platform = "Integration Platform";
const subscription = "Subscription";

/**
 * Which team owns what of Flux, one team each: contexts, the systems outside, and the pages that customers suffering sends. Treaties
 * name theirs in their runbooks.
 */
export const fluxTeams = {
  contexts: {
    gateway: "Mobile App & BFF",
    subscription,
    ledger: platform,
    entitlement: platform,
    request: platform,
  },
  counterparties: { payments: "Payment provider", salesforce: "Salesforce CRM", sap: "SAP Core" },
  // What customers' applications call is the front's; what operators, auditors and machines call is not.
  operations: {
    operations: platform,
    audit: platform,
    status: platform,
    journals: platform,
    treaties: platform,
  },
  incidents: { team: platform, alerts: symptomNames.length },
} as const;
