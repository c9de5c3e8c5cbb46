import { topUp } from "../../gateway/contract/top-up.ts";
import { reportPosting } from "../../ledger/contract/report-posting.ts";
import { reportRefusal } from "../../subscription/contract/report-refusal.ts";
import { carryOutTopUp } from "./carry-out-top-up.ts";
import { noteRequest, noteRequestGone, noteSubmission } from "./note-request.ts";
import { noteSettlement, requestClosed, requestSettled } from "./request-settled.ts";
import { takeBackTopUp } from "./take-back-top-up.ts";
import { requestFailed, topUpRequested, topUpSubmitted } from "./top-up-request.ts";

/** Commands this context decides. */
export const requestCommands = [
  topUp,
  noteSubmission,
  noteRequest,
  noteRequestGone,
  reportRefusal,
  reportPosting,
  noteSettlement,
] as const;

/** Commands it asks of others. */
export const requestWishes = [carryOutTopUp, takeBackTopUp] as const;

/** Facts this context writes to its journal. */
export const requestFacts = [
  topUpSubmitted,
  topUpRequested,
  requestSettled,
  requestClosed,
  requestFailed,
] as const;
