import { invalid } from "./stripe-refusal.ts";

/** Parameters as a form or a query carries them: texts, lists and objects of such, named with brackets. */
export type Parameter = string | Parameters | readonly Parameter[];
export interface Parameters {
  readonly [name: string]: Parameter;
}

/** Levels of brackets; the deepest that a real client sends here has three. */
const depthAllowed = 6;
const pairsAllowed = 1_000;

interface Tree {
  [name: string]: string | Tree;
}

/**
 * Reads `a=1&b[c]=2&d[0]=3&d[]=4`. Lists keep the order of their numbers; `[]` goes to the end.
 * Errors: 400 when it is nested too deep, too long, or says one name in two ways.
 */
export function readParameters(text: string): Parameters {
  const root: Tree = Object.create(null);
  const pairs = text.split("&").filter((pair) => pair !== "");
  if (pairs.length > pairsAllowed) throw invalid("Too many parameters.");
  for (const pair of pairs) {
    const cut = pair.indexOf("=");
    const name = decoded(cut === -1 ? pair : pair.slice(0, cut));
    put(root, pathOf(name), cut === -1 ? "" : decoded(pair.slice(cut + 1)), name);
  }
  return withLists(root) as Parameters;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw invalid(`Invalid encoding: ${text.slice(0, 100)}`);
  }
}

/** `a[b][0]` is a, b, 0. */
function pathOf(name: string): readonly string[] {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name);
  if (match === null) throw invalid(`Invalid parameter name: ${name.slice(0, 100)}`);
  const inner = [...(match[2] as string).matchAll(/\[([^[\]]*)\]/g)].map((part) => part[1] as string);
  if (inner.length > depthAllowed) throw invalid(`Parameter is nested too deep: ${name.slice(0, 100)}`);
  return [match[1] as string, ...inner];
}

function put(root: Tree, path: readonly string[], value: string, name: string): void {
  let tree = root;
  for (const [index, part] of path.entries()) {
    const key = part === "" ? String(Object.keys(tree).length) : part;
    if (index === path.length - 1) {
      if (typeof tree[key] === "object") throw invalid(`Parameter is given in two ways: ${name}`);
      tree[key] = value;
      return;
    }
    const next = tree[key] ?? (Object.create(null) as Tree);
    if (typeof next === "string") throw invalid(`Parameter is given in two ways: ${name}`);
    tree[key] = next;
    tree = next;
  }
}

function withLists(tree: Tree): Parameter {
  const entries = Object.entries(tree).map(
    ([name, value]) => [name, typeof value === "string" ? value : withLists(value)] as const,
  );
  const isList = entries.length > 0 && entries.every(([name]) => /^\d{1,4}$/.test(name));
  if (!isList) return Object.assign(Object.create(null), Object.fromEntries(entries));
  return entries.toSorted(([a], [b]) => Number(a) - Number(b)).map(([, value]) => value);
}

/** Everything in one fixed order: what an idempotency key is compared by. */
export function canonical(value: Parameter): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonical).join()}]`;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join()}}`;
}

/** Errors: 400 `parameter_unknown` for a name that is not one of these. */
export function onlyKnown(parameters: Parameters, known: readonly string[]): void {
  const unknown = Object.keys(parameters).find((name) => name !== "expand" && !known.includes(name));
  if (unknown !== undefined)
    throw invalid(`Received unknown parameter: ${unknown}`, unknown, "parameter_unknown");
}

/** TypeScript's own test does not tell read-only lists from objects. */
export function isList(value: Parameter | undefined): value is readonly Parameter[] {
  return Array.isArray(value);
}

export function text(parameters: Parameters, name: string): string | null {
  const value = parameters[name];
  if (value === undefined || value === "") return null;
  if (typeof value !== "string") throw invalid(`Invalid string: ${name}`, name);
  return value;
}

export function requiredText(parameters: Parameters, name: string): string {
  const value = text(parameters, name);
  if (value === null) throw invalid(`Missing required param: ${name}.`, name, "parameter_missing");
  return value;
}

export function integer(parameters: Parameters, name: string, least = 0): number | null {
  const value = text(parameters, name);
  if (value === null) return null;
  if (!/^-?\d{1,15}$/.test(value))
    throw invalid(`Invalid integer: ${value}`, name, "parameter_invalid_integer");
  if (Number(value) < least) {
    throw invalid(`This value must be greater than or equal to ${least}.`, name, "parameter_invalid_integer");
  }
  return Number(value);
}

export function requiredInteger(parameters: Parameters, name: string, least = 0): number {
  const value = integer(parameters, name, least);
  if (value === null) throw invalid(`Missing required param: ${name}.`, name, "parameter_missing");
  return value;
}

export function flag(parameters: Parameters, name: string): boolean {
  const value = text(parameters, name);
  if (value === null || value === "false") return false;
  if (value === "true") return true;
  throw invalid(`Invalid boolean: ${value}`, name);
}

export function choice<Value extends string>(
  parameters: Parameters,
  name: string,
  values: readonly Value[],
): Value | null {
  const value = text(parameters, name);
  if (value === null) return null;
  if ((values as readonly string[]).includes(value)) return value as Value;
  throw invalid(`Invalid ${name}: must be one of ${values.join(", ")}`, name);
}

export function list(parameters: Parameters, name: string): readonly string[] | null {
  const value = parameters[name];
  if (value === undefined) return null;
  const values = isList(value) ? value : [value];
  if (values.every((one): one is string => typeof one === "string")) return values;
  throw invalid(`Invalid array: ${name}`, name);
}

/** ISO 4217, in lower case. */
export function currency(parameters: Parameters): string {
  const value = requiredText(parameters, "currency").toLowerCase();
  if (Intl.supportedValuesOf("currency").includes(value.toUpperCase())) return value;
  throw invalid(`Invalid currency: ${value}.`, "currency");
}

export type Metadata = Readonly<Record<string, string>>;

/** Metadata after a change: given names replace, an empty value removes, an empty whole removes everything. */
export function changedMetadata(before: Metadata, parameters: Parameters): Metadata {
  const given = parameters.metadata;
  if (given === undefined) return before;
  if (given === "") return {};
  if (typeof given !== "object" || isList(given)) throw invalid("Invalid object", "metadata");
  const after: Record<string, string> = { ...before };
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== "string") throw invalid("Metadata values must be strings", `metadata[${name}]`);
    if (name.length > 40) throw invalid("Metadata keys have at most 40 characters", "metadata");
    if (value.length > 500) throw invalid("Metadata values have at most 500 characters", `metadata[${name}]`);
    if (value === "") delete after[name];
    else after[name] = value;
  }
  if (Object.keys(after).length > 50) throw invalid("Metadata has at most 50 keys", "metadata");
  return after;
}
