import { refuse } from "./api-error.ts";
import { jsonObjectOf, type RestAnswer, type RestCall, type RestRoute } from "./rest-call.ts";

const subrequestsAllowed = 25;
/** Queries and collections together. */
const heavyAllowed = 5;

interface Part {
  readonly method: string;
  readonly url: string;
  readonly referenceId: string;
  readonly httpHeaders?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface PartAnswer {
  readonly body: unknown;
  readonly httpHeaders: Readonly<Record<string, string>>;
  readonly httpStatusCode: number;
  readonly referenceId: string;
}

/** Up to 25 requests in one, which may use what earlier ones answered: `@{account.id}`. */
export const compositeRoutes: readonly RestRoute[] = [
  { method: "POST", path: "composite", operation: () => "composite", handle: composite },
];

function composite(call: RestCall): RestAnswer {
  const { compositeRequest, allOrNone } = jsonObjectOf(call);
  const parts = partsOf(compositeRequest);
  // With allOrNone all parts write into one transaction; without it each has its own and commits by itself.
  const shared = allOrNone === true ? call.writing : null;
  const start = call.writing.transaction.savepoint();
  const answers = new Map<string, PartAnswer>();
  let failed: string | null = null;
  for (const part of parts) {
    const halted = failed !== null && shared !== null;
    const answer = halted ? haltedBy(part) : run(call, part, answers, shared);
    answers.set(part.referenceId, answer);
    if (answer.httpStatusCode >= 300) failed ??= part.referenceId;
  }
  if (failed === null || shared === null) return answerOf([...answers.values()]);
  shared.transaction.rollBack(start);
  shared.publications.splice(0);
  return answerOf(
    parts.map((part) => (part.referenceId === failed ? (answers.get(failed) as PartAnswer) : haltedBy(part))),
  );
}

function answerOf(compositeResponse: readonly PartAnswer[]): RestAnswer {
  return { status: 200, body: { compositeResponse } };
}

function partsOf(given: unknown): readonly Part[] {
  if (!Array.isArray(given) || !given.every(isPart)) {
    throw refuse("JSON_PARSER_ERROR", "compositeRequest is a list of method, url and referenceId");
  }
  const ids = new Set(given.map(({ referenceId }) => referenceId));
  if (ids.size < given.length) throw refuse("JSON_PARSER_ERROR", "every referenceId must be another");
  if (given.length > subrequestsAllowed) {
    throw refuse(
      "LIMIT_EXCEEDED",
      `Limit exceeded: a composite has at most ${subrequestsAllowed} subrequests`,
    );
  }
  const heavy = given.filter(({ url }) => /\/v\d+\.0\/(?:query|queryAll|composite\/sobjects)\b/.test(url));
  if (heavy.length > heavyAllowed) {
    throw refuse(
      "LIMIT_EXCEEDED",
      `Limit exceeded: a composite has at most ${heavyAllowed} queries and collections`,
    );
  }
  return given;
}

function isPart(value: unknown): value is Part {
  const { method, url, referenceId } = (value ?? {}) as Partial<Part>;
  return [method, url, referenceId].every((one) => typeof one === "string");
}

function run(
  call: RestCall,
  part: Part,
  answers: ReadonlyMap<string, PartAnswer>,
  shared: RestCall["writing"] | null,
): PartAnswer {
  const { referenceId, method, httpHeaders: headers = {} } = part;
  const url = filled(part.url, answers);
  const body = filled(part.body, answers);
  if (url instanceof Missing || body instanceof Missing) {
    const missing = url instanceof Missing ? url : (body as Missing);
    return halted(referenceId, `Invalid reference specified. No value for ${missing.reference} found`);
  }
  const answer = call.subrequest({ method, url: url as string, headers, body }, shared);
  const { location } = answer.headers ?? {};
  return {
    body: answer.body ?? null,
    httpHeaders: location === undefined ? {} : { Location: location },
    httpStatusCode: answer.status,
    referenceId,
  };
}

class Missing {
  readonly reference: string;
  constructor(reference: string) {
    this.reference = reference;
  }
}

/** The value with its references filled in; Missing when one leads nowhere. */
function filled(value: unknown, answers: ReadonlyMap<string, PartAnswer>): unknown {
  if (typeof value === "string") {
    let missing: Missing | null = null;
    const text = value.replace(/@\{([^}]+)\}/g, (_, reference: string) => {
      const found = lookUp(reference, answers);
      if (found === undefined || found === null) missing ??= new Missing(reference);
      return String(found);
    });
    return missing ?? text;
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => filled(item, answers));
    return items.find((item) => item instanceof Missing) ?? items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, filled(inner, answers)] as const);
  return entries.find(([, inner]) => inner instanceof Missing)?.[1] ?? Object.fromEntries(entries);
}

/** `query.records[0].Id` */
function lookUp(reference: string, answers: ReadonlyMap<string, PartAnswer>): unknown {
  const [id = "", ...path] = reference.split(/[.[\]]+/).filter((step) => step !== "");
  const answer = answers.get(id);
  if (answer === undefined || answer.httpStatusCode >= 300) return undefined;
  let value: unknown = answer.body;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

function haltedBy({ referenceId }: Part): PartAnswer {
  return halted(
    referenceId,
    "The transaction was rolled back since another operation in the same transaction failed.",
  );
}

function halted(referenceId: string, message: string): PartAnswer {
  const body = [{ errorCode: "PROCESSING_HALTED", message }];
  return { body, httpHeaders: {}, httpStatusCode: 400, referenceId };
}
