import type { System } from "@entente/core";
import { openAccount } from "../contexts/subscription/contract/open-account.ts";
import { registerCondenser } from "../contexts/subscription/contract/register-condenser.ts";

/** The demo tenant and how many accounts it has: acct-0001 … acct-1000, each with condenser car-0001 … car-1000. */
export const demoTenant = "demo";
export const demoAccounts = 1_000;

/** `acct-0001` for 1. */
export function demoAccountId(n: number): string {
  return `acct-${String(n).padStart(4, "0")}`;
}

/** `car-0001` for 1. */
export function demoCondenserId(n: number): string {
  return `car-${String(n).padStart(4, "0")}`;
}

/**
 * Opens the demo accounts and registers their condensers, by ordinary commands with fixed idempotency keys:
 * a second start finds them accepted and changes nothing.
 */
export async function seedDemoData(system: System, accounts = demoAccounts): Promise<void> {
  const submissions: Promise<unknown>[] = [];
  for (let n = 1; n <= accounts; n++) {
    const accountId = demoAccountId(n);
    const customerId = `cust-${String(n).padStart(4, "0")}`;
    const common = {
      target: "subscription",
      tenantId: demoTenant,
      key: accountId,
      customerId,
    };
    submissions.push(
      system.accept({
        ...common,
        type: openAccount.type,
        schemaVersion: openAccount.schemaVersion,
        caller: "demo-data",
        idempotencyKey: `open ${accountId}`,
        traceparent: null,
        data: { accountId, customerId, planId: "commuter", timeZone: "Europe/Madrid", currency: "EUR" },
      }),
      system.accept({
        ...common,
        type: registerCondenser.type,
        schemaVersion: registerCondenser.schemaVersion,
        caller: "demo-data",
        idempotencyKey: `register ${accountId}`,
        traceparent: null,
        data: { condenserId: demoCondenserId(n), model: "car" },
      }),
    );
  }
  await Promise.all(submissions);
}
