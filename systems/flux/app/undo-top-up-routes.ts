import type { System } from "@entente/core";
import { Failure, isId } from "@entente/core/model";
import { acceptCommand, identityOf, ProcessParams, processUnknown, Why } from "@entente/edge";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import { undoTopUp } from "../contexts/subscription/contract/undo-top-up.ts";
import type { SubscriptionRefusal } from "../contexts/subscription/domain/refuse.ts";
import { undoableTopUp } from "../contexts/subscription/domain/undoable-top-up.ts";
import { readTopUp } from "../contexts/subscription/store/read-top-up.ts";
import { paymentsRefund } from "../treaties/payments/refund-news.ts";

const Accepted = Type.Object(
  { processId: Type.String({ format: "uuid" }), state: Type.Enum(["queued"]) },
  {
    description:
      "Stored durably, as a process of its own: the adjustment. The top-up is undone when it is confirmed; follow it at the Location.",
  },
);

const Ordered = Type.Object({ why: Why }, { additionalProperties: false });

/** `POST /ops/top-ups/{id}/undo`: an operator undoes a confirmed top-up. docs/operations/undoing-a-top-up.md. */
export function undoTopUpRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Params: { id: string }; Body: { why: string } }>({
      method: "POST",
      url: "/ops/top-ups/:id/undo",
      config: {
        access: { roles: ["operator"] },
        command: true,
        problems: [
          "process-unknown",
          "top-up-not-confirmed",
          "debit-already-undone",
          "debit-unknown",
          "top-up-kept-elsewhere",
          "refund-not-possible",
        ],
      },
      schema: {
        operationId: "undoTopUp",
        summary: "Undo a confirmed top-up: quota, on-demand money, books and charge",
        description:
          "Everything the top-up took is given back, once, and what was charged for it is refunded. `why` is kept as long as the books are: no personal data in it. Its timeline, by the id of the answer, tells who, why, the top-up, before and after, and every system that took part.",
        tags: ["operations"],
        params: ProcessParams,
        body: Ordered,
        response: { 202: Accepted },
      },
      handler: async (request, reply) => {
        const { tenant, sub: by } = identityOf(request);
        const { id } = request.params;
        const process = isId(id) ? await system.processes.read(tenant, id) : null;
        if (process === null || process.type !== topUpProcess.type) throw processUnknown();
        const subscription = system.contexts.get("subscription");
        if (subscription === undefined) throw new Error("Flux has no subscription");
        const { undo, refusal } = undoableTopUp(await readTopUp(subscription.database, tenant, id), {
          confirmed: process.state === "confirmed",
          refunds: (subscription.definition.treaties ?? []).some(({ name }) => name === paymentsRefund),
        });
        const failure = refusal === null ? null : failureOf(refusal);
        if (undo === null) throw failure;
        const { type, schemaVersion } = undoTopUp;
        const data = { ...undo, by, why: request.body.why };
        const command = {
          type,
          schemaVersion,
          target: "subscription",
          key: undo.accountId,
          customerId: null,
        };
        return acceptCommand(request, reply, system, { ...command, data }, failure);
      },
    });
  };
}

function failureOf({ code, reason }: SubscriptionRefusal): Failure {
  switch (code) {
    case "debit-already-undone":
      return new Failure("conflict", "debit-already-undone", reason);
    case "top-up-not-confirmed":
      return new Failure("conflict", "top-up-not-confirmed", reason);
    case "top-up-kept-elsewhere":
      return new Failure("conflict", "top-up-kept-elsewhere", reason);
    case "refund-not-possible":
      return new Failure("conflict", "refund-not-possible", reason);
    default:
      return new Failure("conflict", "debit-unknown", reason);
  }
}
