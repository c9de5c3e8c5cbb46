import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { exampleRequestId, RequestId } from "./top-up-request.ts";

/** `posted`: debited, and the books have it. `refused`: neither, or both taken back. */
export const settlements = ["posted", "refused"] as const;
export type Settlement = (typeof settlements)[number];

const settled = {
  requestId: RequestId,
  accountId: Identifier,
  outcome: Type.Enum([...settlements]),
  /** Why it was refused, in our words; null: it was not. */
  code: Type.Union([Type.String(), Type.Null()]),
};
const example = { requestId: exampleRequestId, accountId: "acct-0001", outcome: "posted", code: null };

/** Fact: the request has its outcome, and the authority is to be told. */
export const requestSettled = {
  kind: "event",
  type: "flux.request-settled",
  schemaVersion: "1.0.0",
  schema: Type.Object(settled),
  example,
} as const;
export type RequestSettled = Static<typeof requestSettled.schema>;

/** Command: the authority's record has the outcome; false: a person decided that it will not be written there. Ordering key: accountId. */
export const noteSettlement = {
  kind: "command",
  type: "flux.note-settlement",
  schemaVersion: "1.0.0",
  schema: Type.Object({ requestId: RequestId, accountId: Identifier, isRecorded: Type.Boolean() }),
  example: { requestId: exampleRequestId, accountId: "acct-0001", isRecorded: true },
} as const;
export type NoteSettlement = Static<typeof noteSettlement.schema>;

/** Fact: nothing more is owed about the request. */
export const requestClosed = {
  kind: "event",
  type: "flux.request-closed",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    requestId: RequestId,
    accountId: Identifier,
    outcome: Type.Enum([...settlements]),
    isRecorded: Type.Boolean(),
  }),
  example: { requestId: exampleRequestId, accountId: "acct-0001", outcome: "posted", isRecorded: true },
} as const;
export type RequestClosed = Static<typeof requestClosed.schema>;
