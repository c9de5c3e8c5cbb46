/** Business refusals that a rule can choose, in the words of whatever is refused. */
import type { Rejection } from "../control/system-description.ts";
import type { ProposedEntry } from "./ledger/journal-entry.ts";
import { type LogItem, says } from "./ledger/log-item.ts";
import type { ServiceError } from "./odata/entity-set.ts";

const postings = [
  "post-journal-entries",
  "post-journal-entries-async",
  "receive-idocs",
  "reprocess-idocs",
] as const;
const partners = ["create-business-partner", "change-business-partner", "batch"] as const;

type PostingRefusal = (entry: ProposedEntry) => LogItem;

const ofPostings: Readonly<Record<string, { readonly means: string; readonly item: PostingRefusal }>> = {
  "account-unknown": {
    means: "The first item's account does not exist.",
    item: ({ lines }) => says.accountUnknown(lines[0]?.account ?? "", "YCOA")[0] as LogItem,
  },
  "account-blocked": {
    means: "The first item's account is blocked for posting.",
    item: ({ lines }) => says.blockedForPosting(lines[0]?.account ?? ""),
  },
  "account-locked": {
    means: "Another user holds the account. Passes by itself.",
    item: ({ lines }) => says.lockedByOther(lines[0]?.account ?? ""),
  },
  "customer-unknown": {
    means: "The customer does not exist in the company code.",
    item: ({ lines, companyCode }) =>
      says.customerUnknown(lines.find(({ partner }) => partner !== "")?.partner ?? "", companyCode),
  },
  "company-unknown": {
    means: "The company code does not exist.",
    item: ({ companyCode }) => says.companyUnknown(companyCode),
  },
  "period-closed": {
    means: "The posting period is closed.",
    item: ({ postingDate }) => says.periodClosed(postingDate.slice(0, 7)),
  },
  "not-balanced": {
    means: "Debits and credits differ.",
    item: ({ lines }) => says.notBalanced(lines[0]?.currency ?? "", "0.01"),
  },
  "duplicate-reference": {
    means: "A document with this reference exists.",
    item: ({ reference, companyCode, postingDate }) =>
      says.referenceUsed(reference, `0100000000${companyCode}${postingDate.slice(0, 4)}`),
  },
  "no-authorization": {
    means: "The user may not post in this company code.",
    item: ({ companyCode }) => says.noAuthorization(companyCode),
  },
};

const ofPartners: Readonly<Record<string, { readonly means: string; readonly error: ServiceError }>> = {
  "partner-locked": {
    means: "Another user holds the business partner. Passes by itself.",
    error: { status: 400, number: "R1/126", text: "Business partner is locked by another user" },
  },
  "partner-refused": {
    means: "A check of the business partner says no.",
    error: {
      status: 400,
      number: "R11/001",
      text: "The business partner does not pass the checks of its grouping",
    },
  },
};

export const rejections: Readonly<Record<string, Rejection>> = {
  ...Object.fromEntries(
    Object.entries(ofPostings).map(([name, { means }]) => [name, { means, operations: postings }]),
  ),
  ...Object.fromEntries(
    Object.entries(ofPartners).map(([name, { means }]) => [name, { means, operations: partners }]),
  ),
  "quota-blocked": { means: "A person has blocked the quota of the account.", operations: ["decide-quota"] },
};

/** The message that refuses an entry for a reason. */
export function postingRefusal(reason: string, entry: ProposedEntry): LogItem | undefined {
  return ofPostings[reason]?.item(entry);
}

export function partnerRefusal(reason: string): ServiceError | null {
  return ofPartners[reason]?.error ?? null;
}
