/** $filter of OData 2.0: the part of it that clients of these services use. Anything else is an error, never a silent wrong result. */
import type { EdmType, EdmValue, Property, Row } from "./entity-set.ts";

export type Filter = (row: Row) => boolean;

export interface ReadFilter {
  readonly filter: Filter;
  /** Properties of which every row that passes has one of these values, as far as the filter says so. */
  readonly among: Among;
}

/** Says what in the filter cannot be understood. */
export class FilterUnreadable extends Error {}

/** Values by property; for whoever has an index. */
export type Among = ReadonlyMap<string, ReadonlySet<EdmValue>>;

const anything: Among = new Map();
const depthAllowed = 100;

type Term = (row: Row) => EdmValue;

interface Node {
  readonly test: Filter;
  readonly among: Among;
}

const comparisons: Readonly<Record<string, (a: number | string, b: number | string) => boolean>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
};

const token =
  /\s*(?:(datetimeoffset|datetime|guid|time)'([^']*)'|'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?)([mMdDfFlL]?)(?![\w.])|([A-Za-z_][\w]*)|([(),]))/y;

type Token =
  | { readonly kind: "literal"; readonly value: EdmValue; readonly type: EdmType | "number" }
  | { readonly kind: "word" | "sign"; readonly text: string };

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  const end = text.trimEnd().length;
  while (at < end) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (match === null) throw new FilterUnreadable(`Invalid token at position ${at}`);
    at = token.lastIndex;
    const [, typed, inside, quoted, number, , word, sign] = match;
    if (typed !== undefined) found.push(typedLiteral(typed, inside as string));
    else if (quoted !== undefined) {
      found.push({ kind: "literal", value: quoted.replaceAll("''", "'"), type: "Edm.String" });
    } else if (number !== undefined) found.push({ kind: "literal", value: Number(number), type: "number" });
    else if (word === "true" || word === "false") {
      found.push({ kind: "literal", value: word === "true", type: "Edm.Boolean" });
    } else if (word === "null") found.push({ kind: "literal", value: null, type: "Edm.String" });
    else found.push({ kind: word === undefined ? "sign" : "word", text: (word ?? sign) as string });
  }
  return found;
}

function typedLiteral(type: string, inside: string): Token {
  if (type === "guid") return { kind: "literal", value: inside, type: "Edm.String" };
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/.test(inside) ? inside : `${inside}Z`;
  const ms = Date.parse(/T/.test(zoned) ? zoned : `${inside}T00:00:00Z`);
  if (type === "time" || Number.isNaN(ms)) throw new FilterUnreadable(`Invalid literal ${type}'${inside}'`);
  return { kind: "literal", value: ms, type: type === "datetime" ? "Edm.DateTime" : "Edm.DateTimeOffset" };
}

