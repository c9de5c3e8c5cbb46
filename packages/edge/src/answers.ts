import { Failure } from "@entente/core/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { EdgeMetrics } from "./metrics.ts";
import { type Problem, type ProblemTable, sendProblem } from "./problem.ts";

/** Answers a request that something went wrong with. */
export type Answer = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

/** One way out for every error: counted, logged if it is ours, told as a problem document. */
export function openAnswers(table: ProblemTable, metrics: EdgeMetrics, log: Logger): Answer {
  return (error, request, reply) => {
    const answer = table.answerTo(error, request);
    metrics.problem(answer.problem.code);
    logAnswer(log, error, request, answer.problem);
    sendProblem(reply, answer);
  };
}

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/** 405 with `Allow` when the path has other methods, else 404. */
export function answerUnknownRoutes(app: FastifyInstance, metrics: EdgeMetrics, answer: Answer): void {
  app.setNotFoundHandler((request, reply) => {
    const url = request.raw.url?.split("?", 1)[0] ?? "/";
    const allowed = methods.filter((method) => app.findRoute({ method, url }) !== null);
    const failure =
      allowed.length === 0
        ? new Failure("refused", "route-unknown", "There is nothing at this path.")
        : new Failure("refused", "method-not-allowed", "The path exists; `Allow` lists its methods.");
    if (allowed.length > 0) reply.header("allow", allowed.join(", "));
    answer(failure, request, reply);
    metrics.unmatched.answered(reply.raw.statusCode, 0);
  });
}

/**
 * Faults of ours and unknown outcomes are errors, told in full. A store that is away refuses thousands a second and is told
 * in one line each; what callers did wrong is detail. Nothing a client sent is logged but the route it met.
 */
function logAnswer(log: Logger, error: unknown, request: FastifyRequest, problem: Problem): void {
  const { code, status, traceId } = problem;
  if (status < 500 && !log.isLevelEnabled("debug")) return;
  const about = { status, code, method: request.method, route: request.routeOptions.url };
  if (status < 500) log.debug(about, "request refused");
  else if (status === 503) log.warn({ ...about, traceId }, "request not served");
  else log.error({ ...about, traceId, err: error }, "request failed");
}
