/** Regular expressions of JSON Schema (ECMAScript, `u` flag) as trees, as far as they describe regular languages plainly. */

/** Inclusive ranges of code points, ascending and apart. */
export type CharacterSet = readonly (readonly [number, number])[];

export type PatternNode =
  | { readonly is: "characters"; readonly set: CharacterSet }
  | { readonly is: "sequence"; readonly parts: readonly PatternNode[] }
  | { readonly is: "choice"; readonly options: readonly PatternNode[] }
  | { readonly is: "repeat"; readonly part: PatternNode; readonly least: number; readonly most: number }
  | { readonly is: "start" }
  | { readonly is: "end" };

export const lastCodePoint = 0x10ffff;
/** Repetitions are unrolled; more than this would make automata too large to be of use. */
const repetitionsUnrolled = 1_024;

/** The tree, or null when the pattern uses what we do not read: look-around, back references, word boundaries, properties. */
export function parsePattern(text: string): PatternNode | null {
  try {
    new RegExp(text, "u");
  } catch {
    return null;
  }
  const reader = { characters: [...text], at: 0 };
  const node = choice(reader);
  return node !== null && reader.at === reader.characters.length ? node : null;
}

interface Reader {
  readonly characters: readonly string[];
  at: number;
}

function choice(reader: Reader): PatternNode | null {
  const options: PatternNode[] = [];
  for (;;) {
    const option = sequence(reader);
    if (option === null) return null;
    options.push(option);
    if (!take(reader, "|")) return options.length === 1 ? option : { is: "choice", options };
  }
}

function sequence(reader: Reader): PatternNode | null {
  const parts: PatternNode[] = [];
  for (;;) {
    const next = reader.characters[reader.at];
    if (next === undefined || next === "|" || next === ")") return { is: "sequence", parts };
    const single = atom(reader);
    const part = single === null ? null : repeated(reader, single);
    if (part === null) return null;
    parts.push(part);
  }
}

function repeated(reader: Reader, part: PatternNode): PatternNode | null {
  const bounds = quantifier(reader);
  if (bounds === null) return part;
  take(reader, "?"); // Laziness changes what is found, not what matches.
  const [least, most] = bounds;
  if (least > repetitionsUnrolled || (most !== Number.POSITIVE_INFINITY && most > repetitionsUnrolled))
    return null;
  return { is: "repeat", part, least, most };
}

function quantifier(reader: Reader): [number, number] | null {
  if (take(reader, "*")) return [0, Number.POSITIVE_INFINITY];
  if (take(reader, "+")) return [1, Number.POSITIVE_INFINITY];
  if (take(reader, "?")) return [0, 1];
  const rest = reader.characters.slice(reader.at, reader.at + 24).join("");
  const match = /^\{(\d+)(,(\d*))?\}/.exec(rest);
  if (match === null) return null;
  reader.at += match[0].length;
  const least = Number(match[1]);
  const most = match[2] === undefined ? least : match[3] === "" ? Number.POSITIVE_INFINITY : Number(match[3]);
  return [least, most];
}

function atom(reader: Reader): PatternNode | null {
  const character = reader.characters[reader.at++] as string;
  switch (character) {
    case "^":
      return { is: "start" };
    case "$":
      return { is: "end" };
    case ".":
      return { is: "characters", set: without(lineEnds) };
    case "[":
      return bracket(reader);
    case "(":
      return group(reader);
    case "\\": {
      const set = escaped(reader);
      return set === null ? null : { is: "characters", set };
    }
    default:
      return { is: "characters", set: one(character) };
  }
}

function group(reader: Reader): PatternNode | null {
  if (take(reader, "?") && !take(reader, ":")) {
    const name = /^<[\p{ID_Start}$_][\p{ID_Continue}$]*>/u.exec(reader.characters.slice(reader.at).join(""));
    if (name === null) return null;
    reader.at += [...name[0]].length;
  }
  const node = choice(reader);
  return node !== null && take(reader, ")") ? node : null;
}

function bracket(reader: Reader): PatternNode | null {
  const negated = take(reader, "^");
  const ranges: (readonly [number, number])[] = [];
  while (!take(reader, "]")) {
    const low = member(reader);
    if (low === null) return null;
    const single = low.length === 1 && low[0]?.[0] === low[0]?.[1] ? low[0]?.[0] : undefined;
    const dash = reader.characters[reader.at] === "-" && reader.characters[reader.at + 1] !== "]";
    if (!dash || single === undefined) {
      ranges.push(...low);
      continue;
    }
    reader.at++;
    const high = member(reader)?.[0]?.[0];
    if (high === undefined) return null;
    ranges.push([single, high]);
  }
  const set = tidy(ranges);
  return { is: "characters", set: negated ? without(set) : set };
}

function member(reader: Reader): CharacterSet | null {
  const character = reader.characters[reader.at++] as string;
  if (character !== "\\") return one(character);
  if (take(reader, "b")) return [[8, 8]];
  if (take(reader, "-")) return one("-");
  return escaped(reader);
}

const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, v: 11, f: 12, "0": 0 };

function escaped(reader: Reader): CharacterSet | null {
  const character = reader.characters[reader.at++] as string;
  const known = classes[character];
  if (known !== undefined) return known;
  const control = controls[character];
  if (control !== undefined) return [[control, control]];
  const rest = reader.characters.slice(reader.at, reader.at + 10).join("");
  const hexadecimal =
    character === "x"
      ? /^[0-9a-fA-F]{2}/.exec(rest)
      : character === "u"
        ? (/^[0-9a-fA-F]{4}/.exec(rest) ?? /^\{([0-9a-fA-F]+)\}/.exec(rest))
        : null;
  if (hexadecimal !== null) {
    const point = Number.parseInt(hexadecimal[1] ?? hexadecimal[0], 16);
    // A pair of escapes may stand for one character; nobody writes patterns so, and we do not read them.
    if (point >= 0xd800 && point <= 0xdfff) return null;
    reader.at += hexadecimal[0].length;
    return [[point, point]];
  }
  return /^[\^$\\.*+?()[\]{}|/]$/.test(character) ? one(character) : null;
}

function take(reader: Reader, character: string): boolean {
  if (reader.characters[reader.at] !== character) return false;
  reader.at++;
  return true;
}

function one(character: string): CharacterSet {
  const point = character.codePointAt(0) as number;
  return [[point, point]];
}

function tidy(ranges: CharacterSet): CharacterSet {
  const result: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else result.push([low, high]);
  }
  return result;
}

function without(set: CharacterSet): CharacterSet {
  const result: [number, number][] = [];
  let from = 0;
  for (const [low, high] of tidy(set)) {
    if (low > from) result.push([from, low - 1]);
    from = high + 1;
  }
  if (from <= lastCodePoint) result.push([from, lastCodePoint]);
  return result;
}

const digits: CharacterSet = [[48, 57]];
const wordCharacters: CharacterSet = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const lineEnds: CharacterSet = [
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
];
const spaces: CharacterSet = [
  [9, 13],
  [32, 32],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const classes: Readonly<Record<string, CharacterSet>> = {
  d: digits,
  D: without(digits),
  w: wordCharacters,
  W: without(wordCharacters),
  s: spaces,
  S: without(spaces),
};