/** Errors: FilterUnreadable. `typeName` is for its words. */
export function readFilter(
  text: string,
  properties: Readonly<Record<string, Property>>,
  typeName: string,
): ReadFilter {
  const input = tokens(text);
  let at = 0;
  let depth = 0;
  const peek = (): string | null => {
    const next = input[at];
    return next === undefined || next.kind === "literal" ? null : next.text;
  };
  const take = (): Token => {
    const next = input[at];
    if (next === undefined) throw new FilterUnreadable("The expression ends too soon");
    at += 1;
    return next;
  };
  const expect = (sign: string): void => {
    if (peek() !== sign) throw new FilterUnreadable(`${sign} expected`);
    at += 1;
  };

  /** One part, or several joined by the word. Kept flat: a caller may ask for hundreds of references in one filter. */
  function joined(word: "or" | "and", part: () => Node): Node {
    const parts = [part()];
    while (peek() === word) {
      at += 1;
      parts.push(part());
    }
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return only;
    const tests = parts.map(({ test }) => test);
    return word === "or"
      ? { test: (row) => tests.some((test) => test(row)), among: inAny(parts) }
      : { test: (row) => tests.every((test) => test(row)), among: inAll(parts) };
  }
  function either(): Node {
    depth += 1;
    if (depth > depthAllowed) throw new FilterUnreadable("The expression is nested too deeply");
    const node = joined("or", () => joined("and", one));
    depth -= 1;
    return node;
  }
  function one(): Node {
    if (peek() === "not") {
      at += 1;
      depth += 1;
      if (depth > depthAllowed) throw new FilterUnreadable("The expression is nested too deeply");
      const { test } = one();
      depth -= 1;
      return { test: (row) => !test(row), among: anything };
    }
    if (peek() === "(") {
      at += 1;
      const inside = either();
      expect(")");
      return inside;
    }
    const left = term();
    const word = peek();
    const compare = word !== null && Object.hasOwn(comparisons, word) ? comparisons[word] : undefined;
    if (word === null || compare === undefined) {
      if (left.type !== "Edm.Boolean") throw new FilterUnreadable("A comparison is missing");
      return { test: (row) => left.of(row) === true, among: anything };
    }
    at += 1;
    const right = term();
    return comparison(left, word, compare, right);
  }

  interface Typed {
    readonly of: Term;
    readonly type: EdmType | "number";
    readonly property?: string;
    readonly literal?: EdmValue;
  }

  function term(): Typed {
    const next = take();
    if (next.kind === "literal") return { of: () => next.value, type: next.type, literal: next.value };
    if (next.kind === "sign") throw new FilterUnreadable(`${next.text} is not expected here`);
    if (peek() === "(") return call(next.text);
    const property = Object.hasOwn(properties, next.text) ? properties[next.text] : undefined;
    if (property === undefined) {
      throw new FilterUnreadable(`Property '${next.text}' not found in type '${typeName}'`);
    }
    const name = next.text;
    return { of: (row) => row[name] ?? null, type: property.type, property: name };
  }

  function call(name: string): Typed {
    expect("(");
    const given: Typed[] = [];
    while (peek() !== ")") {
      given.push(term());
      if (peek() === ",") at += 1;
      else if (peek() !== ")") throw new FilterUnreadable("A comma is missing");
    }
    expect(")");
    const text = (i: number) => (row: Row) => String(given[i]?.of(row) ?? "");
    const [a, b] = [text(0), text(1)];
    const wanted = name === "tolower" || name === "toupper" ? 1 : 2;
    if (given.length !== wanted) throw new FilterUnreadable(`${name} takes ${wanted} parameters`);
    switch (name) {
      case "substringof":
        return { of: (row) => b(row).includes(a(row)), type: "Edm.Boolean" };
      case "startswith":
        return { of: (row) => a(row).startsWith(b(row)), type: "Edm.Boolean" };
      case "endswith":
        return { of: (row) => a(row).endsWith(b(row)), type: "Edm.Boolean" };
      case "tolower":
        return { of: (row) => a(row).toLowerCase(), type: "Edm.String" };
      case "toupper":
        return { of: (row) => a(row).toUpperCase(), type: "Edm.String" };
      default:
        throw new FilterUnreadable(`Function ${name} is not supported`);
    }
  }

  function comparison(left: Typed, word: string, compare: (typeof comparisons)[string], right: Typed): Node {
    const numeric = isNumeric(left.type) || isNumeric(right.type);
    if (numeric && !(isNumeric(left.type) && isNumeric(right.type)) && !isNull(left) && !isNull(right)) {
      throw new FilterUnreadable(`${left.type} and ${right.type} cannot be compared`);
    }
    if (!numeric && left.type !== right.type && !isNull(left) && !isNull(right)) {
      throw new FilterUnreadable(`${left.type} and ${right.type} cannot be compared`);
    }
    const test: Filter = (row) => {
      const [a, b] = [left.of(row), right.of(row)];
      if (a === null || b === null) return word === "eq" ? a === b : word === "ne" && a !== b;
      return numeric
        ? compare(Number(a), Number(b))
        : compare(typeof a === "boolean" ? String(a) : a, typeof b === "boolean" ? String(b) : b);
    };
    const { property } = left;
    const { literal } = right;
    const named = property !== undefined && literal !== undefined && word === "eq";
    return { test, among: named ? new Map([[property, new Set([literal])]]) : anything };
  }

  const whole = either();
  if (at < input.length) throw new FilterUnreadable("The expression goes on after its end");
  return { filter: whole.test, among: whole.among };
}

/** Each part's demands hold. Of two on one property the one with fewer values is kept: the test decides in any case. */
function inAll(parts: readonly Node[]): Among {
  const all = new Map<string, ReadonlySet<EdmValue>>();
  for (const { among } of parts) {
    for (const [property, values] of among) {
      const before = all.get(property);
      if (before === undefined || values.size < before.size) all.set(property, values);
    }
  }
  return all;
}

/** What every part says something about. */
function inAny(parts: readonly Node[]): Among {
  const [first, ...others] = parts;
  const any = new Map<string, Set<EdmValue>>();
  for (const [property, values] of first?.among ?? anything) {
    const union = new Set(values);
    const named = others.every(({ among }) => {
      for (const value of among.get(property) ?? []) union.add(value);
      return among.has(property);
    });
    if (named) any.set(property, union);
  }
  return any;
}

function isNumeric(type: EdmType | "number"): boolean {
  return type !== "Edm.String" && type !== "Edm.Boolean";
}

function isNull({ literal }: { readonly literal?: EdmValue }): boolean {
  return literal === null;
}
