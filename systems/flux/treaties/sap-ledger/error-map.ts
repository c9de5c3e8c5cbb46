import type { ErrorMap } from "@entente/core";

/** Messages of SAP's accounting interface (number and class), SOAP faults and HTTP statuses. */
export const errorMap: ErrorMap = {
  "no-company-code": {
    class: "BUSINESS_REJECTED",
    means:
      "It is not said to which company code this tenant posts, and SAP was not asked. Operations sets it, then the rows are sent anew.",
  },
  "201(F5)": {
    class: "BUSINESS_REJECTED",
    means: "The posting period is closed. Accounting opens it, or posts in the next.",
  },
  "507(F5)": { class: "BUSINESS_REJECTED", means: "The G/L account is not in the chart of accounts." },
  "004(FH)": { class: "BUSINESS_REJECTED", means: "The G/L account does not exist." },
  "351(F5)": { class: "BUSINESS_REJECTED", means: "The G/L account is blocked for posting." },
  "165(F5)": { class: "BUSINESS_REJECTED", means: "The company code does not exist." },
  "102(F5)": { class: "BUSINESS_REJECTED", means: "The customer is not defined in the company code." },
  "104(F5)": { class: "BUSINESS_REJECTED", means: "The supplier is not defined in the company code." },
  "022(RW)": {
    class: "BUSINESS_REJECTED",
    means: "Debits and credits differ. Ours to mend: entries are made to balance.",
  },
  "060(RW)": { class: "BUSINESS_REJECTED", means: "A day is none." },
  "601(RW)": { class: "BUSINESS_REJECTED", means: "The reference is too long." },
  "602(RW)": { class: "BUSINESS_REJECTED", means: "A required field is missing." },
  "603(RW)": { class: "BUSINESS_REJECTED", means: "An amount or currency is not valid." },
  "604(RW)": { class: "BUSINESS_REJECTED", means: "Sign and debit/credit code differ." },
  "606(RW)": { class: "BUSINESS_REJECTED", means: "Fewer than two lines." },
  "083(F5)": {
    class: "BUSINESS_REJECTED",
    means:
      "The communication user may not post in this company code: accounting grants it, then the rows are reworked.",
  },
  // That they have the reference does not prove that they have this entry: the document is read and compared (held-entries.ts).
  "already-posted": {
    class: "IDEMPOTENT_SUCCESS",
    means: "Refused as a duplicate, and the document with this reference is this very entry.",
    done: true,
  },
  "reference-taken": {
    class: "DUPLICATE_CONFLICT",
    means:
      "Refused as a duplicate, and the document with this reference is another entry. Accounting finds out whose.",
  },
  "117(F5)": {
    class: "UNKNOWN",
    means: "A document with this reference is in the books, and could not be read yet.",
  },
  "611(RW)": {
    class: "UNKNOWN",
    means: "A document with this reference key is in the books, and could not be read yet.",
  },
  "042(MC)": { class: "TECHNICAL_RETRYABLE", means: "Another user holds the account; it passes by itself." },
  "fault-receiver": { class: "UNKNOWN", means: "SOAP fault of their side: entries before it may be posted." },
  "fault-sender": {
    class: "UNCLASSIFIED_EXTERNAL_FAILURE",
    means: "They cannot read our message: theirs or ours has changed.",
  },
  "window-closed": {
    class: "TECHNICAL_RETRYABLE",
    means:
      "Outside the batch window: SAP's own fault with the time to wait. It takes nothing in then, so nothing is posted.",
  },
  "401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "The communication user's logon is refused." },
  "403": {
    class: "SECURITY_CONFIGURATION_FAILURE",
    means: "The communication user may not call this service.",
  },
  "429": { class: "TECHNICAL_RETRYABLE", means: "Too many requests; nothing was processed." },
  "500": { class: "UNKNOWN", means: "It broke over there, maybe after posting." },
  "502": { class: "UNKNOWN", means: "What stands before them got no answer." },
  "503": {
    class: "UNKNOWN",
    means:
      "What stands before them says that they are away, maybe after posting, even when it says how long.",
  },
  "504": { class: "UNKNOWN", means: "What stands before them waited too long." },
};
