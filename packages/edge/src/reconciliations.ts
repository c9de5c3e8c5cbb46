import type { Comparison, ReconciliationRun, SumsComparison, System } from "@entente/core";
import { Failure, isId } from "@entente/core/model";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import { Why } from "./operator-act.ts";
import { isoTime } from "./process-answer.ts";
import { shown, text, textOrNone, time, uuid } from "./treaty-lists.ts";

const results = [
  "matched",
  "external-success",
  "external-failure",
  "external-unknown",
  "local-impossible",
] as const satisfies Comparison[];
const sumsResults = ["sums-equal", "sums-differ"] as const satisfies SumsComparison[];
const everyResult = [...results, ...sumsResults];

const RunShown = Type.Object({
  runId: uuid,
  treaty: text,
  at: time,
  scheduled: Type.Boolean({ description: "The regular look; otherwise something was due or asked for." }),
  day: Type.Union([Type.String({ format: "date" }), Type.Null()], {
    description: "The day (UTC) whose sums were compared; null: hand-offs were, one by one.",
  }),
  looked: Type.Integer({ description: "Hand-offs that were asked about; of sums, the acts that count." }),
  corrected: Type.Integer({ description: "Differences that became commands." }),
  results: Type.Object(Object.fromEntries(everyResult.map((result) => [result, Type.Integer()])), {
    description: "How many of each of the five results; of sums, whether all of them were equal.",
  }),
});

const FindingShown = Type.Object({
  handOffId: uuid,
  result: Type.Enum([...results]),
  weSay: text,
  theySay: textOrNone,
  code: textOrNone,
  externalReference: textOrNone,
});

const names = Type.Array(text, { description: "1,000 at most; `found` counts all." });
const TotalsShown = Type.Object(
  {
    sums: Type.Array(
      Type.Object({
        group: text,
        ours: Type.String({ description: "Whole minor units." }),
        theirs: Type.String({ description: "Whole minor units." }),
      }),
    ),
    missing: names,
    extra: names,
    differing: names,
    found: Type.Object({ missing: Type.Integer(), extra: Type.Integer(), differing: Type.Integer() }),
    counted: Type.Integer({ description: "Acts that are completed here." }),
    open: Type.Integer({ description: "Acts without an outcome; they count on neither side." }),
    equal: Type.Boolean({ description: "Every sum, and every act by itself." }),
  },
  {
    description:
      "Of sums: ours against theirs, the acts they do not have, and what stands in their books for nothing or with other amounts.",
  },
);

const Params = Type.Object({ name: text });

/** What reconciliation found, run by run, and the act that has it look at once. */
export function reconciliationRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Params: { name: string }; Querystring: { before?: string; limit?: number } }>({
      method: "GET",
      url: "/ops/treaties/:name/reconciliations",
      config: { access: { roles: ["operator", "auditor"] }, problems: ["treaty-unknown"] },
      schema: {
        operationId: "listReconciliations",
        summary:
          "Runs of a treaty's reconciliation that looked at something of the caller's tenant, newest first",
        tags: ["operations"],
        params: Params,
        querystring: Type.Object(
          {
            before: Type.Optional(Type.String({ format: "uuid", description: "Those older than this run." })),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ runs: Type.Array(RunShown) }, { description: "Kept for 90 days." }) },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        const { before = null, limit = 50 } = request.query;
        const runs = await system.treaties.runs(request.params.name, tenant, before, limit);
        reply.header("cache-control", "no-store");
        return { runs: runs.map(shownRun) };
      },
    });
    app.route<{ Params: { name: string; runId: string } }>({
      method: "GET",
      url: "/ops/treaties/:name/reconciliations/:runId",
      config: {
        access: { roles: ["operator", "auditor"] },
        problems: ["treaty-unknown", "reconciliation-unknown"],
      },
      schema: {
        operationId: "readReconciliation",
        summary: "One run with what each side said of every hand-off it looked at, or of the sums of its day",
        tags: ["operations"],
        params: Type.Object({ name: text, runId: text }),
        response: {
          200: Type.Object(
            {
              ...RunShown.properties,
              findings: Type.Array(FindingShown, { description: "64 at most; none of sums." }),
              totals: Type.Union([TotalsShown, Type.Null()]),
            },
            { description: "The report." },
          ),
        },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        const { name, runId } = request.params;
        // An unknown treaty is told before an unknown run.
        const found = await system.treaties.run(name, tenant, isId(runId) ? runId : noRun);
        if (found === null)
          throw new Failure("refused", "reconciliation-unknown", "There is no such run.", {
            fields: { runId },
          });
        reply.header("cache-control", "no-store");
        const findings = found.findings.map((one) => shown(FindingShown, { ...one }));
        const totals = found.totals === null ? null : shown(TotalsShown, { ...found.totals });
        return { ...shownRun(found), findings, totals };
      },
    });
    app.route<{ Params: { name: string }; Body: { why: string } }>({
      method: "POST",
      url: "/ops/treaties/:name/reconcile",
      config: {
        access: { roles: ["operator"] },
        problems: ["treaty-unknown", "treaty-stopped", "reconciliation-too-soon", "commit-unknown"],
      },
      schema: {
        operationId: "reconcileTreaty",
        summary: "Have what is open compared now, once a minute at most, and at the counterparty's rate",
        tags: ["operations"],
        params: Params,
        body: Type.Object({ why: Why }, { additionalProperties: false }),
        response: {
          202: Type.Object(
            {
              name: text,
              handOffs: Type.Integer({
                description: "Will be asked about. What may still be under way is not.",
              }),
            },
            { description: "Recorded. The runs that follow tell what was found." },
          ),
        },
      },
      handler: async (request, reply) => {
        const { sub, tenant } = identityOf(request);
        const { name } = request.params;
        const { why } = request.body;
        const handOffs = await system.treaties.askRun(name, { tenantId: tenant, by: sub, why });
        return reply.code(202).send({ name, handOffs });
      },
    });
  };
}

/** No run has the lowest of all ids. */
const noRun = "00000000-0000-0000-0000-000000000000";

function shownRun(run: ReconciliationRun): Record<string, unknown> {
  const counts = Object.fromEntries(everyResult.map((result) => [result, run.results[result] ?? 0]));
  return shown(RunShown, { ...run, at: isoTime(run.at), results: counts });
}
