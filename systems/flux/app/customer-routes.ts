import type { System } from "@entente/core";
import { acceptCommand, speakerFor } from "@entente/edge";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { type ConvertProspect, convertProspect } from "../contexts/entitlement/contract/prospect.ts";
import { type OpenSupportCase, openSupportCase } from "../contexts/entitlement/contract/support-case.ts";

const Accepted = Type.Object(
  { processId: Type.String({ format: "uuid" }), state: Type.Enum(["queued"]) },
  { description: "Stored durably. It is done when the process is confirmed; follow it at the Location." },
);

/** `POST /support-cases` and `POST /customers`, for a system that has an authority for both. */
export function customerRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Body: OpenSupportCase }>({
      method: "POST",
      url: "/support-cases",
      config: {
        access: { roles: ["customer", "operator"] },
        command: true,
        problems: ["account-not-allowed", "subject-erased", "personal-data-unprotected"],
      },
      schema: {
        operationId: "openSupportCase",
        summary: "Ask for help",
        description:
          "The case is opened at the authority first; it is open, and has a number, when the process is confirmed.",
        tags: ["customers"],
        body: openSupportCase.schema,
        response: { 202: Accepted },
      },
      handler: (request, reply) => {
        const { accountId } = request.body;
        speakerFor(request, accountId);
        return acceptCommand(request, reply, system, {
          type: openSupportCase.type,
          schemaVersion: openSupportCase.schemaVersion,
          target: "entitlement",
          key: accountId,
          customerId: null,
          personal: { subject: accountId, fields: openSupportCase.personal },
          data: request.body,
        });
      },
    });

    app.route<{ Body: ConvertProspect }>({
      method: "POST",
      url: "/customers",
      config: { access: { roles: ["operator"] }, command: true },
      schema: {
        operationId: "convertProspect",
        summary: "Make a prospect a customer",
        description:
          "The authority makes the customer, under an account of the given name; nobody is a customer before the process is confirmed.",
        tags: ["customers"],
        body: convertProspect.schema,
        response: { 202: Accepted },
      },
      handler: (request, reply) =>
        acceptCommand(request, reply, system, {
          type: convertProspect.type,
          schemaVersion: convertProspect.schemaVersion,
          target: "entitlement",
          key: request.body.prospectId,
          customerId: null,
          data: request.body,
        }),
    });
  };
}
