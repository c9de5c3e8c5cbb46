import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { checkLogon, checkToken, giveToken, wantsToken } from "../access.ts";
import { partnerRefusal } from "../refusals.ts";
import { originOf, refusalReason, type Simulation } from "../simulation.ts";
import { answerBatch } from "./answer-batch.ts";
import type { Service, UnitOfWork } from "./entity-set.ts";
import { answerGateway, failed, type GatewayAnswer, type GatewayContext } from "./gateway.ts";
import { gateway } from "./service-error.ts";

export const odataPrefix = "/sap/opu/odata/sap/";

/** `API_BUSINESS_PARTNER` and what follows it, decoded. `;v=0002` after the name is taken and not looked at. */
export function resourceOf(url: string): { readonly service: string; readonly resource: string } | null {
  const path = url.split("?", 1)[0] as string;
  if (!path.startsWith(odataPrefix)) return null;
  const [name = "", ...rest] = path.slice(odataPrefix.length).split("/");
  try {
    return { service: name.replace(/;.*$/, ""), resource: decodeURIComponent(rest.join("/")) };
  } catch {
    return null;
  }
}

/** What a request wants done: old clients and proxies send changes as POST. */
export function methodOf(request: FastifyRequest): string {
  const override = request.headers["x-http-method"];
  return request.method === "POST" && typeof override === "string" ? override.toUpperCase() : request.method;
}

/** Services of SAP Gateway, OData 2.0. */
export function odataRoutes(simulation: Simulation): FastifyPluginAsync {
  const { world, now } = simulation;

  function contextFor(request: FastifyRequest, service: Service): Omit<GatewayContext, "unit"> {
    return {
      service,
      root: `${originOf(request)}${odataPrefix}${service.name}`,
      now: now(),
      pageSize: world().settings.pageSize,
      transactionId: world().uuid().replaceAll("-", "").toUpperCase(),
      refusal: (_operation, key) => {
        const reason = refusalReason(simulation, request.call, key);
        return reason === null ? null : partnerRefusal(reason);
      },
    };
  }

  const openUnit = (): UnitOfWork => ({ undo: [], effects: [], warnings: [] });

  function answer(request: FastifyRequest): GatewayAnswer {
    const found = resourceOf(request.raw.url ?? "");
    const service = world().services.find(({ name }) => name === found?.service);
    if (found === null || service === undefined) {
      const unknown = { ...noService, name: found?.service ?? "" };
      return failed(gateway.noService(unknown.name), contextFor(request, unknown), true);
    }
    const context = contextFor(request, service);
    const body = typeof request.body === "string" ? request.body : "";
    const commit = (unit: UnitOfWork): void => {
      for (const effect of unit.effects) request.call.effect(effect);
    };
    if (found.resource.replace(/\/$/, "") === "$batch" && request.method === "POST") {
      const type = request.headers["content-type"] ?? "";
      const boundary = () => `ejjeeffe${world().uuid().replaceAll("-", "")}`;
      return answerBatch(type, body, context, { openUnit, commit, boundary });
    }
    const unit = openUnit();
    const query = new URLSearchParams((request.raw.url ?? "").split("?")[1] ?? "");
    const headers = request.headers as Readonly<Record<string, string | undefined>>;
    const answered = answerGateway(
      { method: methodOf(request), resource: found.resource, query, headers, body },
      { ...context, unit },
    );
    if (answered.status < 400) commit(unit);
    return answered;
  }

  /** With its RequestID a change is done once, where the service is set up so; `RepeatabilityResult` says which it is. */
  function answerRepeatable(request: FastifyRequest): GatewayAnswer {
    const id = request.headers.requestid;
    if (typeof id !== "string" || isReading(request)) return answer(request);
    const { settings, firstAnswers } = world();
    if (!settings.repeatableRequests)
      return withHeader(answer(request), "repeatabilityresult", "unsupported");
    const name = `request ${id.toLowerCase()}`;
    const first = firstAnswers.find(name, now());
    if (first?.outdated === false) return first.answer as GatewayAnswer;
    if (first !== undefined)
      return failed(gateway.badRequest("RequestID is outdated"), contextFor(request, noService), true);
    const fresh = withHeader(answer(request), "repeatabilityresult", "accepted");
    firstAnswers.keep(name, fresh, now());
    return fresh;
  }

  return async (app) => {
    app.addHttpMethod("MERGE", { hasBody: true });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    app.addHook("preHandler", async (request, reply) => {
      const answered =
        checkLogon(simulation, request) ?? (isReading(request) ? null : checkToken(simulation, request));
      if (answered !== null) return reply.code(answered.status).headers(answered.headers).send(answered.body);
    });
    app.route({
      method: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "MERGE"],
      url: `${odataPrefix}*`,
      async handler(request, reply) {
        if (wantsToken(request) && isReading(request)) giveToken(simulation, request, reply);
        return send(reply, answerRepeatable(request));
      },
    });
  };
}

const noService: Service = { name: "", sets: [] };

function isReading({ method }: FastifyRequest): boolean {
  return method === "GET" || method === "HEAD";
}

function withHeader(answer: GatewayAnswer, name: string, value: string): GatewayAnswer {
  return { ...answer, headers: { ...answer.headers, [name]: value } };
}

function send(reply: FastifyReply, { status, headers, body }: GatewayAnswer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}
