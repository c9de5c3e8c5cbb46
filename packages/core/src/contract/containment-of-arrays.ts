import type { Json } from "../model/entry.ts";
import { type ArrayAtom, itemTerms, positionsIn } from "./atom.ts";
import type { Comparison } from "./comparison.ts";
import { type Gap, type GapRule, gap, lifted } from "./gap.ts";
import { isClosed, itemsOf, keywordsOf, type Term } from "./json-schema.ts";
import { acceptsNothing, range } from "./normal-form.ts";
import { arrayOf, samplesOf } from "./sample.ts";

/** Arrays of the atom that the reader's lengths, uniqueness and items may refuse. */
export function arrayGaps(atom: ArrayAtom, reader: Term, comparison: Comparison): Gap[] {
  const { effort } = comparison;
  const words = keywordsOf(reader.schema);
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = words as {
    minItems?: number;
    maxItems?: number;
  };
  const longest = Math.min(atom.maxItems, firstImpossible(atom, comparison));
  const made = (...lengths: number[]): Json[] =>
    lengths.map((length) => arrayOf(atom, length, effort)).filter((array) => array !== null);
  const gaps: Gap[] = [];
  if (atom.minItems < minItems) {
    const says = `the writer may write fewer than ${minItems} items, the reader wants as many`;
    gaps.push(gap("items-count-out-of-range", says, made(minItems - 1, atom.minItems)));
  }
  if (longest > maxItems) {
    const says = `the writer may write more than ${maxItems} items, the reader takes no more`;
    gaps.push(gap("items-count-out-of-range", says, made(Math.max(maxItems + 1, atom.minItems))));
  }
  if (words.uniqueItems === true && !atom.unique && longest > 1) {
    gaps.push(
      gap("items-repeat", "the writer may repeat an item, the reader may not", repeats(atom, comparison)),
    );
  }
  return [...gaps, ...itemGaps(atom, longest, reader, comparison)];
}

/** First index no item can stand at; arrays are no longer than that. */
function firstImpossible(atom: ArrayAtom, { effort }: Comparison): number {
  const index = range(positionsIn(atom) + 1).find((one) => acceptsNothing(itemTerms(atom, one), effort, 1));
  return index ?? Number.POSITIVE_INFINITY;
}

function repeats(atom: ArrayAtom, { effort }: Comparison): Json[] {
  const pairs = [0, Math.max(0, positionsIn(atom) - 1), positionsIn(atom)];
  return pairs
    .map((first) => {
      const both = [...itemTerms(atom, first), ...itemTerms(atom, first + 1)];
      const [item] = samplesOf({ terms: both }, effort);
      if (item === undefined) return null;
      const length = Math.max(atom.minItems, first + 2);
      return arrayOf(atom, length, effort, 0, [
        [first, item],
        [first + 1, item],
      ]);
    })
    .filter((array) => array !== null);
}

const tooMany: GapRule = "items-count-out-of-range";
const tooManySays = "the writer may write an item where the reader allows none";

function itemGaps(atom: ArrayAtom, longest: number, reader: Term, comparison: Comparison): Gap[] {
  const { effort } = comparison;
  const { prefix, rest } = itemsOf(reader.schema);
  // One index past all positions stands for every further one.
  const last = Math.max(positionsIn(atom), prefix.length);
  return range(last + 1)
    .filter((index) => index < longest)
    .flatMap((index) => {
      const schema = prefix[index] ?? rest;
      const gaps = comparison.gapsBelow(itemTerms(atom, index), { schema, root: reader.root });
      const told = isClosed(schema)
        ? gaps.map((one) => ({ ...one, rule: tooMany, says: tooManySays }))
        : gaps;
      return lifted(told, index, (witness) => [
        arrayOf(atom, Math.max(atom.minItems, index + 1), effort, 0, [[index, witness]]),
      ]);
    });
}
