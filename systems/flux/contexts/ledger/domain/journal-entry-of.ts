import type { Entry } from "@entente/core/model";
import { type BalanceDebited, balanceDebited } from "../../subscription/contract/balance-debited.ts";
import { type QuotaDebitUndone, quotaDebitUndone } from "../../subscription/contract/quota-debit-undone.ts";
import type { JournalEntry, PostingAccount } from "../contract/journal-entry.ts";

/**
 * What one unit of quota is worth when it is delivered, in minor units. A quota is paid with the plan, in advance, and owed until it is
 * delivered; a debit says how many units it took and not what each plan's buyer paid for them. So they are released at one standard value per
 * currency, that of the smallest plan, and the difference to what was paid is trued up with what has lapsed when the cycle is closed.
 */
const quotaUnitMinor: Readonly<Record<string, number>> = { EUR: 19, GBP: 17, PLN: 79 };

/** Types of the facts that the ledger is owed an entry for. */
export const postedFacts: readonly string[] = [balanceDebited.type, quotaDebitUndone.type];

/** The entry that a fact of the subscription asks for; null when no money moves. Errors: a currency without a standard value. */
export function journalEntryOf(fact: Entry): JournalEntry | null {
  switch (fact.type) {
    case balanceDebited.type: {
      const debit = fact.data as BalanceDebited;
      return entryOf(fact, debit, debit.processId, "Top-up", [
        ...pair("quota-owed", "revenue-energy", quotaValueMinor(debit.fundedFromQuota, debit.currency)),
        ...pair("provider-clearing", "revenue-on-demand", debit.onDemandAmountMinor),
      ]);
    }
    case quotaDebitUndone.type: {
      const undone = fact.data as QuotaDebitUndone;
      // What has lapsed is owed to nobody any more: its revenue stays.
      return entryOf(fact, undone, undone.undoneProcessId, "Top-up undone", [
        ...pair("revenue-energy", "quota-owed", quotaValueMinor(undone.restoredToQuota, undone.currency)),
        ...pair("revenue-on-demand", "provider-clearing", undone.creditedMinor),
      ]);
    }
    default:
      return null;
  }
}

function entryOf(
  fact: Entry,
  about: { readonly accountId: string; readonly cycle: string; readonly currency: string },
  processId: string,
  text: JournalEntry["text"],
  lines: JournalEntry["lines"],
): JournalEntry | null {
  if (lines.length === 0) return null;
  const { accountId, cycle, currency } = about;
  const postingDate = new Date(fact.occurredAt).toISOString().slice(0, 10);
  return { accountId, processId, cycle, currency, postingDate, text, lines };
}

/** Debit and credit of one amount; nothing for nothing. */
function pair(debit: PostingAccount, credit: PostingAccount, amountMinor: number): JournalEntry["lines"] {
  if (amountMinor === 0) return [];
  return [
    { account: debit, amountMinor },
    { account: credit, amountMinor: -amountMinor },
  ];
}

function quotaValueMinor(units: number, currency: string): number {
  if (units === 0) return 0;
  const unitMinor = Object.hasOwn(quotaUnitMinor, currency) ? quotaUnitMinor[currency] : undefined;
  if (unitMinor === undefined) throw new Error(`a unit of quota has no standard value in ${currency}`);
  return units * unitMinor;
}
