import type { FastifyInstance, FastifyRequest } from "fastify";

/** A request's body, read once: routes answer for what they cannot read, in the system's own words. */
export interface RequestBody {
  /** Without parameters; null when there is none. */
  readonly mediaType: string | null;
  readonly text: string;
  /** Undefined: no JSON. */
  readonly json: unknown;
}

const empty: RequestBody = { mediaType: null, text: "", json: undefined };

export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (request, text, done) => {
    const mediaType = (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    done(null, {
      mediaType,
      text: String(text),
      json: mediaType === "text/csv" ? undefined : parse(String(text)),
    });
  });
}

export function bodyOf(request: FastifyRequest): RequestBody {
  return (request.body as RequestBody | undefined) ?? empty;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
