/** Answers one OData request, whether it came by itself or inside a batch. */

import { writeMetadata, writeServiceDocument } from "./edmx.ts";
import {
  type EntitySet,
  isServiceError,
  type Row,
  type Service,
  type ServiceError,
  type UnitOfWork,
} from "./entity-set.ts";
import { readQueryOptions, selectRows, wantsJson } from "./query-options.ts";
import { readEntity, readKey } from "./read-entity.ts";
import { gateway, writeServiceError } from "./service-error.ts";
import { addressOf, atomEntry, jsonFeed, jsonOf, type RowsAnswer, writeFeed } from "./write-rows.ts";

export interface GatewayRequest {
  /** `GET`, or what X-HTTP-Method says of a POST. */
  readonly method: string;
  /** After the service's name, decoded: ``, `$metadata`, `A_BusinessPartner('1')`. */
  readonly resource: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface GatewayAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface GatewayContext {
  readonly service: Service;
  /** `http://127.0.0.1:8080/sap/opu/odata/sap/API_BUSINESS_PARTNER` */
  readonly root: string;
  readonly now: number;
  readonly pageSize: number;
  readonly transactionId: string;
  readonly unit: UnitOfWork;
  /** Why the change of one entity, known by a key of the caller's, is refused; null: it is not. */
  readonly refusal: (operation: "create" | "change", key: string) => ServiceError | null;
}

const jsonType = "application/json;charset=utf-8";
const segmentForm = /^([A-Za-z_]\w*)(?:\((.*)\))?(?:\/(\$count))?$/;

export function answerGateway(request: GatewayRequest, context: GatewayContext): GatewayAnswer {
  const { service, root } = context;
  const resource = request.resource.replace(/\/+$/, "");
  const json = wantsJson(request.query, request.headers.accept ?? "");
  const fail = (error: ServiceError) => failed(error, context, json || request.method !== "GET");
  if (resource === "" || resource === "$metadata") {
    if (!isRead(request.method)) return fail(gateway.methodNotAllowed(request.method, resource));
    return resource === ""
      ? plain(
          json ? jsonType : "application/atomsvc+xml;charset=utf-8",
          writeServiceDocument(service, root, json),
        )
      : plain("application/xml;charset=utf-8", writeMetadata(service));
  }
  const match = segmentForm.exec(resource);
  const set = service.sets.find(({ name }) => name === match?.[1]);
  if (match === null || set === undefined) return fail(gateway.noResource(resource));
  if (match[2] === undefined) return answerSet(request, context, set, match[3] === "$count", fail);
  const key = readKey(match[2], set);
  if (key === null) return fail(gateway.badRequest(`Invalid key predicate (${match[2]})`));
  const row = set.find(key);
  if (row === undefined) return fail(gateway.noResource(resource));
  return answerRow(request, context, set, row, fail);
}

type Fail = (error: ServiceError) => GatewayAnswer;

function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

function answerSet(
  request: GatewayRequest,
  context: GatewayContext,
  set: EntitySet,
  onlyCount: boolean,
  fail: Fail,
): GatewayAnswer {
  if (request.method === "POST" && !onlyCount) return create(request, context, set, fail);
  if (!isRead(request.method)) return fail(gateway.methodNotAllowed(request.method, set.name));
  const options = readQueryOptions(request.query, request.headers.accept ?? "", set);
  if (typeof options === "string") return fail(gateway.badRequest(options));
  const asked = onlyCount ? { ...options, counted: true } : options;
  const { page, count, nextSkip } = selectRows(set, asked, context.pageSize);
  if (onlyCount) return plain("text/plain;charset=utf-8", String(count));
  const answer: RowsAnswer = { service: context.service, set, root: context.root, select: options.select };
  const found = {
    rows: page,
    count: options.counted ? count : null,
    next: nextSkip === null ? null : nextPage(request.query, answer, nextSkip),
  };
  const updated = new Date(context.now).toISOString();
  return options.json
    ? plain(jsonType, jsonFeed(answer, found))
    : plain("application/atom+xml;type=feed;charset=utf-8", writeFeed(answer, found, updated));
}

/** The same query, further on. Its `$top` is what remains of it. */
function nextPage(query: URLSearchParams, { root, set }: RowsAnswer, nextSkip: number): string {
  const next = new URLSearchParams(query);
  const before = Number(query.get("$skip") ?? 0) + Number(query.get("$skiptoken") ?? 0);
  const top = next.get("$top");
  if (top !== null) next.set("$top", String(Number(top) - (nextSkip - before)));
  next.delete("$skip");
  next.set("$skiptoken", String(nextSkip));
  return `${root}/${set.name}?${next}`;
}

function answerRow(
  request: GatewayRequest,
  context: GatewayContext,
  set: EntitySet,
  row: Row,
  fail: Fail,
): GatewayAnswer {
  const { method, headers } = request;
  if (method === "PATCH" || method === "MERGE" || method === "PUT")
    return change(request, context, set, row, fail);
  if (!isRead(method)) return fail(gateway.methodNotAllowed(method, set.name));
  const options = readQueryOptions(request.query, headers.accept ?? "", set);
  if (typeof options === "string") return fail(gateway.badRequest(options));
  const etag = set.etag?.(row);
  if (etag !== undefined && headers["if-none-match"] === etag)
    return { status: 304, headers: { etag }, body: "" };
  return written(
    200,
    { service: context.service, set, root: context.root, select: options.select },
    row,
    context,
    options.json,
  );
}

function create(request: GatewayRequest, context: GatewayContext, set: EntitySet, fail: Fail): GatewayAnswer {
  if (set.write === undefined) return fail(gateway.methodNotAllowed("POST", set.name));
  const values = readEntity(request.body, set, "create");
  if (isServiceError(values)) return fail(values);
  const refusal = context.refusal("create", set.write.keyOf(values));
  if (refusal !== null) return fail(refusal);
  const row = set.write.create(values, context.unit);
  if (isServiceError(row)) return fail(row);
  const answer: RowsAnswer = { service: context.service, set, root: context.root, select: null };
  const json = wantsJson(request.query, request.headers.accept ?? "");
  const made = written(201, answer, row, context, json);
  return {
    ...made,
    headers: { ...made.headers, location: addressOf(answer, row), ...messages(context.unit) },
  };
}

function change(
  request: GatewayRequest,
  context: GatewayContext,
  set: EntitySet,
  row: Row,
  fail: Fail,
): GatewayAnswer {
  if (set.write === undefined) return fail(gateway.methodNotAllowed(request.method, set.name));
  const etag = set.etag?.(row);
  const condition = request.headers["if-match"];
  if (etag !== undefined) {
    if (condition === undefined) return fail(gateway.preconditionRequired());
    if (condition !== "*" && !condition.split(/,\s*(?=W\/|")/).includes(etag))
      return fail(gateway.preconditionFailed());
  }
  const values = readEntity(request.body, set, "change");
  if (isServiceError(values)) return fail(values);
  const refusal = context.refusal("change", set.write.keyOf(row));
  if (refusal !== null) return fail(refusal);
  const changed = set.write.change(row, values, context.unit);
  if (isServiceError(changed)) return fail(changed);
  const now = set.etag?.(changed);
  return {
    status: 204,
    headers: { ...(now === undefined ? {} : { etag: now }), ...messages(context.unit) },
    body: "",
  };
}

function messages({ warnings }: UnitOfWork): Record<string, string> {
  const [first] = warnings;
  if (first === undefined) return {};
  const message = ({ number, text }: typeof first) => ({
    code: number,
    message: text,
    severity: "warning",
    target: "",
  });
  return { "sap-message": JSON.stringify({ ...message(first), details: warnings.slice(1).map(message) }) };
}

function written(
  status: number,
  answer: RowsAnswer,
  row: Row,
  context: GatewayContext,
  json: boolean,
): GatewayAnswer {
  const etag = answer.set.etag?.(row);
  const body = json
    ? JSON.stringify({ d: jsonOf(answer, row) })
    : atomEntry(answer, row, new Date(context.now).toISOString());
  const made = plain(json ? jsonType : "application/atom+xml;type=entry;charset=utf-8", body);
  return { ...made, status, headers: { ...made.headers, ...(etag === undefined ? {} : { etag }) } };
}

function plain(type: string, body: string): GatewayAnswer {
  return { status: 200, headers: { "content-type": type, dataserviceversion: "2.0" }, body };
}

export function failed(
  error: ServiceError,
  context: Pick<GatewayContext, "service" | "now" | "transactionId">,
  json: boolean,
): GatewayAnswer {
  const { now, transactionId } = context;
  const body = writeServiceError(error, { service: context.service.name, now, transactionId, json });
  const type = json ? jsonType : "application/atom+xml;charset=utf-8";
  return { status: error.status, headers: { "content-type": type, dataserviceversion: "1.0" }, body };
}
