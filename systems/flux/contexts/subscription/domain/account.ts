import type { Fact } from "@entente/core/model";
import { type AccountOpened, accountOpened } from "../contract/account-opened.ts";
import { type BalanceDebited, balanceDebited } from "../contract/balance-debited.ts";
import { type CondenserRegistered, condenserRegistered } from "../contract/condenser-registered.ts";
import { type CycleStarted, cycleStarted } from "../contract/cycle-started.ts";
import {
  type EntitlementFollowed,
  type EntitlementNoted,
  entitlementFollowed,
  entitlementNoted,
} from "../contract/entitlement-followed.ts";
import { type TopUpPaidBack, topUpPaidBack } from "../contract/pay-back.ts";
import { type PlanChanged, planChanged } from "../contract/plan-changed.ts";
import { type QuotaDebitUndone, quotaDebitUndone } from "../contract/quota-debit-undone.ts";
import {
  type QuotaAnswered,
  type QuotaAsked,
  type QuotaReturned,
  quotaAnswered,
  quotaAsked,
  quotaLent,
  quotaRecalled,
  quotaReturned,
} from "../contract/quota-keeper.ts";
import { topUpRefunded, topUpRefundFailed } from "../contract/refund.ts";
import type { PlanTerms } from "./plan.ts";
import { type ReturnedCharge, type ReturnedCharges, rememberReturn } from "./returned-charges.ts";
import { rememberUndo, type UndoneDebits } from "./undone-debits.ts";

/** The running cycle and its balance. Units: whole credits; money in minor units of the account's currency. */
export interface RunningCycle {
  /** `2026-11`; "" only between the two facts that open an account. */
  readonly month: string;
  /** Epoch milliseconds, exclusive. Kept here so that a debit needs no calendar. */
  readonly endsAt: number;
  readonly quotaUnits: number;
  readonly onDemandUnitPriceMinor: number;
  /** 0..quotaUnits. */
  readonly quotaRemaining: number;
  /** Units delivered in this cycle, whatever paid for them. */
  readonly usedUnits: number;
  /** Charged on demand in this cycle. */
  readonly onDemandMinor: number;
  /** Units taken beyond a quota that has become smaller meanwhile; absent: none. They are given back before quota is. */
  readonly overdrawnUnits?: number;
}

/** What the authority for entitlements last said of the account. */
export interface Entitled {
  /** Null: it has none any more. */
  readonly planId: string | null;
  readonly monthlyQuotaUnits: number;
  readonly isActive: boolean;
}

/** Who decides the quota, of an account whose quota was lent to the books: docs/decisions/0024-quota-moves-by-share.md. */
export interface Keeper {
  /** `leaving`: the books do, and are asked to stop. */
  readonly at: "books" | "leaving" | "here";
  /** Units that the books are asked about and have not answered. */
  readonly askedUnits: number;
  /** Units that undos gave back since the recall. */
  readonly restoredUnits: number;
}

export interface UnopenedAccount {
  readonly opened: false;
  readonly entitled?: Entitled;
}

/**
 * Stored as JSON and rewritten at every debit, so nothing in it grows with debits: under 0.4 kB for most accounts,
 * 39 bytes more per remembered undo, 71 per charge that went back (measured in account.unit.test.ts).
 */
export interface OpenAccountState {
  readonly opened: true;
  readonly customerId: string;
  readonly timeZone: string;
  readonly currency: string;
  /** Terms of the next cycle; the running cycle keeps those it started with. */
  readonly plan: PlanTerms;
  readonly condensers: readonly string[];
  readonly cycle: RunningCycle;
  readonly undone: UndoneDebits;
  /** Absent: no charge of it ever had to go back. */
  readonly returnedCharges?: ReturnedCharges;
  /** Absent: no authority has ever spoken of it, and the plan is agreed here. */
  readonly entitled?: Entitled;
  /** Absent: its quota was never anybody else's to decide. */
  readonly keeper?: Keeper;
}

export type AccountState = UnopenedAccount | OpenAccountState;

export const unopenedAccount: AccountState = { opened: false };

/**
 * The account after a fact. Pure and total: a fact it does not know, or one about an account never opened, changes nothing.
 * Balances are taken from the fact, not computed again, so that a replay years later cannot disagree with what was published.
 */
export function evolve(state: AccountState, fact: Pick<Fact, "type" | "data">): AccountState {
  if (!state.opened) return beforeOpening(state, fact);
  switch (fact.type) {
    case balanceDebited.type:
      return withBalance(state, fact.data as BalanceDebited);
    case quotaDebitUndone.type:
      return afterUndo(state, fact.data as QuotaDebitUndone);
    case topUpRefunded.type:
      return withReturn(state, fact, "refunded");
    case topUpRefundFailed.type:
      return withReturn(state, fact, "sent-back");
    case topUpPaidBack.type:
      return withReturn(state, fact, "paid-back");
    case cycleStarted.type:
      return inCycle(state, fact.data as CycleStarted);
    case condenserRegistered.type: {
      const { condenserId } = fact.data as CondenserRegistered;
      return { ...state, condensers: [...state.condensers, condenserId] };
    }
    case planChanged.type:
      return { ...state, plan: termsOf(fact.data as PlanChanged) };
    case entitlementFollowed.type:
      return entitledTo(state, fact.data as EntitlementFollowed);
    case quotaLent.type:
      return { ...state, keeper: { at: "books", askedUnits: 0, restoredUnits: 0 } };
    case quotaRecalled.type:
      return withKeeper(state, { at: "leaving", restoredUnits: 0 });
    case quotaAsked.type:
      return withKeeper(state, { askedUnits: askedOf(state) + (fact.data as QuotaAsked).units });
    case quotaAnswered.type:
      return withKeeper(state, { askedUnits: askedOf(state) - (fact.data as QuotaAnswered).units });
    case quotaReturned.type:
      return returned(state, fact.data as QuotaReturned);
    default:
      return state;
  }
}

