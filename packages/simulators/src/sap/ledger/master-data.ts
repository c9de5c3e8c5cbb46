/** What must exist before anything can be posted: company codes, accounts, customers, suppliers. */

export interface Company {
  readonly name: string;
  readonly currency: string;
}

export interface MasterData {
  readonly chartOfAccounts: string;
  readonly companies: Map<string, Company>;
  /** Name by account number of ten digits. Shared by all company codes. */
  readonly accounts: Map<string, string>;
  /** Customers and suppliers by number, extended to all company codes. */
  readonly customers: Set<string>;
  readonly suppliers: Set<string>;
  readonly customersAccount: string;
  readonly suppliersAccount: string;
}

const demoAccounts: Readonly<Record<string, string>> = {
  "11001000": "Bank 1",
  "11002000": "Payment provider clearing",
  "12100000": "Receivables, domestic",
  "21100000": "Payables, domestic",
  "22000000": "Output tax",
  "23100000": "Prepaid credit of customers",
  "23200000": "Quota owed to customers",
  "41000000": "Revenue, energy",
  "41100000": "Revenue, pay as you go",
  "44000000": "Goodwill credits",
};

export const demoCustomers = 1_000;

/** Number of the n-th demonstration customer, from 1. */
export function demoCustomer(n: number): string {
  return alpha(String(1_000_000 + n));
}

export function demoMasterData(): MasterData {
  return {
    chartOfAccounts: "YCOA",
    companies: new Map([
      ["1010", { name: "Flux Energy Europe", currency: "EUR" }],
      ["1710", { name: "Flux Energy America", currency: "USD" }],
    ]),
    accounts: new Map(Object.entries(demoAccounts).map(([number, name]) => [alpha(number), name])),
    customers: new Set(Array.from({ length: demoCustomers }, (_, i) => demoCustomer(i + 1))),
    suppliers: new Set([alpha("2000001"), alpha("2000002")]),
    customersAccount: alpha("12100000"),
    suppliersAccount: alpha("21100000"),
  };
}

const digits = /^\d{1,9}$/;

/** SAP's conversion of numbers on the way in: digits are filled up to ten with zeros, anything else stays. */
export function alpha(number: string): string {
  return digits.test(number) ? number.padStart(10, "0") : number;
}
