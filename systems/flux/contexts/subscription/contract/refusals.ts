/**
 * Every no this context can say, with the one sentence a customer may read. Codes are for ever: never renamed, never reused.
 * Each is listed in docs/reference/errors.md.
 */
export const refusalReasons = {
  "account-unknown": "We do not know this account.",
  "account-already-open": "This account is already open.",
  "plan-unknown": "We do not offer this plan.",
  "plan-unchanged": "The account is already on this plan.",
  "plan-kept-elsewhere": "The plan of this account is ordered, and not changed here.",
  "not-entitled": "The plan of this account is not active.",
  "currency-not-offered": "This plan is not offered in this currency.",
  "time-zone-unknown": "We do not know this time zone.",
  "condenser-unknown": "This condenser is not registered to the account.",
  "condenser-already-registered": "This condenser is already registered to the account.",
  "condenser-limit-reached": "The account has as many condensers as it may have.",
  "units-out-of-range": "A top-up is between 1 and 10,000 whole units.",
  "on-demand-limit-reached": "The on-demand limit of this billing cycle is reached.",
  "quota-unanswered": "We could not find out how much of this your quota covers.",
  "quota-share-falls": "What is decided here stays here: the share only rises.",
  "debit-unknown": "There is no such debit on the account.",
  "debit-already-undone": "This debit has already been undone.",
  "top-up-not-confirmed":
    "This top-up is not confirmed: there is nothing to undo, or its own end comes first.",
  "top-up-kept-elsewhere": "This top-up is kept by the authority for customers, and is undone there.",
  "refund-not-possible": "What was charged for this top-up cannot be given back from here.",
  "top-up-not-undone": "This top-up was not undone: nothing that was charged for it is owed.",
  "top-up-not-charged": "Nothing was charged for this top-up: nothing is owed.",
  "charge-already-given-back": "What was charged for this top-up has already been given back.",
  "refund-unsettled":
    "The payment provider gives back what was charged for this top-up, or may have done so.",
} as const;

export type RefusalCode = keyof typeof refusalReasons;

/** What a top-up can be refused with; the domain's types hold it to these. */
export const topUpRefusalCodes = [
  "account-unknown",
  "condenser-unknown",
  "not-entitled",
  "units-out-of-range",
  "on-demand-limit-reached",
  "quota-unanswered",
] as const satisfies readonly RefusalCode[];

/** What an undo can be refused with: it shares the top-up's process but says nothing about the top-up's own outcome. */
export const undoRefusalCodes = [
  "debit-unknown",
  "debit-already-undone",
] as const satisfies readonly RefusalCode[];
