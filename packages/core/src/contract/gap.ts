import type { Json } from "../model/entry.ts";
import { admits } from "./admits.ts";
import { evaluate } from "./evaluate.ts";
import type { Term } from "./json-schema.ts";
import type { Described } from "./normal-form.ts";

/** Why a reader may refuse what a writer writes. Names are stable: reports and waivers use them. */
export type GapRule =
  | "type-not-accepted"
  | "value-not-listed"
  | "number-out-of-range"
  | "not-a-multiple"
  | "length-out-of-range"
  | "pattern-not-matched"
  | "format-not-promised"
  | "items-count-out-of-range"
  | "items-repeat"
  | "member-missing"
  | "member-not-allowed"
  | "members-count-out-of-range"
  | "no-alternative-accepts"
  | "several-alternatives-accept"
  | "excluded-value"
  | "nothing-accepted"
  | "unread-keyword"
  | "malformed-schema"
  | "too-large";

export type Path = readonly (string | number)[];

/** A place where the proof did not go through, with documents that may show why. */
export interface Gap {
  /** From the document compared down to the place. */
  readonly path: Path;
  readonly rule: GapRule;
  readonly says: string;
  /** Documents that writer and reader may disagree about. They stand for the whole document compared. */
  readonly witnesses: readonly Json[];
}

/** Witnesses kept per gap while going back up. */
const witnessesKept = 6;

export function gap(rule: GapRule, says: string, witnesses: readonly Json[] = [], path: Path = []): Gap {
  return { path, rule, says, witnesses };
}

/** The gaps of a part as gaps of the whole: one step longer, each witness put into a whole document. */
export function lifted(
  gaps: readonly Gap[],
  step: string | number,
  embed: (witness: Json) => readonly (Json | null)[],
): Gap[] {
  return gaps.map((one) => ({
    ...one,
    path: [step, ...one.path],
    witnesses: one.witnesses.flatMap(embed).filter((document) => document !== null),
  }));
}

/** Drops witnesses that certainly show nothing: the writer cannot write them, or the reader accepts them. */
export function settled(gaps: readonly Gap[], writer: Described, reader: Term): Gap[] {
  const { terms, atom } = writer;
  return gaps.map((one) => ({
    ...one,
    witnesses: one.witnesses
      .filter(
        (document) =>
          evaluate(document, reader) !== true &&
          (atom === undefined || admits(atom, document) !== false) &&
          terms.every((term) => evaluate(document, term) !== false),
      )
      .slice(0, witnessesKept),
  }));
}
