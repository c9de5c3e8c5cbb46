import type { AuditReader, BundleSelection } from "@entente/core";
import { Failure } from "@entente/core/model";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import type { EdgeContext } from "./edge-context.ts";

const Tenant = Type.Object({ tenant: Type.String({ maxLength: 400 }) });
const TilePath = Type.Object({
  tenant: Type.String({ maxLength: 400 }),
  "*": Type.String({
    maxLength: 100,
    description: "`<L>/<N>` or `entries/<N>`, with `.p/<W>` when it is partial.",
  }),
});

/**
 * A tenant's audit log under `/audit/{tenant}`, as c2sp.org/tlog-tiles has it, read-only. Checkpoints and hashes say nothing about
 * anybody, but how much happens; entries are an auditor's. All of it belongs to the tenant alone.
 */
export function auditLogRoutes({ system }: EdgeContext): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Params: { tenant: string } }>({
      method: "GET",
      url: "/audit/:tenant/checkpoint",
      config: {
        access: { roles: ["operator", "auditor"] },
        problems: ["audit-log-unknown", "audit-checkpoint-missing"],
      },
      schema: {
        operationId: "readAuditCheckpoint",
        summary: "The newest signed checkpoint of a tenant's audit log",
        tags: ["audit"],
        params: Tenant,
        response: {
          200: {
            description: "A signed note (c2sp.org/tlog-checkpoint).",
            content: { "text/plain": { schema: { type: "string" } } },
          },
        },
      },
      handler: async (request, reply) => {
        const tenant = ownTenant(request, request.params.tenant);
        const note = await logOf(system.audit).checkpoint(tenant);
        return reply.header("cache-control", "no-store").type("text/plain; charset=utf-8").send(note);
      },
    });

    const tiles = (
      path: string,
      how: { readonly summary: string; readonly operationId: string },
      entries: boolean,
    ) =>
      app.route<{ Params: { tenant: string; "*": string } }>({
        method: "GET",
        url: path,
        config: {
          access: { roles: entries ? ["auditor"] : ["operator", "auditor"] },
          problems: ["audit-log-unknown", "audit-tile-unknown", "audit-log-damaged"],
        },
        schema: {
          ...how,
          tags: ["audit"],
          params: TilePath,
          response: {
            200: {
              description: "Bytes that never change.",
              content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } },
            },
          },
        },
        handler: async (request, reply) => {
          const tenant = ownTenant(request, request.params.tenant);
          const bytes = await readTile(logOf(system.audit), tenant, entries, request.params["*"]);
          return reply
            .header("cache-control", "private, max-age=31536000, immutable")
            .type("application/octet-stream")
            .send(bytes);
        },
      });
    app.route<{ Params: { tenant: string }; Querystring: BundleQuery }>({
      method: "GET",
      url: "/audit/:tenant/bundle",
      config: {
        access: { roles: ["auditor"] },
        problems: [
          "audit-log-unknown",
          "audit-checkpoint-missing",
          "audit-nothing-selected",
          "audit-selection-invalid",
          "audit-selection-too-large",
          "audit-evidence-behind",
          "audit-key-missing",
          "audit-log-damaged",
        ],
      },
      schema: {
        operationId: "readAuditBundle",
        summary: "The evidence of one process or account, with its stored outcome, signed",
        description: "What `entente audit replay` asks for. Larger parts of the log are exported.",
        tags: ["audit"],
        params: Tenant,
        querystring: Type.Object(
          {
            process: Type.Optional(Type.String({ format: "uuid" })),
            account: Type.Optional(Type.String({ minLength: 1, maxLength: 400 })),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            files: Type.Record(Type.String(), Type.String(), {
              description: "The bundle's files by name; docs/reference/audit-log.md describes them.",
            }),
          }),
        },
      },
      handler: async (request, reply) => {
        const tenant = ownTenant(request, request.params.tenant);
        const files = await logOf(system.audit).bundle(tenant, selectionOf(request.query));
        return reply.header("cache-control", "no-store").send({ files });
      },
    });
    tiles(
      "/audit/:tenant/tile/entries/*",
      { operationId: "readAuditEntries", summary: "A bundle of entries" },
      true,
    );
    tiles("/audit/:tenant/tile/*", { operationId: "readAuditTile", summary: "A tile of hashes" }, false);
  };
}

interface BundleQuery {
  readonly process?: string;
  readonly account?: string;
}

/** Exactly one of both. Errors: `audit-selection-invalid` (refused). */
function selectionOf({ process: processId, account: key }: BundleQuery): BundleSelection {
  if (processId !== undefined && key === undefined) return { kind: "process", processId };
  if (key !== undefined && processId === undefined) return { kind: "account", key };
  throw new Failure("refused", "audit-selection-invalid", "Name a process or an account.");
}

/** Entries have a route of their own, with other rights: no spelling of their path may reach them through the other. */
async function readTile(audit: AuditReader, tenant: string, entries: boolean, rest: string): Promise<Buffer> {
  if (entries) return audit.tile(tenant, `tile/entries/${rest}`);
  if (/^\d/.test(rest)) return audit.tile(tenant, `tile/${rest}`);
  throw new Failure("refused", "audit-tile-unknown", "The signed log has no such tile.");
}

/** A system that keeps no audit log has none of any tenant. */
function logOf(audit: AuditReader | null): AuditReader {
  if (audit === null) throw logUnknown();
  return audit;
}

function logUnknown(): Failure {
  return new Failure("refused", "audit-log-unknown", "There is no such log.");
}

function ownTenant(request: FastifyRequest, tenant: string): string {
  if (identityOf(request).tenant === tenant) return tenant;
  // The same as for a log that does not exist: whose there are is nobody's business.
  throw logUnknown();
}
