import type { FastifyInstance } from "fastify";
import type { AccountState } from "./account-state.ts";
import { listPage, listParameters } from "./list-envelope.ts";
import { changedMetadata, flag, list, onlyKnown, type Parameters, requiredText, text } from "./parameters.ts";
import type { PaymentsWorld } from "./payments-world.ts";
import { changes, reads } from "./stripe-http.ts";
import { invalid, missing, notNow } from "./stripe-refusal.ts";
import type { WebhookEndpoint } from "./webhook-endpoint.ts";

const endpointsAllowed = 16;
const editable = ["description", "enabled_events", "metadata", "url"];

export function webhookEndpointRoutes(app: FastifyInstance, world: PaymentsWorld): void {
  const url = "/v1/webhook_endpoints";
  reads(app, "read-webhook-endpoint", `${url}/:id`, (state, query, id) => {
    onlyKnown(query, []);
    return endpointOf(state, id);
  });
  reads(app, "list-webhook-endpoints", url, (state, query) => {
    onlyKnown(query, [...listParameters]);
    return listPage(url, state.webhookEndpoints.values(), query);
  });

  changes(app, world, { method: "POST", url, operation: "create-webhook-endpoint" }, (act, given) => {
    onlyKnown(given, [...editable, "api_version", "connect"]);
    const { webhookEndpoints } = act.state;
    if (webhookEndpoints.size >= endpointsAllowed) {
      throw notNow(null, `You have reached the maximum of ${endpointsAllowed} test webhook endpoints.`);
    }
    const endpoint: WebhookEndpoint = {
      id: world.newId("we"),
      object: "webhook_endpoint",
      api_version: text(given, "api_version"),
      application: null,
      created: world.now(),
      description: text(given, "description"),
      enabled_events: eventsOf(given),
      livemode: false,
      metadata: changedMetadata({}, given),
      status: "enabled",
      url: addressOf(given),
    };
    const secret = world.newId("whsec");
    webhookEndpoints.set(endpoint.id, endpoint);
    world.sender.addSecret(endpoint, secret, 0);
    act.effect({ id: endpoint.id });
    // The only answer that shows the secret.
    return { ...endpoint, secret };
  });

  changes(
    app,
    world,
    { method: "POST", url: `${url}/:id`, operation: "update-webhook-endpoint" },
    (act, given, id) => {
      onlyKnown(given, [...editable, "disabled"]);
      const endpoint = endpointOf(act.state, id);
      const metadata = changedMetadata(endpoint.metadata, given);
      const address = given.url === undefined ? endpoint.url : addressOf(given);
      if (given.enabled_events !== undefined) endpoint.enabled_events = eventsOf(given);
      if (given.disabled !== undefined) endpoint.status = flag(given, "disabled") ? "disabled" : "enabled";
      if (given.description !== undefined) endpoint.description = text(given, "description");
      endpoint.url = address;
      endpoint.metadata = metadata;
      act.effect({ id });
      return endpoint;
    },
  );

  changes(
    app,
    world,
    { method: "DELETE", url: `${url}/:id`, operation: "delete-webhook-endpoint" },
    (act, given, id) => {
      onlyKnown(given, []);
      const endpoint = endpointOf(act.state, id);
      act.state.webhookEndpoints.delete(id);
      // What is being tried again must stop, too.
      endpoint.status = "disabled";
      act.effect({ id });
      return { id, object: "webhook_endpoint", deleted: true };
    },
  );
}

export function endpointOf(state: AccountState, id: string): WebhookEndpoint {
  const endpoint = state.webhookEndpoints.get(id);
  if (endpoint === undefined) throw missing("webhook endpoint", id, "id");
  return endpoint;
}

function eventsOf(given: Parameters): readonly string[] {
  const events = list(given, "enabled_events");
  if (events === null || events.length === 0) {
    throw invalid("Missing required param: enabled_events.", "enabled_events", "parameter_missing");
  }
  return events;
}

function addressOf(given: Parameters): string {
  const address = requiredText(given, "url");
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw invalid("Invalid URL: An explicit scheme (such as https) must be provided.", "url", "url_invalid");
  }
  return address;
}
