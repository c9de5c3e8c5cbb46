import { toCloudEvent, withheld } from "@entente/core";
import { Failure, isFailure } from "@entente/core/model";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import type { EdgeContext } from "./edge-context.ts";

const batchType = "application/cloudevents-batch+json";

const Query = Type.Object(
  {
    cursor: Type.Optional(
      Type.String({ maxLength: 200, description: "From `Entente-Cursor`; none: from the start." }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  },
  { additionalProperties: false },
);

/**
 * `GET /journals/{context}/events`: a context's journal for subscribers, one tenant, oldest first, as CloudEvents; what is past its time is
 * marked `stale`.
 * `Entente-Cursor` says where to go on, and stays the same while nothing is new; `Link` with `rel="next"` is the same as a URL.
 */
export function feedRoute({ system }: EdgeContext): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Params: { context: string }; Querystring: { cursor?: string; limit?: number } }>({
      method: "GET",
      url: "/journals/:context/events",
      config: {
        access: { roles: ["operator", "auditor"] },
        problems: ["context-unknown", "cursor-invalid", "cursor-outdated"],
      },
      schema: {
        operationId: "readJournal",
        summary: "A page of a context's journal as CloudEvents",
        tags: ["journals"],
        params: Type.Object({ context: Type.String() }),
        querystring: Query,
        response: {
          200: {
            description: "Entries after the cursor, oldest first; empty when nothing is new.",
            headers: {
              "entente-cursor": { type: "string", description: "Where to go on." },
              link: { type: "string", description: 'The same as a URL, `rel="next"`.' },
            },
            content: { [batchType]: { schema: { type: "array", items: { type: "object" } } } },
          },
        },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        const { context } = request.params;
        const { cursor = null, limit = 100 } = request.query;
        const page = await system.feed(context, tenant, cursor, limit).catch((error: unknown) => {
          // A well-formed cursor with numbers no journal has: the store refuses them, not we.
          if (cursor !== null && isFailure(error, "data-rejected")) {
            throw new Failure("refused", "cursor-invalid", "This is not a cursor of this feed.", {
              cause: error,
            });
          }
          throw error;
        });
        const now = system.clock.now();
        const next = `/journals/${encodeURIComponent(context)}/events?cursor=${encodeURIComponent(page.cursor)}&limit=${limit}`;
        return reply
          .header("link", `<${next}>; rel="next"`)
          .header("entente-cursor", page.cursor)
          .header("cache-control", "no-store")
          .header("content-type", batchType)
          .send(
            Buffer.from(
              JSON.stringify(
                page.entries.map((entry) =>
                  toCloudEvent(system.name, { ...entry, data: withheld(entry.data) }, now),
                ),
              ),
            ),
          );
      },
    });
  };
}
