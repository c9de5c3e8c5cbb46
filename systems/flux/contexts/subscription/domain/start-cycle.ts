import {
  type Decision,
  type DecisionContext,
  type Entry,
  type Fact,
  Failure,
  type Timer,
} from "@entente/core/model";
import { type CycleStarted, cycleStarted } from "../contract/cycle-started.ts";
import { cycleTimerName, startCycle } from "../contract/start-cycle.ts";
import { evolve, type OpenAccountState } from "./account.ts";
import { type CycleSpan, cycleAfter } from "./billing-cycle.ts";

/**
 * Most cycles one decision starts: ten years. After longer silence the timer is due again at once and the next decision
 * goes on, so that no decision grows without bound with the length of an outage.
 */
export const cyclesPerDecision = 120;

/** Cycles started by a decision: their facts, the account after them, and the timer for the next one. */
export interface StartedCycles {
  readonly facts: readonly Fact[];
  readonly account: OpenAccountState;
  readonly timer: Timer;
}

/**
 * Decides `flux.start-cycle`: starts each cycle that has become due, in order, each with its own invoice line.
 * Guarantees: a repeated or early command records nothing and only sets the timer again, so no cycle is billed twice.
 */
export function decideStartCycle(account: OpenAccountState, context: DecisionContext): Decision {
  const { facts, timer } = startDueCycles(account, context.key, context.now);
  return { facts, timers: [timer] };
}

/** Starts, at most `cyclesPerDecision`, every cycle due at `at` (epoch milliseconds, business time). */
export function startDueCycles(account: OpenAccountState, accountId: string, at: number): StartedCycles {
  const facts: Fact[] = [];
  let current = account;
  while (at >= current.cycle.endsAt && facts.length < cyclesPerDecision) {
    const span = cycleAfter(current.cycle.month, current.cycle.endsAt, current.timeZone);
    const fact = cycleFact(current, accountId, span);
    facts.push(fact);
    current = evolve(current, fact) as OpenAccountState;
  }
  return { facts, account: current, timer: cycleTimer(accountId, current.cycle.endsAt) };
}

/**
 * For commands that need the cycle of the moment they were asked for: starts what was due by then.
 * Never ahead of business time, even when a clock was set back after the command was accepted.
 * Errors: Failure `cycles-behind` (unavailable) when more than `cyclesPerDecision` are due; the timer catches up meanwhile.
 */
export function startCyclesDueFor(
  account: OpenAccountState,
  command: Entry,
  context: DecisionContext,
): StartedCycles {
  const at = Math.min(command.occurredAt, context.now);
  const started = startDueCycles(account, context.key, at);
  if (at >= started.account.cycle.endsAt) {
    throw new Failure("unavailable", "cycles-behind", "Missed billing cycles are still being started.");
  }
  return started;
}

/** The fact that starts `span` on the account's plan terms: one fresh quota, one advance invoice line. */
export function cycleFact(account: OpenAccountState, accountId: string, span: CycleSpan): Fact {
  const { plan, currency, customerId } = account;
  const data: CycleStarted = {
    accountId,
    planId: plan.planId,
    cycle: span.month,
    startsAt: span.startsAt,
    endsAt: span.endsAt,
    quotaUnits: plan.monthlyQuotaUnits,
    onDemandUnitPriceMinor: plan.onDemandUnitPriceMinor,
    planInvoice: {
      // From business identity, so that a ledger that sees the fact twice still books one line.
      lineId: `${accountId}:${span.month}:plan`,
      amountMinor: plan.monthlyPriceMinor,
      currency,
    },
  };
  return { type: cycleStarted.type, data, customerId };
}

/** The account's one timer: asks for the next cycle when the running one ends. */
export function cycleTimer(accountId: string, dueAt: number): Timer {
  return { name: cycleTimerName, dueAt, type: startCycle.type, data: { accountId } };
}
