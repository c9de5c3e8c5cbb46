import type { Entry, HandOffTreaty } from "@entente/core";
import { isAskedByCustomer } from "../../contexts/subscription/contract/asked-by-customer.ts";
import { balanceDebited } from "../../contexts/subscription/contract/balance-debited.ts";
import { isOfNothingPosted } from "./sap-posting.ts";

/**
 * The two ways to the same books while Flux crosses from stage A to stage B. A debit goes one of them, by what stands in its fact. Undos go with
 * the ledger, whosever debit they undo: nobody waits for their document.
 */

/** `sapPosting` for the debits of requests alone: somebody waits for their documents. */
export function postingOfRequests(posting: HandOffTreaty): HandOffTreaty {
  // The books are compared once, by the ledger.
  const { totals: _comparedElsewhere, ...rest } = posting;
  return { ...rest, request: (fact) => (isOfRequest(fact) ? posting.request(fact) : []) };
}

/** `sapLedger` for everything else. */
export function ledgerOfOthers(ledger: HandOffTreaty): HandOffTreaty {
  return {
    ...ledger,
    request: (fact) => (isOfRequest(fact) || isOfNothingPosted(fact) ? [] : ledger.request(fact)),
  };
}

function isOfRequest(fact: Entry): boolean {
  return fact.type === balanceDebited.type && !isAskedByCustomer(fact);
}
