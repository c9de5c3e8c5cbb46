import { type Static, Type } from "typebox";

/**
 * Fact: a command was refused and nothing changed. Named for the top-up, the refusal customers meet;
 * refusals of the account's other commands are recorded under the same type and told apart by `code`.
 * Shape: a code and its sentence from refusals.ts, plus the fields of that refusal, if any.
 */
export const topUpRefused = {
  kind: "event",
  type: "flux.top-up-refused",
  schemaVersion: "1.0.0",
  schema: Type.Object({ code: Type.String(), reason: Type.String() }),
  example: { code: "condenser-unknown", reason: "This condenser is not registered to the account." },
} as const;

export type TopUpRefused = Static<typeof topUpRefused.schema>;
