import type { FastifyInstance } from "fastify";
import type { AccountState } from "./account-state.ts";
import type { PaymentsOperation } from "./description.ts";
import { pageSize } from "./list-envelope.ts";
import { onlyKnown, requiredText, text } from "./parameters.ts";
import type { PaymentsWorld } from "./payments-world.ts";
import { readSearch } from "./search-query.ts";
import { reads } from "./stripe-http.ts";
import { invalid } from "./stripe-refusal.ts";

/** A search over one kind of object, newest first, in the service's envelope. The page token is the place to go on from. */
export function searchRoute(
  app: FastifyInstance,
  world: PaymentsWorld,
  operation: PaymentsOperation,
  url: string,
  itemsOf: (state: AccountState) => Iterable<{ readonly created: number }>,
): void {
  reads(app, operation, url, (state, query) => {
    onlyKnown(query, ["query", "limit", "page"]);
    const matches = readSearch(requiredText(query, "query"));
    const limit = pageSize(query);
    const page = text(query, "page") ?? "0";
    if (!/^\d{1,9}$/.test(page)) throw invalid("Invalid page.", "page");
    const indexedUntil = world.control.clock.now() - world.searchLagMs;
    const found = [...itemsOf(state)]
      .reverse()
      .filter((item) => (world.searchLagMs === 0 || item.created * 1000 <= indexedUntil) && matches(item));
    const end = Number(page) + limit;
    const more = end < found.length;
    const data = found.slice(Number(page), end);
    return { object: "search_result", url, has_more: more, next_page: more ? String(end) : null, data };
  });
}
