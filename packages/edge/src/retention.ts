import type { KeptJournal, System } from "@entente/core";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import { contextName, Why } from "./operator-act.ts";

const Time = Type.String({ format: "date-time" });
const Month = Type.String({
  pattern: "^\\d{4}-(?:0[1-9]|1[0-2])$",
  description: "By the entries' ids, UTC: `2026-01`.",
});

const Hold = Type.Object({
  what: Type.Enum([
    "reader-astray",
    "unread",
    "process-open",
    "hand-off-open",
    "entry-set-aside",
    "state-unwritten",
    "log-unsigned",
    "archive-folder-missing",
    "under-way",
  ]),
  says: Type.String(),
});

const Journal = Type.Object({
  context: Type.String(),
  isIntake: Type.Boolean({ description: "Raw commands, which leave no archive." }),
  keptDays: Type.Union([Type.Integer(), Type.Null()], { description: "Null: for ever." }),
  historyBegins: Type.Union([Time, Type.Null()], { description: "Entries of before have left." }),
  months: Type.Array(
    Type.Object({
      month: Type.String(),
      state: Type.Enum(["kept", "due", "detached", "archived"]),
      keptUntil: Type.Union([Time, Type.Null()]),
      holds: Type.Array(Hold, { description: "Why a month is still there that is past its time." }),
    }),
  ),
  archives: Type.Array(
    Type.Object({
      month: Type.String(),
      file: Type.String(),
      digest: Type.String({ description: "SHA-256 of the file, hexadecimal." }),
      entries: Type.Integer(),
      archivedAt: Time,
      droppedAt: Time,
    }),
    { description: "Months of which the archive is left, newest first, at most 120." },
  ),
});

const iso = (at: number): string => new Date(at).toISOString();

function shown({ archives, months, historyBegins, ...journal }: KeptJournal) {
  return {
    ...journal,
    historyBegins: historyBegins === null ? null : iso(historyBegins),
    months: months.map(({ keptUntil, ...month }) => {
      return { ...month, keptUntil: keptUntil === null ? null : iso(keptUntil) };
    }),
    archives: archives.map(({ month, file, digest, entries, archivedAt, droppedAt }) => {
      return {
        month,
        file,
        digest,
        entries,
        archivedAt: iso(archivedAt ?? 0),
        droppedAt: iso(droppedAt ?? 0),
      };
    }),
  };
}

/** What is kept, until when, and what holds it up; and deletion, which is refused before its time: docs/operations/retention.md. */
export function retentionRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route({
      method: "GET",
      url: "/ops/retention",
      config: { access: { roles: ["operator", "auditor"] } },
      schema: {
        operationId: "listRetention",
        summary: "What is kept of the journals, until when, and what holds it up",
        tags: ["operations"],
        response: {
          200: Type.Object(
            { journals: Type.Array(Journal) },
            { description: "One per context; those whose database is away are left out." },
          ),
        },
      },
      handler: async (_request, reply) => {
        const journals = await system.retention.list();
        reply.header("cache-control", "no-store");
        return { journals: journals.map(shown) };
      },
    });
    app.route<{ Params: { context: string; month: string }; Body: { why: string } }>({
      method: "POST",
      url: "/ops/contexts/:context/months/:month/delete",
      config: {
        access: { roles: ["operator"] },
        problems: [
          "context-unknown",
          "month-unknown",
          "retention-not-over",
          "month-held",
          "archive-unwritable",
          "audit-checkpoint-missing",
          "audit-log-damaged",
          "commit-unknown",
        ],
      },
      schema: {
        operationId: "deleteMonth",
        summary: "Have a month leave now that is past its time; refused before, and recorded either way",
        tags: ["operations"],
        params: Type.Object({ context: contextName, month: Month }),
        body: Type.Object({ why: Why }, { additionalProperties: false }),
        response: {
          200: Type.Object({ context: Type.String(), month: Type.String() }, { description: "It is gone." }),
        },
      },
      handler: async (request) => {
        const { sub, tenant } = identityOf(request);
        const { context, month } = request.params;
        await system.retention.deleteMonth(context, {
          tenantId: tenant,
          by: sub,
          why: request.body.why,
          month,
        });
        return { context, month };
      },
    });
  };
}
