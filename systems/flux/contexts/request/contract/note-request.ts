import { type Static, Type } from "typebox";
import { exampleHeard, Heard } from "../../entitlement/contract/entitlement.ts";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { topUp } from "../../gateway/contract/top-up.ts";
import { exampleRequestId, RequestId, requestMembers } from "./top-up-request.ts";

const heard = { ...exampleHeard, treaty: "salesforce-top-up-requests" };

/** Command: the authority tells of a request that it has recorded. Ordering key: accountId. */
export const noteRequest = {
  kind: "command",
  type: "flux.note-request",
  schemaVersion: "1.0.0",
  schema: Type.Object({ ...requestMembers, heard: Heard }),
  example: { requestId: exampleRequestId, ...topUp.example, heard },
} as const;
export type NoteRequest = Static<typeof noteRequest.schema>;

/** Command: the request is not open at the authority any more: closed by us, cancelled there, or removed. Ordering key: accountId. */
export const noteRequestGone = {
  kind: "command",
  type: "flux.note-request-gone",
  schemaVersion: "1.0.0",
  schema: Type.Object({ requestId: RequestId, accountId: Identifier, heard: Heard }),
  example: { requestId: exampleRequestId, accountId: "acct-0001", heard },
} as const;
export type NoteRequestGone = Static<typeof noteRequestGone.schema>;

/** What became of a request on its way to the authority. `given-up`: a person decided that it will not be sent. */
export const submissionOutcomes = ["recorded", "refused", "given-up"] as const;

/** Command: the answer to the request itself. `code`: theirs, evidence only. Ordering key: accountId. */
export const noteSubmission = {
  kind: "command",
  type: "flux.note-submission",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    requestId: RequestId,
    accountId: Identifier,
    outcome: Type.Enum([...submissionOutcomes]),
    code: Type.Union([Type.String(), Type.Null()]),
  }),
  example: { requestId: exampleRequestId, accountId: "acct-0001", outcome: "recorded", code: null },
} as const;
export type NoteSubmission = Static<typeof noteSubmission.schema>;
