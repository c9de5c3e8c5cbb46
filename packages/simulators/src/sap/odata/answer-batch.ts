import { STATUS_CODES } from "node:http";
import {
  type AnsweredPart,
  type BatchedAnswer,
  type BatchedRequest,
  readBatch,
  writeBatch,
} from "./batch.ts";
import type { UnitOfWork } from "./entity-set.ts";
import { answerGateway, failed, type GatewayAnswer, type GatewayContext } from "./gateway.ts";
import { gateway } from "./service-error.ts";

export interface BatchHooks {
  readonly openUnit: () => UnitOfWork;
  /** Tells of what a unit did, once it stays. */
  readonly commit: (unit: UnitOfWork) => void;
  /** Unlike any other text in the answer. */
  readonly boundary: () => string;
}

/** Answers a whole $batch. */
export function answerBatch(
  contentType: string,
  body: string,
  context: Omit<GatewayContext, "unit">,
  hooks: BatchHooks,
): GatewayAnswer {
  const parts = readBatch(contentType, body);
  if (typeof parts === "string") return failed(gateway.badRequest(parts), context, true);
  const answers: AnsweredPart[] = parts.map((part) => {
    const unit = hooks.openUnit();
    if (part.kind === "request") return batched(answerOne(part.request, { ...context, unit }));
    const done: BatchedAnswer[] = [];
    for (const request of part.requests) {
      // A fresh list of warnings for each, the same list of deeds for all.
      const answer = answerOne(request, { ...context, unit: { ...unit, warnings: [] } });
      if (answer.status >= 400) {
        for (const undo of unit.undo.reverse()) undo();
        // One answer stands for the whole set.
        return batched(answer);
      }
      done.push(withContentId(batched(answer), request));
    }
    hooks.commit(unit);
    return done;
  });
  const boundary = hooks.boundary();
  return {
    status: 202,
    // The boundary is the last parameter: clients cut the header there.
    headers: { "content-type": `multipart/mixed; boundary=${boundary}`, dataserviceversion: "2.0" },
    body: writeBatch(answers, boundary, hooks.boundary),
  };
}

function answerOne(request: BatchedRequest, context: GatewayContext): GatewayAnswer {
  const [path = "", ...rest] = request.url.split("?");
  const named = `/${context.service.name}/`;
  const at = path.indexOf(named);
  // `/A_BusinessPartner` is from the service's root, unless it names the service.
  const inService = at === -1 ? path.replace(/^\/+/, "") : path.slice(at + named.length);
  let resource: string;
  try {
    resource = decodeURIComponent(inService);
  } catch {
    return failed(gateway.badRequest("The path is not valid percent-encoded UTF-8"), context, true);
  }
  return answerGateway(
    {
      method: request.headers["x-http-method"] ?? request.method,
      resource,
      query: new URLSearchParams(rest.join("?")),
      headers: request.headers,
      body: request.body,
    },
    context,
  );
}

function batched({ status, headers, body }: GatewayAnswer): BatchedAnswer {
  return { status, reason: STATUS_CODES[status] ?? "Unknown", headers, body };
}

function withContentId(answer: BatchedAnswer, request: BatchedRequest): BatchedAnswer {
  const id = request.headers["content-id"];
  return id === undefined ? answer : { ...answer, headers: { ...answer.headers, "content-id": id } };
}
