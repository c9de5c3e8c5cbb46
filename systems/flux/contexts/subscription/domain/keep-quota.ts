import { type Decision, type DecisionContext, type Entry, type Fact, Failure } from "@entente/core/model";
import { type BalanceDebited, balanceDebited } from "../contract/balance-debited.ts";
import { onDemandMinorAllowed, unitsPublishedMax } from "../contract/quantities.ts";
import {
  type NoteQuotaAnswer,
  type NoteQuotaReturn,
  type PlaceQuota,
  type QuotaAnswered,
  type QuotaAsked,
  type QuotaLent,
  type QuotaRecalled,
  type QuotaRestored,
  type QuotaReturned,
  quotaAnswered,
  quotaAsked,
  quotaLent,
  quotaRecalled,
  quotaRestored,
  quotaReturned,
} from "../contract/quota-keeper.ts";
import { evolve, type OpenAccountState } from "./account.ts";
import { isInShare } from "./quota-share.ts";
import { refuse, type SubscriptionRefusal } from "./refuse.ts";

/**
 * Who decides an account's quota while that moves from the books to here: docs/decisions/0024-quota-moves-by-share.md.
 *
 * What keeps it in one place is that the books give it up, and not we who take it: between recall and return they still decide, and what they
 * answer with "not here" is decided here after the return, never before.
 */

/** True while the books decide this account's quota, also while they are asked to stop. */
export function isKeptByBooks({ keeper }: OpenAccountState): boolean {
  return keeper !== undefined && keeper.at !== "here";
}

/**
 * Decides `flux.place-quota`: lends the books the quota of an account that was never theirs, or recalls what the share has come to.
 * Anything else is as it should be. An account that opens after the share was moved is decided here, and nobody lends it.
 */
export function decidePlaceQuota(
  account: OpenAccountState,
  command: Entry,
  context: DecisionContext,
): Decision {
  const { sharePercent } = command.data as PlaceQuota;
  const accountId = context.key;
  const { cycle, keeper, customerId } = account;
  if (!isInShare(context.tenantId, accountId, sharePercent)) {
    if (keeper !== undefined) return { facts: [] };
    const data: QuotaLent = { accountId, cycle: cycle.month, takenUnits: takenUnits(account) };
    return { facts: [{ type: quotaLent.type, data, customerId }] };
  }
  if (keeper?.at !== "books") return { facts: [] };
  const data: QuotaRecalled = { accountId, cycle: cycle.month };
  return { facts: [{ type: quotaRecalled.type, data, customerId }] };
}

/** The question to the books instead of a debit. */
export function askFact(
  account: OpenAccountState,
  condenserId: string,
  units: number,
  { key, processId }: DecisionContext,
): Fact {
  const { cycle, keeper, customerId } = account;
  const { quotaUnits, onDemandUnitPriceMinor } = cycle;
  // What is asked about already may all turn out to be on demand: together they must stay within the limit, whatever comes back.
  const free =
    onDemandUnitPriceMinor === 0
      ? unitsPublishedMax
      : Math.floor((onDemandMinorAllowed - cycle.onDemandMinor) / onDemandUnitPriceMinor);
  const onDemandUnitsAllowed = Math.max(0, free - (keeper?.askedUnits ?? 0));
  const data: QuotaAsked = {
    accountId: key,
    processId,
    condenserId,
    units,
    cycle: cycle.month,
    quotaUnits,
    onDemandUnitsAllowed,
    onDemandUnitPriceMinor,
  };
  return { type: quotaAsked.type, data, customerId };
}

/**
 * Decides `flux.note-quota-answer`. `decideHere` decides the top-up by our own rules: called for "not here" alone.
 * Refuses the top-up, with the answer on record: on-demand-limit-reached, quota-unanswered, and whatever `decideHere` refuses.
 * Errors: `quota-not-returned` (unavailable) for "not here" while, for all we know, it is there.
 */