const askedOf = ({ keeper }: OpenAccountState): number => keeper?.askedUnits ?? 0;

function withKeeper(state: OpenAccountState, change: Partial<Keeper>): OpenAccountState {
  return state.keeper === undefined ? state : { ...state, keeper: { ...state.keeper, ...change } };
}

function returned(state: OpenAccountState, data: QuotaReturned): OpenAccountState {
  const { overdrawnUnits: _before, ...cycle } = state.cycle;
  const { quotaRemaining, overdrawnUnits } = data;
  const after = { ...cycle, quotaRemaining, ...(overdrawnUnits === 0 ? {} : { overdrawnUnits }) };
  return withKeeper({ ...state, cycle: after }, { at: "here", restoredUnits: 0 });
}

function beforeOpening(state: UnopenedAccount, fact: Pick<Fact, "type" | "data">): AccountState {
  if (fact.type === accountOpened.type) return openedAccount(fact.data as AccountOpened);
  if (fact.type !== entitlementNoted.type) return state;
  return { ...state, entitled: entitledOf(fact.data as EntitlementNoted) };
}

function entitledOf({ planId, monthlyQuotaUnits, isActive }: Entitled): Entitled {
  return { planId, monthlyQuotaUnits, isActive };
}

function entitledTo(state: OpenAccountState, data: EntitlementFollowed): OpenAccountState {
  const { monthlyQuotaUnits, monthlyPriceMinor, onDemandUnitPriceMinor } = data;
  const { quotaUnits, quotaRemaining, overdrawnUnits, usedUnits, onDemandMinor } = data;
  const planId = data.planId ?? state.plan.planId;
  const plan = { planId, monthlyQuotaUnits, monthlyPriceMinor, onDemandUnitPriceMinor };
  const figures = { quotaUnits, quotaRemaining, usedUnits, onDemandMinor };
  const { overdrawnUnits: _before, ...cycle } = state.cycle;
  const after = { ...cycle, ...figures, ...(overdrawnUnits === 0 ? {} : { overdrawnUnits }) };
  return { ...state, plan, cycle: after, entitled: entitledOf(data) };
}

function openedAccount(data: AccountOpened): OpenAccountState {
  return {
    opened: true,
    customerId: data.customerId,
    timeZone: data.timeZone,
    currency: data.currency,
    plan: termsOf(data),
    condensers: [],
    // No cycle yet: it follows in the same decision. Until then there is no quota and no end.
    cycle: {
      month: "",
      endsAt: Number.MAX_SAFE_INTEGER,
      quotaUnits: 0,
      onDemandUnitPriceMinor: data.onDemandUnitPriceMinor,
      quotaRemaining: 0,
      usedUnits: 0,
      onDemandMinor: 0,
    },
    undone: [],
  };
}

function termsOf(data: AccountOpened | PlanChanged): PlanTerms {
  return {
    planId: data.planId,
    monthlyQuotaUnits: data.monthlyQuotaUnits,
    monthlyPriceMinor: data.monthlyPriceMinor,
    onDemandUnitPriceMinor: data.onDemandUnitPriceMinor,
  };
}

function inCycle(state: OpenAccountState, data: CycleStarted): OpenAccountState {
  const cycle: RunningCycle = {
    month: data.cycle,
    endsAt: data.endsAt,
    quotaUnits: data.quotaUnits,
    onDemandUnitPriceMinor: data.onDemandUnitPriceMinor,
    quotaRemaining: data.quotaUnits,
    usedUnits: 0,
    onDemandMinor: 0,
  };
  return { ...state, cycle };
}

function afterUndo(state: OpenAccountState, data: QuotaDebitUndone): OpenAccountState {
  const { overdrawnUnits = 0, ...cycle } = state.cycle;
  const overdrawn = Math.max(0, overdrawnUnits - data.restoredToQuota);
  const before = { ...state, cycle: overdrawn === 0 ? cycle : { ...cycle, overdrawnUnits: overdrawn } };
  const undone = { ...withBalance(before, data), undone: rememberUndo(state.undone, data.undoneProcessId) };
  const { keeper } = state;
  if (keeper?.at !== "leaving") return undone;
  return withKeeper(undone, { restoredUnits: keeper.restoredUnits + data.restoredToQuota });
}

/** Each of these facts names the top-up's process. */
function withReturn(
  state: OpenAccountState,
  { data }: Pick<Fact, "data">,
  how: ReturnedCharge["how"],
): OpenAccountState {
  const { processId } = data as Pick<TopUpPaidBack, "processId">;
  return { ...state, returnedCharges: rememberReturn(state.returnedCharges, processId, how) };
}

function withBalance(state: OpenAccountState, after: BalanceDebited | QuotaDebitUndone): OpenAccountState {
  const { quotaRemaining, usedUnits, onDemandMinor } = after;
  return { ...state, cycle: { ...state.cycle, quotaRemaining, usedUnits, onDemandMinor } };
}
