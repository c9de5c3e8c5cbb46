import {
  daysAllowed,
  type ProcessCounts,
  partsAllowed,
  type Resolution,
  resolutions,
  type System,
} from "@entente/core";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import { isoTime } from "./process-answer.ts";
import { time } from "./treaty-lists.ts";

const latency = Type.Union([Type.Number(), Type.Null()], {
  description:
    "Milliseconds from acceptance until the process showed confirmed, within 2.2 %. Null: none was confirmed.",
});

const counts = {
  started: Type.Integer(),
  confirmed: Type.Integer(),
  failed: Type.Integer(),
  inFlight: Type.Integer({ description: "Started, and neither confirmed nor failed now." }),
  doubled: Type.Integer({ description: "Effects that happened a second time. Anything but 0 is a fault." }),
  p50Ms: latency,
  p90Ms: latency,
  p99Ms: latency,
};

const StatisticsShown = Type.Object(
  {
    from: time,
    until: time,
    resolution: Type.Enum(["minute", "hour", "day"]),
    types: Type.Array(
      Type.Object({
        type: Type.String(),
        total: Type.Object(counts),
        parts: Type.Array(Type.Object({ from: time, ...counts }), {
          description: "In order of time; parts in which nothing started are left out.",
        }),
      }),
    ),
  },
  { description: "By the time in which processes were accepted; days are of UTC." },
);

const Asked = Type.Object(
  {
    types: Type.Optional(
      Type.String({ maxLength: 500, description: "Process types, separated by commas (default: all)." }),
    ),
    from: Type.Optional(
      Type.String({ format: "date-time", description: "Default: an hour before `until`." }),
    ),
    until: Type.Optional(
      Type.String({ format: "date-time", description: "Not included. Default: now, business time." }),
    ),
    resolution: Type.Optional(
      Type.Enum(["minute", "hour", "day"], {
        default: "minute",
        description: `A period has ${partsAllowed} parts and ${daysAllowed} days at most.`,
      }),
    ),
  },
  { additionalProperties: false },
);

interface Question {
  readonly types?: string;
  readonly from?: string;
  readonly until?: string;
  readonly resolution?: Resolution;
}

/** `GET /ops/process-statistics`: how the processes of the tenant fare, by type and time. */
export function processStatisticsRoute(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Querystring: Question }>({
      method: "GET",
      url: "/ops/process-statistics",
      config: { access: { roles: ["operator", "auditor"] }, problems: ["statistics-period-invalid"] },
      schema: {
        operationId: "readProcessStatistics",
        summary: "How processes fare by type and time: started, in flight, confirmed, failed, percentiles",
        tags: ["operations"],
        querystring: Asked,
        response: { 200: StatisticsShown },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        const { types = "", resolution = "minute", ...period } = request.query;
        const until = period.until === undefined ? system.clock.now() : Date.parse(period.until);
        const from = period.from === undefined ? until - resolutions.hour : Date.parse(period.from);
        const found = await system.statistics.read({
          tenantId: tenant,
          types: types.split(",").filter((name) => name !== ""),
          from,
          until,
          resolution,
        });
        reply.header("cache-control", "no-store");
        return {
          from: isoTime(from),
          until: isoTime(until),
          resolution,
          types: found.map(({ type, total, parts }) => ({
            type,
            total: rounded(total),
            parts: parts.map((part) => ({ ...rounded(part), from: isoTime(part.from) })),
          })),
        };
      },
    });
  };
}

/** Tenths of a millisecond: the error is larger. */
function rounded<Counts extends ProcessCounts>(given: Counts): Counts {
  const round = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 10) / 10);
  return { ...given, p50Ms: round(given.p50Ms), p90Ms: round(given.p90Ms), p99Ms: round(given.p99Ms) };
}
