import { invalid } from "./stripe-refusal.ts";

/** One clause of the search language, e.g. `metadata['order']:'17'`, `-status:'canceled'`, `amount>=500`. */
interface Clause {
  readonly field: string;
  /** The key in `metadata['key']`. */
  readonly key: string | null;
  readonly operator: ":" | "~" | ">" | ">=" | "<" | "<=";
  readonly value: string | null;
  readonly negated: boolean;
}

const clause =
  /^\s*(-?)([a-z_]+)(?:\[(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\])?(:|~|>=|<=|>|<)(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(-?\d+)|(null))\s*/;

/** What can be searched for. `amount` and `created` are numbers: they can be compared. */
const searchable = ["metadata", "status", "currency", "customer", "email", "name", "amount", "created"];
const numbers = ["amount", "created"];

/**
 * Reads a query: clauses joined by AND (or nothing), or by OR, never both.
 * Errors: 400 for anything it does not understand: a query misread would answer something wrong in silence.
 */
export function readSearch(query: string): (item: object) => boolean {
  const clauses: Clause[] = [];
  const joints = new Set<string>();
  let rest = query;
  while (rest.trim() !== "") {
    if (clauses.length > 0) {
      const joint = /^\s*(AND|OR)\s+/i.exec(rest);
      joints.add(joint?.[1]?.toUpperCase() ?? "AND");
      rest = rest.slice(joint?.[0].length ?? 0);
    }
    const match = clause.exec(rest);
    if (match === null) throw misread(query);
    clauses.push(clauseOf(match, query));
    rest = rest.slice(match[0].length);
  }
  if (clauses.length === 0 || joints.size > 1) throw misread(query);
  const holds = (item: object) => (one: Clause) => isTrue(one, item) !== one.negated;
  return joints.has("OR") ? (item) => clauses.some(holds(item)) : (item) => clauses.every(holds(item));
}

/** The values that a query asks for under one metadata key: what a call log can be searched by. */
export function metadataSought(query: string, key: string): readonly string[] {
  const found = [...query.matchAll(/metadata\[["']([^"']*)["']\]:["']((?:[^"'\\]|\\.)*)["']/g)];
  return found.flatMap(([, name, value]) => (name === key ? [unescaped(value as string)] : []));
}

function clauseOf(match: RegExpExecArray, query: string): Clause {
  const [, minus, field = "", inDouble, inSingle, operator, double, single, number] = match;
  const key = inDouble ?? inSingle ?? null;
  const isNumber = numbers.includes(field);
  if (!searchable.includes(field) || (field === "metadata") !== (key !== null)) throw misread(query);
  if (operator !== ":" && (operator === "~") === isNumber) throw misread(query);
  const text = double ?? single;
  const value = text === undefined ? (number ?? null) : unescaped(text);
  if (isNumber && (value === null || !/^-?\d+$/.test(value))) throw misread(query);
  return {
    field,
    key: key === null ? null : unescaped(key),
    operator: operator as Clause["operator"],
    value,
    negated: minus === "-",
  };
}

function isTrue({ field, key, operator, value }: Clause, item: object): boolean {
  const whole = (item as Record<string, unknown>)[field];
  const actual = key === null ? whole : (whole as Record<string, unknown> | undefined)?.[key];
  if (value === null) return actual === undefined || actual === null;
  if (actual === undefined || actual === null) return false;
  switch (operator) {
    case ":":
      return String(actual) === value;
    case "~":
      return String(actual).toLowerCase().includes(value.toLowerCase());
    case ">":
      return Number(actual) > Number(value);
    case ">=":
      return Number(actual) >= Number(value);
    case "<":
      return Number(actual) < Number(value);
    case "<=":
      return Number(actual) <= Number(value);
  }
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, "$1");
}

function misread(query: string): Error {
  return invalid(`We were unable to parse your search query: ${query.slice(0, 200)}`, "query");
}