export function decideNoteQuotaAnswer(
  account: OpenAccountState,
  command: Entry,
  decideHere: (account: OpenAccountState, topUp: Entry) => Decision | SubscriptionRefusal,
  refusalType: string,
): Decision {
  const { answer, fundedFromQuota, ...asked } = command.data as NoteQuotaAnswer;
  const { accountId, processId, condenserId, units } = asked;
  const data: QuotaAnswered = { accountId, processId, units, answer, fundedFromQuota };
  const answered: Fact = { type: quotaAnswered.type, data, customerId: account.customerId };
  const after = evolve(account, answered) as OpenAccountState;
  const followedBy = (decision: Decision | SubscriptionRefusal): Decision => {
    if (!("refused" in decision)) return { ...decision, facts: [answered, ...decision.facts] };
    const { code, reason, fields } = decision;
    return { facts: [answered, { type: refusalType, data: { code, reason, ...fields } }] };
  };
  switch (answer) {
    case "taken":
      return followedBy({ facts: [debitAsAnswered(after, asked, fundedFromQuota)] });
    case "exceeded":
      return followedBy(refuse("on-demand-limit-reached", { onDemandMinorAllowed }));
    case "unanswered":
      return followedBy(refuse("quota-unanswered"));
    case "not-here":
      if (isKeptByBooks(account)) {
        throw new Failure(
          "unavailable",
          "quota-not-returned",
          "The books say that they do not decide this quota; they have not returned it.",
        );
      }
      return followedBy(decideHere(after, { ...command, data: { accountId, condenserId, units } }));
  }
}

/** The debit that the books decided; prices are the plan's, and ours. */
function debitAsAnswered(
  account: OpenAccountState,
  { accountId, processId, condenserId, units, cycle: month, onDemandUnitPriceMinor }: QuotaAsked,
  fundedFromQuota: number,
): Fact {
  const { cycle, currency, customerId } = account;
  const fundedOnDemand = units - fundedFromQuota;
  const onDemandAmountMinor = fundedOnDemand * onDemandUnitPriceMinor;
  // A debit of a cycle that ended while they thought leaves the running one as it is.
  const isRunning = month === cycle.month;
  // What they took before they returned the quota is in what they returned.
  const takes = isRunning && isKeptByBooks(account) ? fundedFromQuota : 0;
  const data: BalanceDebited = {
    accountId,
    condenserId,
    processId,
    cycle: month,
    units,
    fundedFromQuota,
    fundedOnDemand,
    onDemandAmountMinor,
    currency,
    quotaRemaining: Math.max(0, cycle.quotaRemaining - takes),
    usedUnits: cycle.usedUnits + (isRunning ? units : 0),
    onDemandMinor: cycle.onDemandMinor + (isRunning ? onDemandAmountMinor : 0),
  };
  return { type: balanceDebited.type, data, customerId };
}

/** What an undo adds where the books keep the quota: they are told of the units. Nothing while they are asked to stop: they may have. */
export function restoredFact(
  { keeper, cycle, customerId }: OpenAccountState,
  accountId: string,
  undoneProcessId: string,
  units: number,
): readonly Fact[] {
  if (keeper?.at !== "books" || units === 0) return [];
  const data: QuotaRestored = { accountId, undoneProcessId, cycle: cycle.month, units };
  return [{ type: quotaRestored.type, data, customerId }];
}

/** Decides `flux.note-quota-return`: their figures are taken as they are, less what was given back here since the recall. */
export function decideNoteQuotaReturn(account: OpenAccountState, command: Entry): Decision {
  const said = command.data as NoteQuotaReturn;
  const { cycle, keeper, customerId } = account;
  if (keeper?.at !== "leaving") return { facts: [] };
  // In a cycle that they never heard of nothing was taken by them, and nobody else takes.
  const taken = said.cycle === cycle.month ? said.takenUnits - keeper.restoredUnits : takenUnits(account);
  const data: QuotaReturned = {
    accountId: said.accountId,
    cycle: cycle.month,
    quotaRemaining: Math.min(cycle.quotaUnits, Math.max(0, cycle.quotaUnits - taken)),
    overdrawnUnits: Math.max(0, taken - cycle.quotaUnits),
    usedUnits: cycle.usedUnits,
    onDemandMinor: cycle.onDemandMinor,
  };
  return { facts: [{ type: quotaReturned.type, data, customerId }] };
}

function takenUnits({ cycle }: OpenAccountState): number {
  return cycle.quotaUnits - cycle.quotaRemaining + (cycle.overdrawnUnits ?? 0);
}
