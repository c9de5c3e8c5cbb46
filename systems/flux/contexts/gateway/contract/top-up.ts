import { type Static, Type } from "typebox";
import { Identifier } from "./identifier.ts";

/** Fewest units one top-up may ask for. */
export const topUpUnitsMin = 1;
/** Most units one top-up may ask for; 10_000 pass, 10_001 do not. */
export const topUpUnitsAllowed = 10_000;

/**
 * Command: deliver `units` to one condenser of the account.
 * Paid from the monthly quota first, then pay-as-you-go (trap T-1).
 * Ordering key: accountId. Units: whole credit units.
 */
export const topUp = {
  kind: "command",
  type: "flux.top-up",
  schemaVersion: "1.0.0",
  schema: Type.Object(
    {
      accountId: Identifier,
      condenserId: Identifier,
      units: Type.Integer({ minimum: topUpUnitsMin, maximum: topUpUnitsAllowed }),
    },
    { additionalProperties: false },
  ),
  example: { accountId: "acct-0001", condenserId: "car-0001", units: 25 },
} as const;

export type TopUp = Static<typeof topUp.schema>;
