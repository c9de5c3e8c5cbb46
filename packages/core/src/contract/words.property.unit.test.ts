import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Choose, chooser, tapes } from "./schema-pairs.fixture.ts";
import { findWords } from "./words.ts";

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = Number(process.env.TEST_RUNS ?? 2_000);
console.log(`# TEST_SEED=${seed} TEST_RUNS=${numRuns}`);

/**
 * A regular expression, anchored or not, over few characters so that two of them have something in common.
 * None past 16 bits, because the judge is wrong about some: `/[^a]$/u.test("😀")` is false in Node 26.10, which it is not by
 * ECMAScript, and not with the `v` flag.
 */
function makePattern(choose: Choose, depth = 3): string {
  const start = choose(3) > 0 ? "^" : "";
  const end = choose(3) > 0 ? "$" : "";
  return `${start}${makePart(choose, depth)}${end}`;
}

function makePart(choose: Choose, depth: number): string {
  const inner = () => makePart(choose, depth - 1);
  switch (depth <= 0 ? choose(8) : choose(15)) {
    case 0:
    case 1:
      return "a";
    case 2:
      return "b";
    case 3:
      return one(choose, ["[ab]", "[^a]", "[a-c1-3]", "[^\\d]", "[\\w-]", "[-a]", "[]", "[^]"]);
    case 4:
      return one(choose, [".", "\\d", "\\w", "\\s", "\\S", "\\D", "\\W"]);
    case 5:
      return one(choose, ["\\.", "\\n", "\\x61", "\\u0062", "\\u{E9}", "-", "\\/", "é"]);
    case 6:
      return "";
    case 7:
      return "ab";
    case 8:
      return `(?:${inner()}|${inner()})`;
    case 9:
      return `(${inner()})${one(choose, ["*", "+", "?", "*?", "{2}", "{1,3}", "{0,2}", "{1,}"])}`;
    case 10:
      return `(?<n${choose(1_000_000)}>${inner()})`;
    case 11:
      return `(?:^${inner()}|${inner()}$)`;
    default:
      return `${inner()}${inner()}`;
  }
}

function one(choose: Choose, options: readonly string[]): string {
  return options[choose(options.length)] as string;
}

const letters = ["a", "b", "c", "1", "-", ".", " ", "\n", "é", "_", "A"];

function makeText(choose: Choose): string {
  return Array.from({ length: choose(7) }, () => one(choose, letters)).join("");
}

function valid(pattern: string): boolean {
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}

const found = (pattern: string, text: string) => new RegExp(pattern, "u").test(text);

describe("whatever the patterns,", () => {
  test("every word found matches what it must and avoids what it must, and where none is said to be there is none", () => {
    const told = { words: 0, none: 0, given: 0 };
    fc.assert(
      fc.property(tapes, tapes, (tape, further) => {
        const choose = chooser(tape);
        const match = [makePattern(choose), ...(choose(2) === 0 ? [] : [makePattern(choose)])].filter(valid);
        const avoid = (choose(3) === 0 ? [] : [makePattern(choose)]).filter(valid);
        const minLength = choose(3);
        const maxLength = choose(3) === 0 ? Number.POSITIVE_INFINITY : minLength + choose(4) - 1;
        const fits = (text: string) => {
          const length = [...text].length;
          return (
            length >= minLength &&
            length <= maxLength &&
            match.every((pattern) => found(pattern, text)) &&
            !avoid.some((pattern) => found(pattern, text))
          );
        };
        const { words, complete } = findWords({ match, avoid, minLength, maxLength }, 3);
        for (const word of words)
          assert.ok(fits(word), JSON.stringify({ match, avoid, minLength, maxLength, word }));
        assert.equal(new Set(words).size, words.length);
        told.words += words.length;
        if (!complete) told.given++;
        if (!complete || words.length > 0) return;
        told.none++;
        const draw = chooser(further);
        for (let n = 0; n < 60; n++) {
          const text = makeText(draw);
          assert.ok(!fits(text), JSON.stringify({ match, avoid, minLength, maxLength, text }));
        }
      }),
      { seed, numRuns },
    );
    console.log(`# ${JSON.stringify(told)}`);
    assert.ok(told.words > numRuns / 2 && told.none > numRuns / 20 && told.given < numRuns / 50);
  });

  test("a pattern avoids itself", () => {
    fc.assert(
      fc.property(tapes, (tape) => {
        const pattern = makePattern(chooser(tape));
        if (!valid(pattern)) return;
        const { words } = findWords({ match: [pattern], avoid: [pattern], minLength: 0, maxLength: 20 });
        assert.deepEqual(words, []);
      }),
      { seed, numRuns: numRuns / 10 },
    );
  });
});

describe("a pattern beyond us is not guessed about:", () => {
  for (const pattern of [
    "(?=a)",
    "(?!a)",
    "(?<=a)b",
    "(a)\\1",
    "\\bword",
    "\\p{L}",
    "a{2000}",
    "(?<n>a)\\k<n>",
    "(",
  ]) {
    test(pattern, () => {
      const wanted = { match: [pattern], minLength: 0, maxLength: 10 };
      assert.deepEqual(findWords(wanted), { words: [], complete: false });
    });
  }
});

test("a character past 16 bits is one character", () => {
  const wanted = { match: ["^[^a-z]$", "😀"], minLength: 1, maxLength: 1 };
  assert.deepEqual(findWords(wanted), { words: ["😀"], complete: true });
});

test("a search that grows too large is given up, not answered", () => {
  const match = ["^(?:a|b)*a(?:a|b){12}$", "^(?:a|b)*b(?:a|b){13}$"];
  const { complete } = findWords({
    match,
    avoid: ["^(?:a|b)*a(?:a|b){15}$", "a", "b"],
    minLength: 0,
    maxLength: 400,
  });
  assert.equal(complete, false);
});
