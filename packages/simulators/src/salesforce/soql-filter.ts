import type { Condition, WhereClause } from "@jetstreamapp/soql-parser-js";
import { refuse } from "./api-error.ts";
import { normalizeId } from "./record-id.ts";
import { dateRange } from "./soql-dates.ts";
import { type Path, resolvePath, type Scope } from "./soql-scope.ts";
import type { Row } from "./store.ts";
import type { Value } from "./value.ts";

export type Filter = (row: Row) => boolean;

type Token =
  | { readonly kind: "(" | ")" | "NOT" | "AND" | "OR" }
  | { readonly kind: "condition"; readonly condition: Condition };

/**
 * Compiles a WHERE clause. The parser's tree hangs to the right and tells parentheses by number only, so it is read again
 * as a row of tokens: AND and OR side by side without parentheses are refused, as Salesforce does.
 * Errors: MALFORMED_QUERY, INVALID_FIELD.
 */
export function compileFilter(scope: Scope, where: WhereClause | undefined): Filter {
  if (where === undefined) return () => true;
  const tokens = tokensOf(where);
  const filter = readChain(scope, tokens);
  if (tokens.length > 0) throw malformed("unexpected end of the WHERE clause");
  return filter;
}

function tokensOf(where: WhereClause): Token[] {
  const tokens: Token[] = [];
  let clause: WhereClause | undefined = where;
  while (clause !== undefined) {
    const left = clause.left as (Partial<Condition> & { openParen?: number; closeParen?: number }) | null;
    for (let n = left?.openParen ?? 0; n > 0; n -= 1) tokens.push({ kind: "(" });
    if (left !== null && "operator" in left) tokens.push({ kind: "condition", condition: left as Condition });
    for (let n = left?.closeParen ?? 0; n > 0; n -= 1) tokens.push({ kind: ")" });
    const next: { operator?: "AND" | "OR" | "NOT"; right?: WhereClause } = "operator" in clause ? clause : {};
    if (next.operator !== undefined) tokens.push({ kind: next.operator });
    clause = next.right;
  }
  return tokens;
}

function readChain(scope: Scope, tokens: Token[]): Filter {
  const terms = [readTerm(scope, tokens)];
  let joined: "AND" | "OR" | null = null;
  for (let kind = tokens[0]?.kind; kind === "AND" || kind === "OR"; kind = tokens[0]?.kind) {
    if (joined !== null && joined !== kind) throw malformed(`unexpected token: ${kind}`);
    joined = kind;
    tokens.shift();
    terms.push(readTerm(scope, tokens));
  }
  if (joined === "OR") return (row) => terms.some((term) => term(row));
  return (row) => terms.every((term) => term(row));
}

function readTerm(scope: Scope, tokens: Token[]): Filter {
  const token = tokens.shift();
  switch (token?.kind) {
    case "NOT": {
      const term = readTerm(scope, tokens);
      return (row) => !term(row);
    }
    case "(": {
      const chain = readChain(scope, tokens);
      if (tokens.shift()?.kind !== ")") throw malformed("expecting a right parentheses");
      return chain;
    }
    case "condition":
      return compileCondition(scope, token.condition);
    default:
      throw malformed(`unexpected token: ${token?.kind ?? "<EOF>"}`);
  }
}

function compileCondition(scope: Scope, condition: Condition): Filter {
  if (!("field" in condition) || !("value" in condition)) {
    throw malformed("functions and subqueries in a WHERE clause are not imitated by this simulator");
  }
  const { field: name, operator, value, literalType } = condition;
  const path = resolvePath(scope, name);
  const literals = [value].flat();
  const types = [literalType].flat();
  const operands = literals.map((literal, i) => readOperand(scope, path, literal, types[i] ?? types[0]));
  const [operand] = operands as [Operand, ...Operand[]];
  switch (operator) {
    case "=":
      return (row) => equals(path, path.read(row), operand);
    case "!=":
      return (row) => !equals(path, path.read(row), operand);
    case "IN":
      return (row) => operands.some((one) => equals(path, path.read(row), one));
    case "NOT IN":
      return (row) => !operands.some((one) => equals(path, path.read(row), one));
    case "LIKE":
      return like(path, String(operand));
    case "<":
    case ">":
    case "<=":
    case ">=":
      return ordered(path, operator, operand);
    default:
      throw malformed(`operator is not imitated by this simulator: ${operator}`);
  }
}

