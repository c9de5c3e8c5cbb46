import type { FastifyInstance } from "fastify";
import type { AccountState } from "./account-state.ts";
import { type Customer, newCustomer } from "./customer.ts";
import { listPage, listParameters } from "./list-envelope.ts";
import { changedMetadata, onlyKnown, type Parameters, text } from "./parameters.ts";
import type { PaymentsWorld } from "./payments-world.ts";
import { searchRoute } from "./search-route.ts";
import { changes, reads } from "./stripe-http.ts";
import { invalid, missing } from "./stripe-refusal.ts";

const editable = ["address", "description", "email", "metadata", "name", "phone"];

export function customerRoutes(app: FastifyInstance, world: PaymentsWorld): void {
  const url = "/v1/customers";
  searchRoute(app, world, "search-customers", `${url}/search`, (state) => state.customers.values());
  reads(app, "read-customer", `${url}/:id`, (state, query, id) => {
    onlyKnown(query, []);
    return customerOf(state, id);
  });
  reads(app, "list-customers", url, (state, query) => {
    onlyKnown(query, [...listParameters, "email"]);
    const email = text(query, "email");
    return listPage(url, state.customers.values(), query, (one) => email === null || one.email === email);
  });

  changes(app, world, { method: "POST", url, operation: "create-customer" }, (act, given) => {
    onlyKnown(given, editable);
    const customer = newCustomer({ id: world.newId("cus"), created: world.now(), ...readCustomer(given) });
    act.state.customers.set(customer.id, customer);
    act.happened("customer.created", customer);
    act.effect({ id: customer.id });
    return customer;
  });

  changes(
    app,
    world,
    { method: "POST", url: `${url}/:id`, operation: "update-customer" },
    (act, given, id) => {
      onlyKnown(given, editable);
      const customer = customerOf(act.state, id);
      const read = readCustomer(given, customer.metadata);
      const changed = Object.fromEntries(Object.entries(read).filter(([name]) => given[name] !== undefined));
      const before = Object.fromEntries(
        Object.keys(changed).map((name) => [name, customer[name as keyof Customer]]),
      );
      Object.assign(customer, changed);
      act.happened("customer.updated", customer, before);
      act.effect({ id });
      return customer;
    },
  );

  changes(
    app,
    world,
    { method: "DELETE", url: `${url}/:id`, operation: "delete-customer" },
    (act, given, id) => {
      onlyKnown(given, []);
      const customer = customerOf(act.state, id);
      act.state.customers.delete(id);
      act.happened("customer.deleted", customer);
      act.effect({ id });
      return { id, object: "customer", deleted: true };
    },
  );
}

function customerOf(state: AccountState, id: string): Customer {
  const customer = state.customers.get(id);
  if (customer === undefined) throw missing("customer", id, "id");
  return customer;
}

function readCustomer(
  given: Parameters,
  metadata: Customer["metadata"] = {},
): Pick<Customer, "address" | "description" | "email" | "metadata" | "name" | "phone"> {
  const email = text(given, "email");
  if (email !== null && !/^[^@\s]+@[^@\s]+$/.test(email)) {
    throw invalid(`Invalid email address: ${email}`, "email", "email_invalid");
  }
  return {
    address: typeof given.address === "object" ? given.address : null,
    description: text(given, "description"),
    email,
    metadata: changedMetadata(metadata, given),
    name: text(given, "name"),
    phone: text(given, "phone"),
  };
}
