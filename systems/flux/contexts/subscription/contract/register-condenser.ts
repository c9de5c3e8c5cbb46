import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";

/** What a condenser drives. */
export const CondenserModel = Type.Enum(["car", "train"]);

/** Command: let this account top up this condenser. Ordering key: accountId. */
export const registerCondenser = {
  kind: "command",
  type: "flux.register-condenser",
  schemaVersion: "1.0.0",
  schema: Type.Object(
    { accountId: Identifier, condenserId: Identifier, model: CondenserModel },
    { additionalProperties: false },
  ),
  example: { accountId: "acct-0001", condenserId: "car-0001", model: "car" },
} as const;

export type RegisterCondenser = Static<typeof registerCondenser.schema>;
