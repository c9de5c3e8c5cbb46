import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";

/** Command: put the account on another plan from its next cycle on. Ordering key: accountId. */
export const changePlan = {
  kind: "command",
  type: "flux.change-plan",
  schemaVersion: "1.0.0",
  schema: Type.Object({ accountId: Identifier, planId: Identifier }, { additionalProperties: false }),
  example: { accountId: "acct-0001", planId: "voyager" },
} as const;

export type ChangePlan = Static<typeof changePlan.schema>;
