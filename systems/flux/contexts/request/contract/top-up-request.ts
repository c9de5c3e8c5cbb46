import { type Static, Type } from "typebox";
import { topUp } from "../../gateway/contract/top-up.ts";

/** Id of a request: the process of the top-up. */
export const RequestId = Type.String({ format: "uuid" });
export const exampleRequestId = "0199f0e2-7a3b-7c4d-8e5f-0123456789ab";

/** Members of a request wherever it is told of. */
export const requestMembers = { requestId: RequestId, ...topUp.schema.properties } as const;
const exampleRequest = { requestId: exampleRequestId, ...topUp.example };

/** Fact: a top-up is to be recorded at the authority for customers, which checks whether the account is entitled to it. Nothing is carried out yet. */
export const topUpSubmitted = {
  kind: "event",
  type: "flux.top-up-submitted",
  schemaVersion: "1.0.0",
  schema: Type.Object(requestMembers),
  example: exampleRequest,
} as const;

/** Fact: the authority has recorded the request and told of it. With what stands in its record, whatever was submitted. */
export const topUpRequested = {
  kind: "event",
  type: "flux.top-up-requested",
  schemaVersion: "1.0.0",
  schema: Type.Object(requestMembers),
  example: exampleRequest,
} as const;

/** Fact: the request is not and will not be carried out; nothing was debited. `code` is one of refusals.ts. */
export const requestFailed = {
  kind: "event",
  type: "flux.request-failed",
  schemaVersion: "1.0.0",
  schema: Type.Object({ requestId: RequestId, code: Type.String(), reason: Type.String() }),
  example: {
    requestId: exampleRequestId,
    code: "request-refused",
    reason: "This account may not top up at present.",
  },
} as const;

export type TopUpRequest = Static<typeof topUpRequested.schema>;
export type RequestFailed = Static<typeof requestFailed.schema>;
