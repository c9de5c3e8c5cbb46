import type { FastifyInstance } from "fastify";
import type { BalanceTransaction } from "./balance-transaction.ts";
import { listPage, listParameters } from "./list-envelope.ts";
import { flag, list, onlyKnown, text } from "./parameters.ts";
import type { PaymentsWorld } from "./payments-world.ts";
import { searchRoute } from "./search-route.ts";
import { reads } from "./stripe-http.ts";
import { missing } from "./stripe-refusal.ts";

/** What can only be read: charges, the movements of the balance, and events. They are what reconciliation reads. */
export function recordRoutes(app: FastifyInstance, world: PaymentsWorld): void {
  charges(app, world);
  balanceTransactions(app, world);
  events(app);
}

function charges(app: FastifyInstance, world: PaymentsWorld): void {
  const url = "/v1/charges";
  searchRoute(app, world, "search-charges", `${url}/search`, (state) => state.charges.values());
  reads(app, "read-charge", `${url}/:id`, (state, query, id) => {
    onlyKnown(query, []);
    const charge = state.charges.get(id);
    if (charge === undefined) throw missing("charge", id, "id");
    return charge;
  });
  reads(app, "list-charges", url, (state, query) => {
    onlyKnown(query, [...listParameters, "customer", "payment_intent", "transfer_group"]);
    const customer = text(query, "customer");
    const intent = text(query, "payment_intent");
    const group = text(query, "transfer_group");
    return listPage(
      url,
      state.charges.values(),
      query,
      (charge) =>
        (customer === null || charge.customer === customer) &&
        (intent === null || charge.payment_intent === intent) &&
        (group === null || charge.transfer_group === group),
    );
  });
}

function balanceTransactions(app: FastifyInstance, world: PaymentsWorld): void {
  const url = "/v1/balance_transactions";
  const asOfNow = (movement: BalanceTransaction): BalanceTransaction => ({
    ...movement,
    status: world.now() >= movement.available_on ? "available" : "pending",
  });
  reads(app, "read-balance-transaction", `${url}/:id`, (state, query, id) => {
    onlyKnown(query, []);
    const movement = state.balanceTransactions.get(id);
    if (movement === undefined) throw missing("balance_transaction", id, "id");
    return asOfNow(movement);
  });
  reads(app, "list-balance-transactions", url, (state, query) => {
    onlyKnown(query, [...listParameters, "currency", "source", "type"]);
    const currency = text(query, "currency")?.toLowerCase() ?? null;
    const source = text(query, "source");
    const type = text(query, "type");
    return listPage(
      url,
      [...state.balanceTransactions.values()].map(asOfNow),
      query,
      (movement) =>
        (currency === null || movement.currency === currency) &&
        (source === null || movement.source === source) &&
        (type === null || movement.type === type),
    );
  });
}

function events(app: FastifyInstance): void {
  const url = "/v1/events";
  reads(app, "read-event", `${url}/:id`, (state, query, id) => {
    onlyKnown(query, []);
    const event = state.events.get(id);
    if (event === undefined) throw missing("event", id, "id");
    return event;
  });
  reads(app, "list-events", url, (state, query) => {
    onlyKnown(query, [...listParameters, "delivery_success", "type", "types"]);
    const one = text(query, "type");
    const types = list(query, "types") ?? (one === null ? null : [one]);
    const delivered = query.delivery_success === undefined ? null : flag(query, "delivery_success");
    return listPage(
      url,
      state.events.values(),
      query,
      (event) =>
        (types === null || types.some((wanted) => isType(event.type, wanted))) &&
        (delivered === null || delivered === (event.pending_webhooks === 0)),
    );
  });
}

/** `charge.*` is every type of a charge. */
function isType(type: string, wanted: string): boolean {
  return wanted.endsWith(".*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}
