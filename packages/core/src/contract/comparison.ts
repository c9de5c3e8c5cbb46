import type { Atom } from "./atom.ts";
import type { Gap } from "./gap.ts";
import type { Term } from "./json-schema.ts";
import type { Effort } from "./normal-form.ts";

/** One document the reader has to accept, seen at one level: what is known about it and what was done on the way. */
export interface Goal {
  readonly terms: readonly Term[];
  readonly atom: Atom;
  /** References followed without going deeper. */
  readonly followed: number;
  /** How often unions were split into cases. */
  readonly splits: number;
}

/** What one comparison carries along, and how its parts ask for each other. */
export interface Comparison {
  readonly effort: Effort;
  /** Gaps of one atom at this level. */
  atomGaps(goal: Goal, reader: Term): Gap[];
  /** Gaps one level further down in the document. */
  gapsBelow(terms: readonly Term[], reader: Term): Gap[];
}
