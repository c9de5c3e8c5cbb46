import { randomBytes } from "node:crypto";
import { Failure, type FailureKind } from "@entente/core/model";
import type { FastifyReply, FastifyRequest } from "fastify";
import { codeOfKind, type EdgeError, edgeErrors } from "./edge-errors.ts";
import { traceIdOf, traceparentOf } from "./trace.ts";

/** A place in the body or query that breaks the schema. */
export interface FieldError {
  /** JSON Pointer (RFC 6901); empty for the whole. */
  readonly pointer: string;
  readonly detail: string;
}

/** What was sent breaks a schema. */
export class Invalid extends Failure {
  readonly errors: readonly FieldError[];

  constructor(code: "body-invalid" | "query-invalid", errors: readonly FieldError[]) {
    super(
      "refused",
      code,
      code === "body-invalid" ? "The body breaks the schema." : "The query breaks the schema.",
    );
    this.errors = errors;
  }
}

/** An RFC 9457 problem document. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly [field: string]: unknown;
}

export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

export const problemType = "application/problem+json";

/** Turns whatever was thrown into what the caller may see. */
export interface ProblemTable {
  /** Never throws. Stack traces and raw system text do not get past it. */
  answerTo(error: unknown, request: FastifyRequest | null): ProblemAnswer;
  readonly errors: readonly EdgeError[];
}

/** Errors: TypeError when two entries share a code. */
export function openProblemTable(own: readonly EdgeError[] = []): ProblemTable {
  const errors = [...edgeErrors, ...own];
  const byCode = new Map(errors.map((entry) => [entry.code, entry]));
  if (byCode.size < errors.length) throw new TypeError("Two entries of the error catalogue share a code.");

  function entryOf(code: string, kind: FailureKind): EdgeError {
    const listed = kind === "defect" ? undefined : byCode.get(code);
    return listed ?? (byCode.get(codeOfKind[kind]) as EdgeError);
  }

  return {
    errors,
    answerTo(error, request) {
      const failure = failureOf(error);
      const entry = entryOf(failure.code, failure.kind);
      const fields: Record<string, unknown> = {};
      for (const name of entry.shows ?? []) {
        if (failure.fields[name] !== undefined) fields[name] = failure.fields[name];
      }
      if (failure instanceof Invalid) fields.errors = failure.errors;
      if (entry.status >= 500 && request !== null) fields.traceId = traceIdFor(request);
      // A failure that is not in the catalogue is not known to be fit for strangers: its sentence stays inside.
      const detail = entry.code === failure.code ? failure.message : entry.meaning;
      return { problem: problemOf(entry, detail, fields), headers: headersFor(entry, fields) };
    },
  };
}

/** Titles are the code in words, so that the two cannot drift apart. */
export function problemOf(entry: EdgeError, detail: string, fields: Record<string, unknown> = {}): Problem {
  const words = entry.code.replaceAll("-", " ");
  return {
    type: `/docs/errors#${entry.code}`,
    title: words.charAt(0).toUpperCase() + words.slice(1),
    status: entry.status,
    detail,
    code: entry.code,
    ...fields,
  };
}

export function sendProblem(reply: FastifyReply, answer: ProblemAnswer): void {
  reply.code(answer.problem.status).headers(answer.headers);
  // As bytes, because Fastify adds a charset to the type of text, which this type does not have.
  reply.header("content-type", problemType).send(Buffer.from(JSON.stringify(answer.problem)));
}

function headersFor(entry: EdgeError, fields: Record<string, unknown>): Record<string, string> {
  const headers: Record<string, string> = { "cache-control": "no-store" };
  const wait = fields.expectedWaitSeconds ?? entry.retryAfterSeconds;
  if (typeof wait === "number") headers["retry-after"] = String(Math.max(1, Math.ceil(wait)));
  if (entry.status === 401) {
    const invalid = entry.code === "token-missing" ? "" : ', error="invalid_token"';
    headers["www-authenticate"] = `Bearer realm="entente"${invalid}`;
  }
  if (entry.code === "upgrade-required") headers.upgrade = "websocket";
  return headers;
}

function traceIdFor(request: FastifyRequest): string {
  const traceparent = traceparentOf(request);
  return traceparent === null ? randomBytes(16).toString("hex") : traceIdOf(traceparent);
}

/** Fastify's own errors, by its code. */
const ofFramework: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body-too-large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "content-type-unsupported",
  FST_ERR_CTP_EMPTY_TYPE: "content-type-unsupported",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "request-malformed",
  FST_ERR_BAD_URL: "url-malformed",
  FST_ERR_MAX_PARAM_LENGTH: "route-unknown",
  FST_ERR_NOT_FOUND: "route-unknown",
  // The client went away in the middle of its body: nobody will read this answer.
  ECONNRESET: "request-malformed",
};

const meanings = new Map(edgeErrors.map((entry) => [entry.code, entry.meaning]));

function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const code = ofFramework[String((error as { code?: unknown } | null)?.code)];
  if (code === undefined)
    return new Failure("defect", "internal-error", "A fault on our side.", { cause: error });
  return new Failure("refused", code, meanings.get(code) ?? code, { cause: error });
}
