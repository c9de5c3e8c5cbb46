import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import type { EdgeError } from "./edge-errors.ts";

/** `GET /docs/errors`: where the `type` of every problem document leads (RFC 9457, 3.1.1). One anchor per code. */
export function errorPageRoute(errors: readonly EdgeError[]): FastifyPluginAsync {
  const page = pageOf(errors);
  return async (app) => {
    app.route({
      method: "GET",
      url: "/docs/errors",
      config: { access: { public: true } },
      schema: {
        operationId: "readErrors",
        summary: "Every error this server answers with, for people",
        tags: ["status"],
        response: { 200: { description: "HTML.", content: { "text/html": { schema: Type.String() } } } },
      },
      handler: async (_request, reply) => {
        reply.header("cache-control", "public, max-age=3600").type("text/html; charset=utf-8");
        return reply.send(page);
      },
    });
  };
}

function pageOf(errors: readonly EdgeError[]): string {
  const rows = [...errors]
    .sort((a, b) => a.code.localeCompare(b.code))
    .map(
      ({ code, status, meaning }) =>
        `<tr id="${code}"><td><code>${code}</code><td>${status}<td>${escapeHtml(meaning)}`,
    );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Errors</title><style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}
table{border-collapse:collapse}td,th{padding:.4rem .8rem;border-bottom:1px solid #ccc;text-align:left;vertical-align:top}
tr:target{background:#fff3c4}</style>
<h1>Errors</h1><p>Every refusal is a problem document (RFC 9457) with one of these codes. Codes never change their meaning.
<table><tr><th>Code<th>HTTP status<th>What happened, and what to do${rows.join("")}</table></html>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
