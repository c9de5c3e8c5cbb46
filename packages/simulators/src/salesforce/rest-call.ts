import { ApiError, notFound, refuse } from "./api-error.ts";
import type { Org } from "./org.ts";
import type { RequestBody } from "./request-body.ts";
import type { ObjectSchema } from "./schema.ts";
import type { User } from "./sessions.ts";
import type { Writing } from "./writing.ts";

/** One REST request, or one subrequest of a composite. */
export interface RestCall {
  readonly org: Org;
  readonly method: string;
  /** Segments of the path that the route names, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: RequestBody;
  /** `http://127.0.0.1:4020` */
  readonly origin: string;
  /** `/services/data/v67.0` */
  readonly base: string;
  readonly user: User;
  /** What this call writes; committed when its handler has returned. */
  readonly writing: Writing;
  /** Handles another path with writes of its own, or with those of `writing`. Never throws ApiError. */
  subrequest(request: Subrequest, writing: Writing | null): RestAnswer;
  /** Goes on by the simulator's clock, after the answer; what `transact` writes is one transaction of this call. */
  later(ms: number, work: (transact: (write: (writing: Writing) => void) => void) => void): void;
}

export interface Subrequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface RestAnswer {
  readonly status: number;
  /** Sent as JSON unless a content type is given; absent: no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RestRoute {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Below `/services/data/vNN.0`, such as `sobjects/:object/:id`. The first route that fits is taken. */
  readonly path: string;
  /** Its name for rules and logs. */
  operation(params: Readonly<Record<string, string>>): string;
  /** Errors: ApiError; everything written is then taken back. */
  handle(call: RestCall): RestAnswer;
}

/** The body as JSON. Errors: 415 for another media type, 400 JSON_PARSER_ERROR. */
export function jsonOf({ body }: RestCall): unknown {
  if (body.mediaType !== null && body.mediaType !== "application/json") {
    const message = `Content-Type header specified in HTTP request is not supported: ${body.mediaType}`;
    throw new ApiError(415, { errorCode: "UNSUPPORTED_MEDIA_TYPE", message });
  }
  if (body.json === undefined) {
    throw refuse("JSON_PARSER_ERROR", "Unexpected character or end of input at [line:1, column:1]");
  }
  return body.json;
}

export function jsonObjectOf(call: RestCall): Readonly<Record<string, unknown>> {
  const json = jsonOf(call);
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw refuse("JSON_PARSER_ERROR", "The HTTP entity body is required to be a JSON object");
  }
  return json as Readonly<Record<string, unknown>>;
}

/** Errors: 404 NOT_FOUND when there is no such object, or only a platform event by that name. */
export function rowObjectOf({ org, params }: RestCall): ObjectSchema {
  const object = org.schema.object(params.object ?? "");
  if (object?.kind !== "object") throw notFound();
  return object;
}
