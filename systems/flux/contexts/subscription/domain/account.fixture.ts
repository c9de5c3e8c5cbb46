import type { DecisionContext, Entry, Fact, JsonObject } from "@entente/core/model";
import type { AccountOpened } from "../contract/account-opened.ts";
import type { BalanceDebited } from "../contract/balance-debited.ts";
import type { CycleStarted } from "../contract/cycle-started.ts";
import type { UndoQuotaDebit } from "../contract/undo-quota-debit.ts";
import type { UndoTopUp } from "../contract/undo-top-up.ts";

/** Test material: one commuter account in Madrid, in its cycle of November 2026. Loaded by tests only. */

export const accountId = "acct-0001";
export const customerId = "cust-0001";
/** 10 November 2026, 11:00 in Madrid. */
export const noon = Date.parse("2026-11-10T10:00:00Z");
export const novemberStart = Date.parse("2026-10-31T23:00:00Z");
export const decemberStart = Date.parse("2026-11-30T23:00:00Z");
export const januaryStart = Date.parse("2026-12-31T23:00:00Z");

export const opened: Fact<AccountOpened> = {
  type: "flux.account-opened",
  data: {
    accountId,
    customerId,
    planId: "commuter",
    monthlyQuotaUnits: 100,
    monthlyPriceMinor: 1_900,
    onDemandUnitPriceMinor: 25,
    timeZone: "Europe/Madrid",
    currency: "EUR",
  },
  customerId,
};

export const november: Fact<CycleStarted> = cycle("2026-11", novemberStart, decemberStart);
export const december: Fact<CycleStarted> = cycle("2026-12", decemberStart, januaryStart);

export const registered: Fact = {
  type: "flux.condenser-registered",
  data: { accountId, condenserId: "car-0001", model: "car" },
  customerId,
};

/** The account most tests begin with: open, one car, full quota of 100. */
export const running: readonly Fact[] = [opened, november, registered];

/** A command for the account, asked for at noon unless told otherwise. */
export function command(type: string, data: JsonObject = {}, occurredAt: number = noon): Entry {
  return {
    id: "0199f0e2-0000-7000-8000-000000000001",
    kind: "command",
    type,
    schemaVersion: "1.0.0",
    source: "gateway",
    target: "subscription",
    tenantId: "demo",
    key: accountId,
    keyVersion: null,
    processId: processId(1),
    correlationId: processId(1),
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt,
    data: { accountId, ...data },
    position: { xid: "1", seq: "1" },
    lane: 0,
  };
}

export function topUpOf(units: number, occurredAt: number = noon): Entry {
  return command("flux.top-up", { condenserId: "car-0001", units }, occurredAt);
}

/** The undo of a debit, its figures copied from the debit's fact as a compensator does; `wrong` ones replace them. */
export function undoOf(debited: BalanceDebited, wrong: Partial<UndoQuotaDebit["debit"]> = {}): Entry {
  const { processId, cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor } = debited;
  const debit = { cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor, ...wrong };
  return command("flux.undo-quota-debit", { processId, reasonCode: "delivery-failed", debit });
}

/** An operator's undo of what was debited, its figures copied as the edge does; nothing was charged unless said. */
export function orderOf(debited: BalanceDebited, over: Partial<UndoTopUp> = {}): Entry {
  const { processId: undoneProcessId, cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor } = debited;
  return command("flux.undo-top-up", {
    undoneProcessId,
    debitId: processId(101),
    debit: { cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor },
    charge: null,
    by: "olga",
    why: "ticket 4711",
    ...over,
  });
}

/** Context of the n-th process, at noon unless told otherwise. */
export function inProcess(n: number, now: number = noon): DecisionContext {
  return {
    now,
    tenantId: "demo",
    key: accountId,
    processId: processId(n),
    commandId: `0199f0e2-0000-7000-8000-${hex(n)}`,
    version: n,
  };
}

/** Process ids that sort by n, as UUIDv7 sort by time. */
export function processId(n: number): string {
  return `0199f0e2-7a3b-7c4d-8e5f-${hex(n)}`;
}

function hex(n: number): string {
  return n.toString(16).padStart(12, "0");
}

function cycle(month: string, startsAt: number, endsAt: number): Fact<CycleStarted> {
  const data: CycleStarted = {
    accountId,
    planId: "commuter",
    cycle: month,
    startsAt,
    endsAt,
    quotaUnits: 100,
    onDemandUnitPriceMinor: 25,
    planInvoice: { lineId: `${accountId}:${month}:plan`, amountMinor: 1_900, currency: "EUR" },
  };
  return { type: "flux.cycle-started", data, customerId };
}
