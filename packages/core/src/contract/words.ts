import { lastCodePoint } from "./pattern.ts";
import { type Automaton, automatonOf } from "./pattern-automaton.ts";

/** Texts to look for: all patterns of `match` found in them, those of `avoid` not, length in code points. */
export interface Wanted {
  readonly match: readonly string[];
  readonly avoid?: readonly string[];
  readonly minLength: number;
  readonly maxLength: number;
}

/** Combinations of states looked at before giving up. */
const combinationsAllowed = 20_000;

/**
 * Up to `count` shortest such texts.
 * Guarantees: `complete` and no text: there is none. Not complete: a pattern is beyond us or the search is too large.
 */
export function findWords(
  wanted: Wanted,
  count = 1,
): { readonly words: string[]; readonly complete: boolean } {
  if (wanted.minLength > wanted.maxLength) return { words: [], complete: true };
  const match = wanted.match.map(automatonOf);
  const avoid = (wanted.avoid ?? []).map(automatonOf);
  const automata = [...match, ...avoid];
  if (!automata.every((automaton) => automaton !== null)) return { words: [], complete: false };
  return search(wanted, automata, match.length, count);
}

interface Place {
  readonly states: readonly (readonly number[])[];
  readonly length: number;
  readonly before: Place | null;
  readonly character: number;
}

function search(
  { minLength, maxLength }: Wanted,
  automata: readonly Automaton[],
  matched: number,
  count: number,
): { words: string[]; complete: boolean } {
  const characters = representatives(automata);
  // Past the last length that matters all lengths are alike.
  const lengthsTold = maxLength === Number.POSITIVE_INFINITY ? minLength : maxLength + 1;
  const keyOf = (place: Place) => `${Math.min(place.length, lengthsTold)}|${place.states.join("|")}`;
  const first: Place = {
    states: automata.map((automaton) => automaton.start()),
    length: 0,
    before: null,
    character: 0,
  };
  const seen = new Set([keyOf(first)]);
  const queue: Place[] = [first];
  const words: string[] = [];
  for (let next = 0; next < queue.length; next++) {
    const place = queue[next] as Place;
    if (place.length >= minLength && accepted(place, automata, matched)) {
      words.push(textOf(place));
      if (words.length === count) return { words, complete: true };
    }
    if (place.length >= maxLength) continue;
    for (const character of characters) {
      const states = automata.map((automaton, index) =>
        automaton.after(place.states[index] as readonly number[], character),
      );
      if (states.slice(0, matched).some((set) => set.length === 0)) continue;
      const reached: Place = { states, length: place.length + 1, before: place, character };
      const key = keyOf(reached);
      if (seen.has(key)) continue;
      if (seen.size >= combinationsAllowed) return { words, complete: false };
      seen.add(key);
      queue.push(reached);
    }
  }
  return { words, complete: true };
}

function accepted(place: Place, automata: readonly Automaton[], matched: number): boolean {
  return automata.every(
    (automaton, index) =>
      automaton.accepts(place.states[index] as readonly number[], place.length === 0) === index < matched,
  );
}

function textOf(place: Place): string {
  const characters: number[] = [];
  for (let at: Place | null = place; at !== null && at.before !== null; at = at.before)
    characters.push(at.character);
  return String.fromCodePoint(...characters.reverse());
}

/** Readable ones first. */
const preferred = [..."aA0xX1bB-_. "].map((character) => character.codePointAt(0) as number);

/** One character of each kind that some automaton tells apart. */
function representatives(automata: readonly Automaton[]): number[] {
  const cuts = new Set([0]);
  for (const { sets } of automata) {
    for (const set of sets) {
      for (const [low, high] of set) {
        cuts.add(low);
        if (high < lastCodePoint) cuts.add(high + 1);
      }
    }
  }
  const starts = [...cuts].sort((a, b) => a - b);
  const chosen = starts.map((low, index) => {
    const high = (starts[index + 1] ?? lastCodePoint + 1) - 1;
    return (
      preferred.find((point) => low <= point && point <= high) ?? (low <= 0x21 && 0x21 <= high ? 0x21 : low)
    );
  });
  const rank = (point: number) =>
    preferred.includes(point) ? preferred.indexOf(point) : point + preferred.length;
  return chosen.sort((a, b) => rank(a) - rank(b));
}
