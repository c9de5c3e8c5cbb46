import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { type ExternalReference, ReferenceOrNone, wishOutcomes } from "./external-reference.ts";

const members = {
  accountId: Identifier,
  subject: Type.String({ minLength: 1, maxLength: 255, description: "One line." }),
  description: Type.String({
    maxLength: 4_000,
    description: "What it is about, in the customer's words.",
  }),
} as const;

/**
 * Command: the customer asks for help. The case is opened at the authority and nowhere else. Ordering key: accountId.
 */
export const openSupportCase = {
  kind: "command",
  type: "flux.open-support-case",
  schemaVersion: "1.0.0",
  schema: Type.Object(members, { additionalProperties: false }),
  /** Sealed under the account's key before it is stored. */
  personal: ["subject", "description"],
  example: { accountId: "acct-0001", subject: "No units delivered", description: "Since this morning." },
} as const;
export type OpenSupportCase = Static<typeof openSupportCase.schema>;

const CaseId = Type.String({ format: "uuid" });
const exampleCase = "019a0b1c-0000-7000-8000-000000000002";
const exampleReference: ExternalReference = { system: "salesforce", kind: "case number", value: "00000001" };

/** Fact: the case is to be opened at the authority. It is not open yet. What is personal is sealed in the journal, and withheld from subscribers. */
export const supportCaseRequested = {
  kind: "event",
  type: "flux.support-case-requested",
  schemaVersion: "1.0.0",
  schema: Type.Object({ supportCaseId: CaseId, ...members }),
  example: { supportCaseId: exampleCase, ...openSupportCase.example },
} as const;
export type SupportCaseRequested = Static<typeof supportCaseRequested.schema>;

/** Command: the authority's word about a case, or a person's who gave it up. `code`: theirs, evidence only. Ordering key: accountId. */
export const noteSupportCase = {
  kind: "command",
  type: "flux.note-support-case",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    supportCaseId: CaseId,
    outcome: Type.Enum([...wishOutcomes]),
    externalReference: ReferenceOrNone,
    code: Type.Union([Type.String(), Type.Null()]),
  }),
  example: {
    accountId: "acct-0001",
    supportCaseId: exampleCase,
    outcome: "done",
    externalReference: exampleReference,
    code: null,
  },
} as const;
export type NoteSupportCase = Static<typeof noteSupportCase.schema>;

/** Fact: the authority has the case. */
export const supportCaseOpened = {
  kind: "event",
  type: "flux.support-case-opened",
  schemaVersion: "1.0.0",
  schema: Type.Object({ supportCaseId: CaseId, accountId: Identifier, externalReference: ReferenceOrNone }),
  example: { supportCaseId: exampleCase, accountId: "acct-0001", externalReference: exampleReference },
} as const;
export type SupportCaseOpened = Static<typeof supportCaseOpened.schema>;

/** Fact: the case is not and will not be opened. `code` is one of the published refusals. */
export const supportCaseFailed = {
  kind: "event",
  type: "flux.support-case-failed",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    supportCaseId: CaseId,
    accountId: Identifier,
    code: Type.String(),
    reason: Type.String(),
  }),
  example: {
    supportCaseId: exampleCase,
    accountId: "acct-0001",
    code: "support-case-refused",
    reason: "This support case was not accepted.",
  },
} as const;
export type SupportCaseFailed = Static<typeof supportCaseFailed.schema>;
