import type { RunningSimulator, SimulatorOptions } from "./control/start-simulator.ts";

export type StartSimulator = (options?: SimulatorOptions) => Promise<RunningSimulator>;

/** Every simulator by its name; each is loaded only when it is started. */
export const simulators = {
  // Money: Stripe's interface.
  payments: async () => (await import("./payments/start-payments.ts")).startPayments,
  // Customers and entitlements: Salesforce's interfaces.
  salesforce: async () => (await import("./salesforce/start-salesforce.ts")).startSalesforce,
  // The ledger: SAP's interfaces.
  sap: async () => (await import("./sap/start-sap.ts")).startSap,
} as const satisfies Readonly<Record<string, () => Promise<StartSimulator>>>;

export type SimulatorName = keyof typeof simulators;

export function isSimulatorName(name: string): name is SimulatorName {
  return Object.hasOwn(simulators, name);
}
