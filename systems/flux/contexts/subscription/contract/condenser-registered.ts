import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { CondenserModel } from "./register-condenser.ts";

/** Fact: top-ups and telemetry may name this condenser of the account. */
export const condenserRegistered = {
  kind: "event",
  type: "flux.condenser-registered",
  schemaVersion: "1.0.0",
  schema: Type.Object({ accountId: Identifier, condenserId: Identifier, model: CondenserModel }),
  example: { accountId: "acct-0001", condenserId: "car-0001", model: "car" },
} as const;

export type CondenserRegistered = Static<typeof condenserRegistered.schema>;
