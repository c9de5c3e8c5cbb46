import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { Compile } from "typebox/schema";
import { checkLogon } from "../access.ts";
import type { Simulation } from "../simulation.ts";
import type { QuotaQuestion } from "./quota-book.ts";

/** A service of the company's own, as SAP systems have: JSON over HTTP at a node of SICF. */
export const quotaPath = "/sap/bc/flux/quota";

const Units = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Name = Type.String({ minLength: 1, maxLength: 255 });
const question = Compile(
  Type.Object(
    {
      key: Name,
      act: Type.Enum(["ask", "lend", "recall", "restore"]),
      tenant: Name,
      account: Name,
      cycle: Type.String({ pattern: "^\\d{4}-(?:0[1-9]|1[0-2])$" }),
      units: Units,
      quotaUnits: Units,
      onDemandUnitsAllowed: Units,
      takenUnits: Units,
    },
    { additionalProperties: false },
  ),
);

/** The question of a request; null: it is none. */
function readQuestion({ body }: FastifyRequest): QuotaQuestion | null {
  try {
    const read: unknown = JSON.parse(typeof body === "string" ? body : "");
    return question.Check(read) ? (read as QuotaQuestion) : null;
  } catch {
    return null;
  }
}

/** Keys that a request is about: of the question, or of the decision that is looked for. */
export function quotaKeys(request: FastifyRequest): readonly string[] {
  const { key } = request.query as { readonly key?: string };
  return request.method === "GET" ? [key ?? ""] : [readQuestion(request)?.key ?? ""];
}

/** `POST` decides, once per key; `GET ?key=` says what was decided. */
export function quotaRoutes(simulation: Simulation): FastifyPluginAsync {
  const { world } = simulation;
  const error = (code: string, message: string) => ({ error: { code, message } });
  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    app.addHook("preHandler", async (request, reply) => {
      const answer = checkLogon(simulation, request);
      if (answer !== null) return reply.code(answer.status).headers(answer.headers).send(answer.body);
    });
    app.post(quotaPath, async (request, reply) => {
      const asked = readQuestion(request);
      if (asked === null) return reply.code(400).send(error("ZQ/001", "Not a question about a quota"));
      if (request.call.under("rejection") !== null) {
        return reply.code(422).send(error("ZQ/010", `Quota of account ${asked.account} is blocked`));
      }
      const { decision, isNew } = world().quotas.decide(asked);
      if (isNew) request.call.effect({ id: `${asked.act} ${asked.tenant} ${asked.account}` });
      return decision;
    });
    app.get(quotaPath, async (request, reply) => {
      const [key = ""] = quotaKeys(request);
      return world().quotas.find(key) ?? reply.code(404).send({ key, says: "not-known" });
    });
  };
}
