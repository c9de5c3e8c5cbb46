import type { Static } from "typebox";
import { topUp } from "../../gateway/contract/top-up.ts";

/**
 * Command to the quota book: the authority has recorded this top-up; debit it. As `flux.top-up`, but asked by the authority and not by a
 * customer. Ordering key: accountId; its process is the request.
 */
export const carryOutTopUp = {
  kind: "command",
  type: "flux.carry-out-top-up",
  schemaVersion: "1.0.0",
  schema: topUp.schema,
  example: topUp.example,
} as const;
export type CarryOutTopUp = Static<typeof carryOutTopUp.schema>;
