import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { Currency, TimeZone } from "./quantities.ts";

/** Command: open an account on a plan. Its first cycle starts at once. Ordering key: accountId. */
export const openAccount = {
  kind: "command",
  type: "flux.open-account",
  schemaVersion: "1.0.0",
  schema: Type.Object(
    {
      accountId: Identifier,
      customerId: Identifier,
      planId: Identifier,
      timeZone: TimeZone,
      currency: Currency,
    },
    { additionalProperties: false },
  ),
  example: {
    accountId: "acct-0001",
    customerId: "cust-0001",
    planId: "commuter",
    timeZone: "Europe/Madrid",
    currency: "EUR",
  },
} as const;

export type OpenAccount = Static<typeof openAccount.schema>;
