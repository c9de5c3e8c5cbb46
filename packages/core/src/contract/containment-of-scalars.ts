import type { NumberAtom, StringAtom } from "./atom.ts";
import { rangeOf } from "./atom.ts";
import { type Gap, gap } from "./gap.ts";
import type { Keywords } from "./json-schema.ts";
import { type Effort, spend } from "./normal-form.ts";
import { numbersOf, samplesOfAtom } from "./sample.ts";
import { findWords } from "./words.ts";

/** Numbers of the atom that the reader's bounds and multiples may refuse. */
export function numberGaps(atom: NumberAtom, words: Keywords): Gap[] {
  const { low, high, lowIn, highIn } = rangeOf(atom);
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf } = words as Record<
    string,
    number | undefined
  >;
  const gaps: Gap[] = [];
  const outside = (bound: number, says: string) =>
    gaps.push(
      gap(
        "number-out-of-range",
        says,
        numbersOf(atom, [bound]).sort((a, b) => distance(a, bound) - distance(b, bound)),
      ),
    );
  if (minimum !== undefined && !(low >= minimum)) {
    outside(minimum, `the writer may go below ${minimum}, the reader may not`);
  }
  if (exclusiveMinimum !== undefined && !(low > exclusiveMinimum || (low === exclusiveMinimum && !lowIn))) {
    outside(exclusiveMinimum, `the writer may go down to ${exclusiveMinimum} or below, the reader may not`);
  }
  if (maximum !== undefined && !(high <= maximum)) {
    outside(maximum, `the writer may go above ${maximum}, the reader may not`);
  }
  if (
    exclusiveMaximum !== undefined &&
    !(high < exclusiveMaximum || (high === exclusiveMaximum && !highIn))
  ) {
    outside(exclusiveMaximum, `the writer may go up to ${exclusiveMaximum} or above, the reader may not`);
  }
  if (multipleOf !== undefined && !isMultiple(atom, multipleOf)) {
    gaps.push(
      gap(
        "not-a-multiple",
        `the reader accepts multiples of ${multipleOf} only`,
        numbersOf(atom, [multipleOf]),
      ),
    );
  }
  return gaps;
}

function distance(a: number, b: number): number {
  return Math.abs(a - b);
}

function isMultiple(atom: NumberAtom, of: number): boolean {
  if (atom.multiples.includes(of)) return true;
  // Only whole numbers divide exactly; validators round fractions each in its own way.
  if (!atom.integer || !Number.isSafeInteger(of)) return false;
  return of === 1 || atom.multiples.some((one) => Number.isSafeInteger(one) && one % of === 0);
}

/** Texts of the atom that the reader's lengths, pattern and format may refuse. */
export function stringGaps(atom: StringAtom, words: Keywords, effort: Effort): Gap[] {
  const { minLength, maxLength, pattern, format } = words as {
    minLength?: number;
    maxLength?: number;
    pattern?: string;
    format?: string;
  };
  const gaps: Gap[] = [];
  const lengths = (least: number, most: number, says: string) => {
    spend(effort);
    const found = findWords({ match: atom.patterns, minLength: least, maxLength: most }, 2);
    if (!found.complete || found.words.length > 0) gaps.push(gap("length-out-of-range", says, found.words));
  };
  if (minLength !== undefined && atom.minLength < minLength) {
    const most = Math.min(atom.maxLength, minLength - 1);
    lengths(
      atom.minLength,
      most,
      `the writer may write fewer than ${minLength} characters, the reader wants as many`,
    );
  }
  if (maxLength !== undefined && atom.maxLength > maxLength) {
    const least = Math.max(atom.minLength, maxLength + 1);
    lengths(
      least,
      atom.maxLength,
      `the writer may write more than ${maxLength} characters, the reader takes no more`,
    );
  }
  if (pattern !== undefined && !atom.patterns.includes(pattern)) {
    spend(effort);
    const { minLength: least, maxLength: most } = atom;
    const found = findWords({ match: atom.patterns, avoid: [pattern], minLength: least, maxLength: most }, 2);
    const says = found.complete
      ? `the writer may write text that does not match ${pattern}`
      : `whether the writer's text always matches ${pattern} is beyond the checker`;
    const witnesses = found.words.length > 0 ? found.words : samplesOfAtom(atom, effort);
    if (!found.complete || found.words.length > 0) gaps.push(gap("pattern-not-matched", says, witnesses));
  }
  if (format !== undefined && !atom.formats.includes(format)) {
    const witnesses = samplesOfAtom(atom, effort);
    gaps.push(
      gap(
        "format-not-promised",
        `the reader wants the format ${format}, the writer does not promise it`,
        witnesses,
      ),
    );
  }
  return gaps;
}
