import type { Socket } from "node:net";
import type { ProcessRecord, System } from "@entente/core";
import fastify, { type FastifyInstance, type FastifyPluginAsync } from "fastify";
import { type Logger, pino } from "pino";
import type { Registry } from "prom-client";
import { type Answer, answerUnknownRoutes, openAnswers } from "./answers.ts";
import { auditLogRoutes } from "./audit-log.ts";
import { type Access, guardRoutes } from "./auth.ts";
import { closeGracefully } from "./closing.ts";
import { boundConnections, openRawAnswers } from "./connections.ts";
import { devRoutes } from "./dev.ts";
import type { EdgeContext } from "./edge-context.ts";
import type { EdgeError } from "./edge-errors.ts";
import { errorPageRoute } from "./error-page.ts";
import { feedRoute } from "./feed.ts";
import { healthRoutes } from "./health.ts";
import { acceptJsonOnly } from "./json-body.ts";
import { defaultLimits, type EdgeLimits } from "./limits.ts";
import { measureRoutes, metricsRoute, openMetrics } from "./metrics.ts";
import { type ApiInfo, describeRoutes, openapiRoute } from "./openapi.ts";
import { opsRoutes } from "./ops.ts";
import { openProblemTable } from "./problem.ts";
import type { CustomerText } from "./process-answer.ts";
import { processEventsRoute } from "./process-events.ts";
import { isStreamUpgrade, processStreamRoute } from "./process-stream.ts";
import { processRoute } from "./processes.ts";
import { statusRoute } from "./status.ts";
import { openStreams } from "./streams.ts";
import { openTokenVerifier, type TokenSettings } from "./tokens.ts";
import { checkBySchema } from "./validation.ts";

export interface EdgeOptions extends ApiInfo {
  readonly system: System;
  /** `production` has no `/dev` routes and takes no shared secret. */
  readonly mode: "dev" | "production";
  readonly tokens: TokenSettings;
  /** The system's own routes. Each must say who may call it: `config.access`. */
  readonly routes?: readonly FastifyPluginAsync[];
  readonly limits?: Partial<EdgeLimits>;
  /** Without one, server faults go to standard error and nothing else is logged. */
  readonly logger?: Logger;
  /** The account a process belongs to, when that is not its ordering key. */
  readonly accountOf?: (record: ProcessRecord) => string | null;
  /** What the customer reads about a process. */
  readonly textOf?: (record: ProcessRecord) => CustomerText;
  /** Codes of the system's own failures, with their statuses. */
  readonly errors?: readonly EdgeError[];
  readonly metricsAccess?: Access;
  /** Registries shown by `/metrics` besides the edge's own. */
  readonly registers?: readonly Registry[];
  readonly devTokenSeconds?: number;
}

/** An edge, ready to listen. */
export interface Edge {
  readonly app: FastifyInstance;
  /** What `/metrics` shows. */
  readonly registers: readonly Registry[];
  /** Starts listening (host default 127.0.0.1; port 0 for any free one) and says where: `http://127.0.0.1:8080`. */
  listen(options: { readonly port: number; readonly host?: string }): Promise<string>;
  /** Ends streams, lets requests in flight finish, closes. The system is not stopped: do that afterwards. */
  close(): Promise<void>;
}

/**
 * Composes the HTTP edge of a system.
 * Errors: `token-settings-unsafe` (refused); `route-without-access` (defect) when a route does not say who may call it.
 */
export async function buildEdge(options: EdgeOptions): Promise<Edge> {
  const { system, mode } = options;
  const limits: EdgeLimits = { ...defaultLimits, ...options.limits };
  const log = options.logger ?? pino({ level: "error" }, pino.destination(2));
  const table = openProblemTable(options.errors);
  const verifier = openTokenVerifier(options.tokens, mode);

  const metrics = openMetrics();
  const raw = openRawAnswers(table, metrics.problem);
  const answer = openAnswers(table, metrics, log);
  const app = openServer(limits, raw.clientError, answer);
  boundConnections(app.server, limits, raw.tooManyConnections);
  app.setErrorHandler(answer);
  measureRoutes(app, metrics);
  answerUnknownRoutes(app, metrics, answer);
  acceptJsonOnly(app);
  checkBySchema(app);
  guardRoutes(app, verifier);
  await describeRoutes(app, options, table, mode === "dev");

  const streams = openStreams(limits);
  const edge: EdgeContext = {
    system,
    limits,
    log,
    verifier,
    streams,
    accountOf: options.accountOf,
    textOf: options.textOf,
    closing: closeGracefully(app, streams, limits),
  };
  const { metricsAccess: access = { public: true }, registers = [] } = options;
  const plugins = [
    ...(options.routes ?? []),
    processRoute(edge),
    processEventsRoute(edge),
    processStreamRoute(edge),
    statusRoute(edge),
    healthRoutes(edge),
    feedRoute(edge),
    auditLogRoutes(edge),
    opsRoutes(edge),
    metricsRoute({ system, streams, metrics, registers, access }),
    openapiRoute(),
    errorPageRoute(table.errors),
  ];
  if (mode === "dev") plugins.push(devRoutes({ system, tokens: options.tokens, ...lifeOf(options) }));
  for (const plugin of plugins) await app.register(plugin);
  await app.ready();
  return {
    app,
    registers: [metrics.register, ...registers],
    listen: ({ port, host = "127.0.0.1" }) => app.listen({ port, host }),
    close: () => app.close(),
  };
}

function lifeOf(options: EdgeOptions): { tokenSeconds?: number } {
  return options.devTokenSeconds === undefined ? {} : { tokenSeconds: options.devTokenSeconds };
}

/**
 * Fastify is given no logger: it would make a child and follow the end of every answer, for requests nobody reads about.
 * `answer` logs the few that matter.
 */
function openServer(
  limits: EdgeLimits,
  clientError: (error: Error, socket: Socket) => void,
  answer: Answer,
): FastifyInstance {
  const noId = "";
  return fastify({
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    http: {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.timeoutCheckMs,
      shouldUpgradeCallback: isStreamUpgrade,
    },
    clientErrorHandler: clientError,
    frameworkErrors: answer as never,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    genReqId: () => noId,
    routerOptions: { maxParamLength: 512 },
  });
}
