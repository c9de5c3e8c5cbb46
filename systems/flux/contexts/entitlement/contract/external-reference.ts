import { type Static, Type } from "typebox";

/**
 * What another system calls something, said as theirs: whose name it is, what kind of name, and the name itself. The only place where a
 * name of another system leaves the context that deals with it.
 */
export const ExternalReference = Type.Object({
  system: Type.String(),
  kind: Type.String(),
  value: Type.String(),
});
export type ExternalReference = Static<typeof ExternalReference>;

/** Null: it was done, and nobody knows under which name. */
export const ReferenceOrNone = Type.Union([ExternalReference, Type.Null()]);

/** What became of a wish at the authority. `given-up`: a person decided that it will not be done. */
export const wishOutcomes = ["done", "refused", "given-up"] as const;
export type WishOutcome = (typeof wishOutcomes)[number];
