import { integer, type Parameters, text } from "./parameters.ts";
import { invalid } from "./stripe-refusal.ts";

/** Parameters that every list understands. */
export const listParameters = ["limit", "starting_after", "ending_before", "created"] as const;

interface Listed {
  readonly id: string;
  readonly created: number;
}

/** A page of a list, newest first, in the service's envelope. */
export function listPage<Item extends Listed>(
  url: string,
  items: Iterable<Item>,
  query: Parameters,
  wanted: (item: Item) => boolean = () => true,
): object {
  const inTime = createdWithin(query);
  const newestFirst = [...items].reverse().filter((item) => inTime(item.created) && wanted(item));
  const limit = pageSize(query);
  const after = text(query, "starting_after");
  const before = text(query, "ending_before");
  if (after !== null && before !== null) {
    throw invalid("You cannot parameterize both starting_after and ending_before.", "starting_after");
  }
  if (before !== null) {
    const end = placeOf(newestFirst, before, "ending_before");
    const start = Math.max(0, end - limit);
    return { object: "list", url, has_more: start > 0, data: newestFirst.slice(start, end) };
  }
  const start = after === null ? 0 : placeOf(newestFirst, after, "starting_after") + 1;
  const data = newestFirst.slice(start, start + limit);
  return { object: "list", url, has_more: start + limit < newestFirst.length, data };
}

export function pageSize(query: Parameters): number {
  const limit = integer(query, "limit", 1) ?? 10;
  if (limit > 100)
    throw invalid("Invalid integer: limit must be at most 100.", "limit", "parameter_invalid_integer");
  return limit;
}

function placeOf(items: readonly Listed[], id: string, param: string): number {
  const place = items.findIndex((item) => item.id === id);
  if (place === -1) throw invalid(`No such object: '${id}'`, param, "resource_missing");
  return place;
}

const bounds: Readonly<Record<string, (created: number, bound: number) => boolean>> = {
  gt: (created, bound) => created > bound,
  gte: (created, bound) => created >= bound,
  lt: (created, bound) => created < bound,
  lte: (created, bound) => created <= bound,
};

/** `created=17` or `created[gte]=17&created[lt]=20`, in seconds. */
function createdWithin(query: Parameters): (created: number) => boolean {
  const { created: given } = query;
  if (given === undefined) return () => true;
  if (typeof given === "string") {
    const exactly = integer(query, "created");
    return (created) => created === exactly;
  }
  const limits = Object.keys(given).map((name) => {
    const holds = bounds[name];
    const bound = integer(given as Parameters, name);
    if (holds === undefined || bound === null) throw invalid("Invalid created", "created");
    return (created: number) => holds(created, bound);
  });
  return (created) => limits.every((holds) => holds(created));
}
