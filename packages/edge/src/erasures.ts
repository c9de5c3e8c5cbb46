import type { System } from "@entente/core";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import { Why } from "./operator-act.ts";

const Erase = Type.Object(
  {
    subject: Type.String({
      minLength: 1,
      maxLength: 200,
      description: "Whose personal data: for Flux, the account.",
    }),
    why: Why,
  },
  { additionalProperties: false },
);

/** `POST /ops/erasures`: takes the key of a data subject of the operator's own tenant, for ever. docs/operations/erasure.md. */
export function erasureRoute(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Body: { subject: string; why: string } }>({
      method: "POST",
      url: "/ops/erasures",
      config: {
        access: { roles: ["operator"] },
        problems: ["personal-data-unprotected", "commit-unknown"],
      },
      schema: {
        operationId: "erasePersonalData",
        summary: "Make everything personal of a customer unreadable, for ever",
        tags: ["operations"],
        body: Erase,
        response: {
          200: Type.Object({
            subject: Type.String(),
            erased: Type.Boolean({
              description:
                "False: there was nothing, or it was erased before. Nothing is taken in from now on either way.",
            }),
          }),
        },
      },
      handler: async (request) => {
        const { sub, tenant } = identityOf(request);
        const { subject, why } = request.body;
        const { erased } = await system.erase({ tenantId: tenant, subject, by: sub, why });
        return { subject, erased };
      },
    });
  };
}
