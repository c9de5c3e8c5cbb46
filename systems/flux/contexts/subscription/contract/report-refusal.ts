import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { exampleRequestId, RequestId } from "../../request/contract/top-up-request.ts";

/** Command to whoever asked for a top-up: the quota book refused it and nothing was debited. `code`: of refusals.ts. Ordering key: accountId. */
export const reportRefusal = {
  kind: "command",
  type: "flux.report-refusal",
  schemaVersion: "1.0.0",
  schema: Type.Object({ requestId: RequestId, accountId: Identifier, code: Type.String() }),
  example: { requestId: exampleRequestId, accountId: "acct-0001", code: "condenser-unknown" },
} as const;
export type ReportRefusal = Static<typeof reportRefusal.schema>;