/** A plain value, or for a date literal the stretch of time it means. */
type Operand = Value | { readonly from: string; readonly until: string };

function readOperand({ now }: Scope, { field }: Path, literal: string, type: string | undefined): Operand {
  const isTime = field.type === "date" || field.type === "datetime";
  const fits = (expected: boolean) => {
    if (expected) return;
    const quotes = type === "STRING" ? " and should not be enclosed in quotes" : "";
    const message = `filter criterion for field '${field.name}' must be of type ${field.type}${quotes}`;
    throw refuse("INVALID_FIELD", `value of ${message}`);
  };
  switch (type) {
    case "NULL":
      return null;
    case "STRING": {
      const isText = !isTime && field.type !== "boolean" && field.type !== "double";
      fits(isText);
      const text = unquoted(literal);
      if (field.type !== "id" && field.type !== "reference") return text;
      const id = normalizeId(text);
      if (id === null) throw refuse("INVALID_QUERY_FILTER_OPERATOR", `invalid ID field: ${text}`);
      return id;
    }
    case "INTEGER":
    case "DECIMAL":
      fits(field.type === "double");
      return Number(literal);
    case "BOOLEAN":
      fits(field.type === "boolean");
      return literal.toUpperCase() === "TRUE";
    case "DATE":
      fits(field.type === "date");
      return literal;
    case "DATETIME":
      fits(field.type === "datetime");
      return new Date(literal).toISOString();
    case "DATE_LITERAL":
    case "DATE_N_LITERAL": {
      fits(isTime);
      const range = dateRange(literal, now);
      if (field.type === "datetime") return range;
      return { from: range.from.slice(0, 10), until: range.until.slice(0, 10) };
    }
    default:
      throw malformed(`a value of this kind is not imitated by this simulator: ${literal}`);
  }
}

function equals({ field }: Path, actual: Value, operand: Operand): boolean {
  if (operand !== null && typeof operand === "object") {
    return typeof actual === "string" && actual >= operand.from && actual < operand.until;
  }
  const foldsCase =
    typeof actual === "string" && typeof operand === "string" && field.unique !== "case-sensitive";
  if (!foldsCase || field.type === "id" || field.type === "reference") return actual === operand;
  return actual.toLowerCase() === operand.toLowerCase();
}

function ordered(path: Path, operator: "<" | ">" | "<=" | ">=", operand: Operand): Filter {
  if (operand === null || typeof operand === "boolean") {
    throw malformed(`operator ${operator} does not fit the value of ${path.field.name}`);
  }
  const isRange = typeof operand === "object";
  return (row) => {
    const actual = path.read(row);
    if (actual === null) return false;
    if (isRange) {
      const text = String(actual);
      if (operator === "<") return text < operand.from;
      if (operator === ">") return text >= operand.until;
      return operator === "<=" ? text < operand.until : text >= operand.from;
    }
    const order = compareValues(actual, operand);
    if (operator === "<") return order < 0;
    if (operator === ">") return order > 0;
    return operator === "<=" ? order <= 0 : order >= 0;
  };
}

/** Text without regard to case; null first. */
export function compareValues(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [String(a).toLowerCase(), String(b).toLowerCase()];
  return left < right ? -1 : left > right ? 1 : 0;
}

function like(path: Path, pattern: string): Filter {
  if (["boolean", "double", "date", "datetime", "id", "reference"].includes(path.field.type)) {
    throw malformed(`LIKE does not fit field ${path.field.name}`);
  }
  const source = [...pattern.matchAll(/\\(.)|([\s\S])/g)]
    .map(([, escaped, plain]) => {
      if (plain === "%") return "[\\s\\S]*";
      if (plain === "_") return "[\\s\\S]";
      return ((escaped ?? plain) as string).replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    })
    .join("");
  const expression = new RegExp(`^${source}$`, "i");
  return (row) => {
    const actual = path.read(row);
    return typeof actual === "string" && expression.test(actual);
  };
}

/** Escapes of `%` and `_` stay for LIKE. */
function unquoted(literal: string): string {
  const letters: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
  return literal
    .replace(/^'|'$/g, "")
    .replace(/\\([^%_])/g, (_, letter: string) => letters[letter.toLowerCase()] ?? letter);
}

function malformed(message: string) {
  return refuse("MALFORMED_QUERY", message);
}
