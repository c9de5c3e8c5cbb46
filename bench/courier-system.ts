/** What the courier benchmark runs: entries to a ledger in batches, payments one by one, and payments to a slow counterparty. */
import type { Outside, SystemDefinition } from "@entente/core";
import { simulatedLedger, simulatedPayments } from "@entente/testkit";

/** Origins of the simulators. */
export type Simulators = { ledger: string; fast: string; slow: string };

export const courierSystemName = "entente_courier";
export const rowsTogether = 500;
export const concurrency = 64;

/** A day passes for nothing here: what is late is late by the counterparty, not by our patience. */
const times = {
  answerWithinMs: 30_000,
  inFlightMs: 60_000,
  reconcileEveryMs: 600_000,
  resultWithinMs: 600_000,
};
const limits = { concurrency, ratePerSecond: 100_000 };

export function courierSystem(simulators: Simulators): { definition: SystemDefinition; outside: Outside } {
  const treaties = [
    simulatedLedger({
      url: simulators.ledger,
      rowsAllowed: rowsTogether,
      times,
      limits: { concurrency: 8, ratePerSecond: 100_000 },
    }),
    simulatedPayments({ url: simulators.fast, times, limits }),
    simulatedPayments({ url: simulators.slow, target: "slow", fact: "shop.paid-slowly", times, limits }),
  ];
  return {
    definition: {
      name: courierSystemName,
      contexts: [
        { name: "front", intake: { processes: [], factsFrom: ["shop"] } },
        { name: "shop", treaties },
      ],
    },
    outside: {
      secret: (_treaty, name) => (name === "password" ? "entente-dev-1" : "sk_test_entente"),
      egress: Object.fromEntries(
        treaties.map((treaty) => [treaty.name, { privateRanges: ["127.0.0.0/8", "::1/128"] }]),
      ),
    },
  };
}
