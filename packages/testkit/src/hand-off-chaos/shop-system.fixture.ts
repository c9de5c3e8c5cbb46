/** A shop that takes payments one by one, and posts to the ledger in batches. */
import type { Outside, SystemDefinition } from "@entente/core";
import { simulatedLedger } from "../simulated/ledger-treaty.ts";
import { simulatedPayments } from "../simulated/payments-treaty.ts";

export interface ShopOptions {
  readonly name: string;
  readonly paymentsUrl: string;
  readonly ledgerUrl: string;
  readonly callbackSecret: string;
  readonly leaving?: (on: boolean) => void;
}

export const rowsTogether = 10;

export function shopSystem(options: ShopOptions): { definition: SystemDefinition; outside: Outside } {
  const { name, paymentsUrl, ledgerUrl, callbackSecret, leaving } = options;
  const treaties = [
    simulatedPayments({ url: paymentsUrl, limits: { concurrency: 32 } }),
    // One posting at a time: what is said about bytes on their way holds for all of them.
    simulatedLedger({
      url: ledgerUrl,
      rowsAllowed: rowsTogether,
      limits: { concurrency: 1 },
      ...(leaving === undefined ? {} : { leaving }),
    }),
  ];
  const secrets: Readonly<Record<string, string>> = {
    token: "sk_test_entente",
    "callback-secret": callbackSecret,
    password: "entente-dev-1",
  };
  return {
    definition: {
      name,
      contexts: [
        { name: "front", intake: { processes: [], factsFrom: ["shop"] } },
        { name: "shop", treaties },
      ],
    },
    outside: {
      secret: (_treaty, secret) => secrets[secret] ?? "",
      egress: Object.fromEntries(
        treaties.map((treaty) => [treaty.name, { privateRanges: ["127.0.0.0/8", "::1/128"] }]),
      ),
    },
  };
}
