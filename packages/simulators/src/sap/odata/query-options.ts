import type { EdmValue, EntitySet, Row } from "./entity-set.ts";
import { type Among, type Filter, FilterUnreadable, readFilter } from "./filter.ts";

export interface QueryOptions {
  readonly filter: Filter | null;
  readonly among: Among;
  readonly select: readonly string[] | null;
  readonly order: readonly { readonly property: string; readonly descending: boolean }[];
  readonly top: number | null;
  readonly skip: number;
  readonly counted: boolean;
  readonly json: boolean;
}

const known = new Set([
  "$filter",
  "$select",
  "$orderby",
  "$top",
  "$skip",
  "$skiptoken",
  "$inlinecount",
  "$format",
  "$expand",
  "sap-client",
  "sap-language",
]);

/** The query options of a request on an entity set, or what is wrong with them. */
export function readQueryOptions(
  query: URLSearchParams,
  accept: string,
  set: EntitySet,
): QueryOptions | string {
  for (const name of query.keys()) {
    if (name.startsWith("$") && !known.has(name)) return `The query option ${name} is not supported`;
  }
  if ((query.get("$expand") ?? "") !== "") return `${set.typeName} has no navigation properties to expand`;
  const numbers = {
    $top: null as number | null,
    $skip: null as number | null,
    $skiptoken: null as number | null,
  };
  for (const name of ["$top", "$skip", "$skiptoken"] as const) {
    const text = query.get(name);
    if (text === null) continue;
    if (!/^\d{1,9}$/.test(text)) return `Invalid value '${text}' of query option ${name}`;
    numbers[name] = Number(text);
  }
  const counted = query.get("$inlinecount") ?? "none";
  if (counted !== "none" && counted !== "allpages")
    return `Invalid value '${counted}' of query option $inlinecount`;
  const order: { property: string; descending: boolean }[] = [];
  for (const part of listed(query.get("$orderby"))) {
    const [property = "", direction = "asc", ...more] = part.split(/\s+/);
    if (!Object.hasOwn(set.properties, property)) return notFound(property, set);
    if (more.length > 0 || (direction !== "asc" && direction !== "desc")) return `Invalid $orderby '${part}'`;
    order.push({ property, descending: direction === "desc" });
  }
  const select = query.has("$select") ? listed(query.get("$select")).filter((name) => name !== "*") : [];
  const stranger = select.find((name) => !Object.hasOwn(set.properties, name));
  if (stranger !== undefined) return notFound(stranger, set);
  const filter = query.get("$filter") ?? "";
  try {
    const read = filter.trim() === "" ? null : readFilter(filter, set.properties, set.typeName);
    return {
      filter: read?.filter ?? null,
      among: read?.among ?? new Map(),
      select: select.length === 0 ? null : select,
      order,
      top: numbers.$top,
      skip: (numbers.$skip ?? 0) + (numbers.$skiptoken ?? 0),
      counted: counted === "allpages",
      json: wantsJson(query, accept),
    };
  } catch (error) {
    if (error instanceof FilterUnreadable) return error.message;
    throw error;
  }
}

export function wantsJson(query: URLSearchParams, accept: string): boolean {
  return query.has("$format") ? query.get("$format") === "json" : /\bapplication\/json\b/i.test(accept);
}

function listed(text: string | null): string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function notFound(property: string, set: EntitySet): string {
  return `Property '${property}' not found in type '${set.typeName}'`;
}

/** The rows a query asks for: one page, the number of all that match, and where the next page starts. */
export function selectRows(
  set: EntitySet,
  options: QueryOptions,
  pageSize: number,
): { readonly page: readonly Row[]; readonly count: number; readonly nextSkip: number | null } {
  const { filter, order, top, skip } = options;
  const limit = top ?? Number.POSITIVE_INFINITY;
  const taken = Math.min(limit, pageSize);
  const whole = options.counted || order.length > 0;
  const matching: Row[] = [];
  let count = 0;
  for (const row of set.rows(options.among)) {
    if (filter !== null && !filter(row)) continue;
    count += 1;
    if (order.length > 0 || (count > skip && matching.length < taken + 1)) matching.push(row);
    if (!whole && matching.length > taken) break;
  }
  if (order.length > 0) {
    matching.sort((a, b) => compared(a, b, set, order));
    matching.splice(0, skip);
  }
  const more = matching.length > taken && limit > taken;
  return { page: matching.slice(0, taken), count, nextSkip: more ? skip + taken : null };
}

function compared(a: Row, b: Row, set: EntitySet, order: QueryOptions["order"]): number {
  for (const { property, descending } of order) {
    const decimal = set.properties[property]?.type === "Edm.Decimal";
    const [x, y] = [a[property] ?? "", b[property] ?? ""].map((value) =>
      decimal ? Number(value) : value,
    ) as [EdmValue, EdmValue];
    if (x === y) continue;
    return ((x as number) < (y as number) ? -1 : 1) * (descending ? -1 : 1);
  }
  return 0;
}
