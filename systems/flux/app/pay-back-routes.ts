import type { ProcessRecord, System } from "@entente/core";
import { Failure, isId } from "@entente/core/model";
import { acceptCommand, identityOf, ProcessParams, processUnknown, Why } from "@entente/edge";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { chargeStep } from "../contexts/gateway/domain/charged-top-up-process.ts";
import { debitStep, topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import { recordPayBack } from "../contexts/subscription/contract/pay-back.ts";
import { owedCharge } from "../contexts/subscription/domain/owed-charge.ts";
import type { SubscriptionRefusal } from "../contexts/subscription/domain/refuse.ts";
import { readCharge } from "../contexts/subscription/store/read-charge.ts";
import { paymentsRefund } from "../treaties/payments/refund-news.ts";

const Accepted = Type.Object(
  { processId: Type.String({ format: "uuid" }), state: Type.Enum(["queued"]) },
  {
    description:
      "Stored durably, as a process of its own. The customer reads that the money is back when it is confirmed; follow it at the Location.",
  },
);

const Told = Type.Object(
  {
    reference: Type.String({
      pattern: "\\S",
      minLength: 1,
      maxLength: 255,
      description: "The receipt of the payment, such as the reference of a bank transfer. No personal data.",
    }),
    why: Why,
  },
  { additionalProperties: false },
);

/** `POST /ops/top-ups/{id}/paid-back`: an operator tells that what was owed was paid another way. docs/operations/on-demand-charges.md. */
export function payBackRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Params: { id: string }; Body: { reference: string; why: string } }>({
      method: "POST",
      url: "/ops/top-ups/:id/paid-back",
      config: {
        access: { roles: ["operator"] },
        command: true,
        problems: [
          "process-unknown",
          "top-up-not-undone",
          "top-up-not-charged",
          "charge-already-given-back",
          "refund-unsettled",
          "debit-unknown",
        ],
      },
      schema: {
        operationId: "recordPayBack",
        summary: "Tell that what was charged for an undone top-up was paid back another way",
        description:
          "For a refund that the payment provider refused, or that a bank sent back, after people paid the customer past the provider. The customer then reads that the money is back, and the provider's refund is withdrawn: nobody can have it sent anew. Refused while the provider may still give it back. Flux moves no money here. `reference` and `why` are kept as long as the books are: no personal data in them. Its timeline, by the id of the answer, tells who, why, the receipt and the top-up.",
        tags: ["operations"],
        params: ProcessParams,
        body: Told,
        response: { 202: Accepted },
      },
      handler: async (request, reply) => {
        const { tenant, sub: by } = identityOf(request);
        const { id } = request.params;
        const process = isId(id) ? await system.processes.read(tenant, id) : null;
        if (process === null || process.type !== topUpProcess.type) throw processUnknown();
        const subscription = system.contexts.get("subscription");
        if (subscription === undefined) throw new Error("Flux has no subscription");
        const history = await readCharge(subscription.database, tenant, id);
        const { payBack, refusal } = owedCharge(history, {
          shown: shownBy(process),
          refunds: (subscription.definition.treaties ?? []).some(({ name }) => name === paymentsRefund),
        });
        const failure = refusal === null ? null : failureOf(refusal);
        if (payBack === null) throw failure;
        const { type, schemaVersion } = recordPayBack;
        const { reference, why } = request.body;
        const command = {
          type,
          schemaVersion,
          target: "subscription",
          key: payBack.accountId,
          customerId: null,
        };
        return acceptCommand(
          request,
          reply,
          system,
          { ...command, data: { ...payBack, reference, by, why } },
          failure,
        );
      },
    });
  };
}

function shownBy({ steps }: ProcessRecord): { readonly undone: boolean; readonly charged: boolean } {
  const shows = (step: string, as: string): boolean =>
    steps.some(({ name, state }) => name === step && state === as);
  return { undone: shows(debitStep, "undone"), charged: shows(chargeStep, "done") };
}

function failureOf({ code, reason }: SubscriptionRefusal): Failure {
  switch (code) {
    case "top-up-not-undone":
      return new Failure("conflict", "top-up-not-undone", reason);
    case "top-up-not-charged":
      return new Failure("conflict", "top-up-not-charged", reason);
    case "charge-already-given-back":
      return new Failure("conflict", "charge-already-given-back", reason);
    case "refund-unsettled":
      return new Failure("conflict", "refund-unsettled", reason);
    default:
      return new Failure("conflict", "debit-unknown", reason);
  }
}
