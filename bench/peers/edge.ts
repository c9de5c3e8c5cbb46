/** The HTTP side of the peers. */
import Fastify, { type FastifyInstance } from "fastify";
import type { Command, TopUp, Wire } from "./job.ts";

const token = process.env.BENCH_TOKEN ?? "";

/**
 * The HTTP edge shared by the peers: Fastify 5, body schema, fixed-token comparison (cheaper than the JWT check
 * that ours does), `Idempotency-Key` as command id. `accept` must resolve only once the command is durable.
 */
export async function edge(
  accept: (command: Command) => Promise<void>,
  state: (id: string) => Promise<string>,
): Promise<{ app: FastifyInstance; url: string; wire: Wire }> {
  const app = Fastify();
  const body = {
    type: "object",
    required: ["accountId", "condenserId", "units"],
    properties: {
      accountId: { type: "string" },
      condenserId: { type: "string" },
      units: { type: "integer", minimum: 1 },
    },
  };
  app.addHook("onRequest", async (request, reply) => {
    if (request.headers.authorization !== token) return reply.code(401).send({ code: "unauthorised" });
  });
  app.post<{ Body: TopUp }>("/top-ups", { schema: { body } }, async (request, reply) => {
    const id = request.headers["idempotency-key"];
    if (typeof id !== "string") return reply.code(400).send({ code: "key-required" });
    await accept({ ...request.body, id });
    return reply.code(202).send({ processId: id, state: "queued" });
  });
  app.get<{ Params: { id: string } }>("/processes/:id", async (request) => ({
    processId: request.params.id,
    state: await state(request.params.id),
  }));
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const wire = {
    submit: "/top-ups",
    id: "processId",
    state: "/processes/{id}",
    confirmed: '"state":"confirmed"',
  };
  return { app, url, wire };
}
