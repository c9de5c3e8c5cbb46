import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { exampleRequestId, RequestId } from "../../request/contract/top-up-request.ts";
import { undoQuotaDebit } from "../../subscription/contract/undo-quota-debit.ts";

/** Figures of the debit that is posted, copied unchanged from its fact: what a debit is undone with. */
export const Debit = undoQuotaDebit.schema.properties.debit;

/** Why a debit is undone whose posting a person gave up. */
export const postingGivenUp = "posting-given-up";

const outcomes = ["posted", "given-up"] as const;
const members = {
  requestId: RequestId,
  accountId: Identifier,
  outcome: Type.Enum([...outcomes]),
  debit: Debit,
};
const example = {
  requestId: exampleRequestId,
  accountId: "acct-0001",
  outcome: "posted",
  debit: undoQuotaDebit.example.debit,
};

/** Command: the books' word about the entry of a top-up, or a person's who gave it up. Internal: told by the posting treaty. Ordering key: accountId. */
export const notePosting = {
  kind: "command",
  type: "flux.note-posting",
  schemaVersion: "1.0.0",
  schema: Type.Object(members),
  example,
} as const;
export type NotePosting = Static<typeof notePosting.schema>;

/** Command to whoever asked for the top-up: the books have it, or will not have it. Ordering key: accountId. */
export const reportPosting = {
  kind: "command",
  type: "flux.report-posting",
  schemaVersion: "1.0.0",
  schema: Type.Object(members),
  example,
} as const;
export type ReportPosting = Static<typeof reportPosting.schema>;

/** Fact: the books have a document for the top-up. */
export const topUpPosted = {
  kind: "event",
  type: "flux.top-up-posted",
  schemaVersion: "1.0.0",
  schema: Type.Object({ requestId: RequestId, accountId: Identifier }),
  example: { requestId: exampleRequestId, accountId: "acct-0001" },
} as const;

/** Fact: the top-up will have no document. Its debit is taken back. */
export const topUpNotPosted = {
  kind: "event",
  type: "flux.top-up-not-posted",
  schemaVersion: "1.0.0",
  schema: Type.Object({ code: Type.String(), reason: Type.String() }),
  example: { code: postingGivenUp, reason: "The top-up could not be posted." },
} as const;

/** Commands the ledger decides, what it asks of others, and its facts, in stage A. */
export const ledgerCommands = [notePosting] as const;
export const ledgerWishes = [reportPosting] as const;
export const ledgerFacts = [topUpPosted, topUpNotPosted] as const;
