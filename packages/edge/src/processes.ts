import { Failure, isId } from "@entente/core/model";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import type { EdgeContext } from "./edge-context.ts";
import { maySee, ProcessSchema, processAnswer } from "./process-answer.ts";

/** Path parameter of a process. Not checked as a UUID: what is none names no process, and that is the answer. */
export const ProcessParams = Type.Object({ id: Type.String({ description: "The `processId` of the 202." }) });

/** `GET /processes/{id}`: readable from the moment the 202 left. */
export function processRoute(edge: EdgeContext): FastifyPluginAsync {
  const { system, accountOf, textOf } = edge;
  return async (app) => {
    app.route<{ Params: { id: string } }>({
      method: "GET",
      url: "/processes/:id",
      config: { access: { roles: ["customer", "operator", "auditor"] }, problems: ["process-unknown"] },
      schema: {
        operationId: "readProcess",
        summary: "One process of the caller",
        tags: ["processes"],
        params: ProcessParams,
        response: { 200: ProcessSchema },
      },
      handler: async (request, reply) => {
        const identity = identityOf(request);
        const { id } = request.params;
        const record = isId(id) ? await system.processes.read(identity.tenant, id) : null;
        if (record === null || !maySee(identity, record, accountOf)) throw processUnknown();
        reply.header("cache-control", "no-store");
        return processAnswer(record, textOf);
      },
    });
  };
}

export function processUnknown(): Failure {
  return new Failure("refused", "process-unknown", "You have no such process.");
}
