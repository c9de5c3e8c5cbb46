import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { CycleMonth, ProcessId } from "../../subscription/contract/quantities.ts";

/** G/L accounts that Flux posts to, by what they are for. Their numbers are the chart of accounts' and stand where the ledger is known. */
export const PostingAccount = Type.Enum([
  "provider-clearing",
  "quota-owed",
  "revenue-energy",
  "revenue-on-demand",
]);
export type PostingAccount = Static<typeof PostingAccount>;

/**
 * A journal entry that Flux owes the ledger: one business event in double entry.
 * Shape: amounts are whole minor units of `currency`, debit positive and credit negative; the days are UTC.
 * Guarantees: the lines sum to zero, and none of them is zero.
 */
export const JournalEntry = Type.Object({
  accountId: Identifier,
  /** The top-up it is about; of an undo, the top-up that was undone. */
  processId: ProcessId,
  cycle: CycleMonth,
  currency: Type.String({ pattern: "^[A-Z]{3}$" }),
  /** `2026-11-24`: when the fact happened, in business time. */
  postingDate: Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" }),
  text: Type.Enum(["Top-up", "Top-up undone"]),
  lines: Type.Array(
    Type.Object({
      account: PostingAccount,
      amountMinor: Type.Integer({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
    }),
    { minItems: 2, maxItems: 4 },
  ),
});
export type JournalEntry = Static<typeof JournalEntry>;
