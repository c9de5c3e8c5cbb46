import type { ErrorMap } from "@entente/core";

/** Codes of SAP's quota service, and HTTP statuses. */
export const quotaErrors: ErrorMap = {
  "ZQ/001": {
    class: "UNCLASSIFIED_EXTERNAL_FAILURE",
    means: "They cannot read our question: theirs or ours has changed.",
  },
  "ZQ/010": {
    class: "BUSINESS_REJECTED",
    means: "A person has blocked the account's quota over there. SAP Core unblocks it, then it is sent anew.",
  },
  "401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "The communication user's logon is refused." },
  "403": {
    class: "SECURITY_CONFIGURATION_FAILURE",
    means: "The communication user may not call this service.",
  },
  "429": { class: "TECHNICAL_RETRYABLE", means: "Too many requests; nothing was processed." },
  "500": { class: "UNKNOWN", means: "It broke over there, maybe after deciding." },
  "502": { class: "UNKNOWN", means: "What stands before them got no answer." },
  "503": {
    class: "UNKNOWN",
    means: "What stands before them says that they are away, maybe after deciding.",
  },
  "504": { class: "UNKNOWN", means: "What stands before them waited too long." },
};
