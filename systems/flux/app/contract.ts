import type { SystemContract } from "@entente/core";
import {
  entitlementCommands,
  entitlementFacts,
} from "../contexts/entitlement/contract/published-language.ts";
import { topUp } from "../contexts/gateway/contract/top-up.ts";
import {
  subscriptionCommands,
  subscriptionFacts,
} from "../contexts/subscription/contract/published-language.ts";
import { paymentsTreaty } from "../treaties/payments/payments-treaty.ts";
import { termsOf } from "./treaty-terms.ts";

/**
 * Everything Flux promises. What of it may change, and how, is checked against `contracts.snapshot.json` beside this
 * system's package: docs/reference/contract-compatibility.md.
 */
export const fluxContract: SystemContract = {
  system: "flux",
  contexts: [
    { name: "gateway", messages: [topUp] },
    {
      name: "subscription",
      // The top-up is decided here but published by the gateway.
      messages: [
        ...subscriptionCommands.filter((command) => command.type !== topUp.type),
        ...subscriptionFacts,
      ],
    },
    { name: "entitlement", messages: [...entitlementCommands, ...entitlementFacts] },
  ],
  // What is promised does not depend on where the counterparty is.
  treaties: [
    termsOf(paymentsTreaty({ url: "https://payments.example", payerOf: () => null, charging: { from: 0 } })),
  ],
};

/** The committed promise; a file URL. */
export const fluxSnapshot = new URL("../contracts.snapshot.json", import.meta.url);
