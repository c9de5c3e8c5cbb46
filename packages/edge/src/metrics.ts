import type { System } from "@entente/core";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { Counter, Gauge, Registry } from "prom-client";
import type { Access } from "./auth.ts";
import type { Exemplified } from "./exemplar.ts";
import { incidentMetrics } from "./incident-metrics.ts";
import { processMetrics } from "./process-metrics.ts";
import { retentionMetrics } from "./retention-metrics.ts";
import { RequestDurations, type RouteTimes } from "./route-times.ts";
import type { Streams } from "./streams.ts";
import { treatyMetrics } from "./treaty-metrics.ts";

/** What became of commands since the start. Plain numbers: they are counted on the busiest path. */
export interface CommandCounts {
  accepted: number;
  repeated: number;
  keyReused: number;
  /** Answered 429: nothing stored. */
  turnedAway: number;
}

declare module "fastify" {
  interface FastifyInstance {
    commandCounts: CommandCounts;
  }
  interface FastifyRequest {
    /** Monotonic milliseconds. */
    startedAt: number;
    /** The command that it became. */
    started: Exemplified | null;
  }
}

export interface EdgeMetrics {
  readonly register: Registry;
  readonly counts: CommandCounts;
  readonly durations: RequestDurations;
  /** Counts a problem answer. */
  problem(code: string): void;
  /** Answers at paths that have no route. */
  readonly unmatched: RouteTimes;
}

export function openMetrics(): EdgeMetrics {
  const register = new Registry();
  const counts: CommandCounts = { accepted: 0, repeated: 0, keyReused: 0, turnedAway: 0 };
  const durations = new RequestDurations();
  const problems = new Map<string, number>();
  register.registerMetric(durations.asMetric());
  processMetrics(register);
  new Counter({
    name: "entente_commands_total",
    help: "Commands by what became of them at the edge.",
    labelNames: ["outcome"],
    registers: [register],
    collect() {
      this.reset();
      this.inc({ outcome: "accepted" }, counts.accepted);
      this.inc({ outcome: "repeated" }, counts.repeated);
      this.inc({ outcome: "key-reused" }, counts.keyReused);
      this.inc({ outcome: "turned-away" }, counts.turnedAway);
    },
  });
  new Counter({
    name: "entente_problems_total",
    help: "Problem answers by code.",
    labelNames: ["code"],
    registers: [register],
    collect() {
      this.reset();
      for (const [code, count] of problems) this.inc({ code }, count);
    },
  });
  return {
    register,
    counts,
    durations,
    problem(code) {
      problems.set(code, (problems.get(code) ?? 0) + 1);
      if (code === "backlog-full" || code === "intake-full") counts.turnedAway++;
    },
    unmatched: durations.route("any", "none"),
  };
}

/**
 * Times every route registered after this.
 * Up to the hand-over of the answer: waiting for its last byte would cost a set of listeners per request.
 */
export function measureRoutes(app: FastifyInstance, { counts, durations }: EdgeMetrics): void {
  app.decorate("commandCounts", counts);
  app.decorateRequest("startedAt", 0);
  app.decorateRequest("started", null);
  app.addHook("onRoute", (route) => {
    const times = durations.route([route.method].flat().join(","), route.url);
    route.onRequest = [
      (request, _reply, done) => {
        request.startedAt = performance.now();
        done();
      },
      ...(route.onRequest === undefined ? [] : [route.onRequest].flat()),
    ];
    route.onSend = [
      ...(route.onSend === undefined ? [] : [route.onSend].flat()),
      (request, reply, payload, done) => {
        times.answered(reply.raw.statusCode, performance.now() - request.startedAt, request.started);
        done(null, payload);
      },
    ];
  });
}

export interface MetricsRouteOptions {
  readonly system: System;
  readonly streams: Streams;
  readonly metrics: EdgeMetrics;
  /** Further registries to show, e.g. those of `consumerMetrics`. */
  readonly registers: readonly Registry[];
  readonly access: Access;
}

/** `GET /metrics`: Prometheus text. Labels never hold a tenant, a customer or anything a client sent. */
export function metricsRoute(options: MetricsRouteOptions): FastifyPluginAsync {
  const { system, streams, metrics } = options;
  systemMetrics(metrics.register, system, streams);
  treatyMetrics(metrics.register, system);
  incidentMetrics(metrics.register, system);
  retentionMetrics(metrics.register, system);
  const registers = [metrics.register, ...options.registers];
  return async (app) => {
    app.route({
      method: "GET",
      url: "/metrics",
      config: { access: options.access },
      schema: {
        operationId: "readMetrics",
        summary: "Metrics as Prometheus text",
        tags: ["operations"],
        response: {
          200: { content: { "text/plain": { schema: { type: "string" } } }, description: "Metrics." },
        },
      },
      handler: async (_request, reply) => {
        const texts = await Promise.all(registers.map((register) => register.metrics()));
        return reply.header("content-type", Registry.PROMETHEUS_CONTENT_TYPE).send(texts.join("\n"));
      },
    });
  };
}

const contextStates = ["up", "paused", "down"] as const;

function systemMetrics(register: Registry, system: System, streams: Streams): void {
  const registers = [register];
  new Gauge({
    name: "entente_backlog_commands",
    help: "Commands accepted and not ended.",
    registers,
    collect() {
      this.set(system.backlog().backlog);
    },
  });
  new Gauge({
    name: "entente_expected_wait_seconds",
    help: "Seconds a command accepted now waits.",
    registers,
    collect() {
      this.set(system.backlog().expectedWaitSeconds);
    },
  });
  new Gauge({
    name: "entente_context_lag_seconds",
    help: "Age of the oldest entry a context has not dealt with.",
    labelNames: ["context"],
    registers,
    collect() {
      for (const { name, lagMs } of system.status().contexts) this.set({ context: name }, lagMs / 1_000);
    },
  });
  new Gauge({
    name: "entente_context_state",
    help: "1 for the state a context is in.",
    labelNames: ["context", "state"],
    registers,
    collect() {
      for (const context of system.status().contexts) {
        for (const state of contextStates) {
          this.set({ context: context.name, state }, context.state === state ? 1 : 0);
        }
      }
    },
  });
  new Gauge({
    name: "entente_open_streams",
    help: "Open push streams by kind.",
    labelNames: ["kind"],
    registers,
    collect() {
      this.set({ kind: "sse" }, streams.count("sse"));
      this.set({ kind: "websocket" }, streams.count("websocket"));
    },
  });
}
