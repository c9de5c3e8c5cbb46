import type { FastifyPluginAsync, FastifyReply } from "fastify";
import { type Static, type TSchema, Type } from "typebox";
import { Compile } from "typebox/schema";
import type { AccountState } from "./account-state.ts";
import { authenticateIntent, moneyOf } from "./pay.ts";
import { defaultApiVersion } from "./payment-event.ts";
import type { PaymentsWorld } from "./payments-world.ts";
import type { WebhookEndpoint } from "./webhook-endpoint.ts";
import { signatureHeader } from "./webhook-signature.ts";

const closed = { additionalProperties: false };
const Authentication = Type.Object({ payment_intent: Type.String(), passed: Type.Boolean() }, closed);
const SecretRotation = Type.Object(
  { endpoint: Type.String(), overlapMs: Type.Optional(Type.Integer({ minimum: 0 })) },
  closed,
);
const ForgedWebhook = Type.Object(
  {
    endpoint: Type.String(),
    variant: Type.Enum(["wrong-secret", "old-timestamp", "tampered-body", "unsigned"]),
    type: Type.Optional(Type.String()),
    object: Type.Optional(Type.Object({})),
  },
  closed,
);
const Resending = Type.Object({ event: Type.String() }, closed);
const SearchLag = Type.Object({ ms: Type.Integer({ minimum: 0 }) }, closed);

const overlapMsDefault = 24 * 3_600_000;
/** Older than the five minutes that receivers tolerate. */
const oldSeconds = 3_600;

/** What only the payments simulator can be told, under `/_control/payments`. */
export function paymentsControls(world: PaymentsWorld): FastifyPluginAsync {
  return async (app) => {
    function control<Schema extends TSchema>(
      path: string,
      schema: Schema,
      act: (body: Static<Schema>, reply: FastifyReply) => Promise<unknown>,
    ): void {
      const check = Compile(schema as never) as { Check(value: unknown): boolean };
      app.post(path, async (request, reply) => {
        if (check.Check(request.body)) return act(request.body as Static<Schema>, reply);
        return reply
          .code(422)
          .send({ error: "body-invalid", problems: [{ pointer: "", detail: "see the reference" }] });
      });
    }

    control("/authentications", Authentication, async ({ payment_intent: id, passed }, reply) => {
      const state = stateWith((one) => one.paymentIntents.has(id));
      const intent = state?.paymentIntents.get(id);
      if (state === undefined || intent?.status !== "requires_action")
        return notThere(reply, "payment_intent");
      const act = world.act({
        state,
        behaviour: null,
        requestId: null,
        idempotencyKey: null,
        effect: (effect) =>
          world.control.effect({ operation: "authenticate-payment-intent", key: id, ...effect }),
      });
      authenticateIntent(world, act, intent, passed);
      if (passed) act.effect(moneyOf(intent));
      act.over();
      return { status: intent.status };
    });

    control(
      "/webhook-secrets",
      SecretRotation,
      async ({ endpoint: id, overlapMs = overlapMsDefault }, reply) => {
        const endpoint = endpointWith(id);
        if (endpoint === undefined) return notThere(reply, "endpoint");
        const secret = world.newId("whsec");
        world.sender.addSecret(endpoint, secret, overlapMs);
        return { secret };
      },
    );

    control("/forged-webhooks", ForgedWebhook, async (body, reply) => {
      const endpoint = endpointWith(body.endpoint);
      if (endpoint === undefined) return notThere(reply, "endpoint");
      const { rawBody, signature } = forged(body, endpoint);
      return { status: await world.sender.post(endpoint.url, rawBody, signature) };
    });

    control("/webhooks", Resending, async ({ event: id }, reply) => {
      const state = stateWith((one) => one.events.has(id));
      const event = state?.events.get(id);
      if (state === undefined || event === undefined) return notThere(reply, "event");
      await world.sender.deliver(event, state.webhookEndpoints.values());
      return { pending_webhooks: event.pending_webhooks };
    });

    control("/search-lag", SearchLag, async ({ ms }) => {
      world.searchLagMs = ms;
      return { ms };
    });
  };

  function stateWith(has: (state: AccountState) => boolean): AccountState | undefined {
    return [...world.accounts()].find(has);
  }

  function endpointWith(id: string): WebhookEndpoint | undefined {
    return stateWith((state) => state.webhookEndpoints.has(id))?.webhookEndpoints.get(id);
  }

  /** A request that a receiver must refuse, in one of the ways in which it can be wrong. */
  function forged(
    { variant, type = "payment_intent.succeeded", object = {} }: Static<typeof ForgedWebhook>,
    endpoint: WebhookEndpoint,
  ): { rawBody: string; signature: string | null } {
    const event = {
      id: world.newId("evt"),
      object: "event",
      api_version: defaultApiVersion,
      created: world.now(),
      data: { object },
      livemode: false,
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      type,
    };
    const rawBody = JSON.stringify(event, null, 2);
    const secrets = world.sender.secretsOf(endpoint);
    switch (variant) {
      case "wrong-secret":
        return { rawBody, signature: signatureHeader(rawBody, world.now(), [world.newId("whsec")]) };
      case "old-timestamp":
        return { rawBody, signature: signatureHeader(rawBody, world.now() - oldSeconds, secrets) };
      case "tampered-body":
        return { rawBody: `${rawBody} `, signature: signatureHeader(rawBody, world.now(), secrets) };
      case "unsigned":
        return { rawBody, signature: null };
    }
  }
}

function notThere(reply: FastifyReply, member: string): FastifyReply {
  return reply.code(422).send({
    error: "body-invalid",
    problems: [{ pointer: `/${member}`, detail: "is not there, or not in that state" }],
  });
}
