import type { FastifyRequest } from "fastify";
import type { Subject } from "../control/rule-book.ts";
import { wantsToken } from "./access.ts";
import type { OperationName } from "./description.ts";
import { type openIdocReader, referenceOf } from "./idoc/idoc-routes.ts";
import { readBatch } from "./odata/batch.ts";
import { methodOf, resourceOf } from "./odata/odata-routes.ts";
import { quotaKeys, quotaPath } from "./quota/quota-routes.ts";
import type { Simulation } from "./simulation.ts";
import type { openRequestReader } from "./soap/post-journal-entries.ts";
import { soapOperation } from "./soap/soap-routes.ts";

interface Readers {
  readonly entries: ReturnType<typeof openRequestReader>;
  readonly idocs: ReturnType<typeof openIdocReader>;
}

/**
 * What a request asks for, and the business keys it carries: references of journal entries, ids of business partners.
 * Keys are known once the body is.
 */
export function identify(request: FastifyRequest, simulation: Simulation, readers: Readers): Subject {
  const path = request.url.split("?", 1)[0] as string;
  const subject = (operation: OperationName | null, keys: readonly string[] = []): Subject => ({
    operation,
    keys: keys.filter((key) => key !== ""),
  });
  const hasBody = typeof request.body === "string";
  const soap = request.method === "POST" ? soapOperation(path) : null;
  if (soap !== null) {
    const read = hasBody ? readers.entries(request) : null;
    if (read === null || "fault" in read) return subject(soap);
    return subject(
      soap,
      read.request.entries.map(({ entry }) => entry.reference),
    );
  }
  const found = resourceOf(request.url);
  if (found !== null) return odataSubject(request, found, simulation, subject);
  switch (`${request.method} ${path}`) {
    case "POST /sap/bc/idoc_xml":
    case "POST /sap/bc/idoc_flat": {
      const read = hasBody ? readers.idocs(request) : "";
      return subject("receive-idocs", typeof read === "string" ? [] : read.map(referenceOf));
    }
    case `POST ${quotaPath}`:
      return subject("decide-quota", quotaKeys(request));
    case `GET ${quotaPath}`:
      return subject("read-quota-decision", quotaKeys(request));
    case "GET /sap/bc/idoc_status":
      return subject("read-idoc-status", idocKeys(request, simulation));
    case "POST /sap/bc/idoc_reprocess":
      return subject("reprocess-idocs", idocKeys(request, simulation));
    default:
      return subject(null);
  }
}

function idocKeys(request: FastifyRequest, { world }: Simulation): readonly string[] {
  const { docnum } = request.query as { readonly docnum?: string };
  const idoc = docnum === undefined ? undefined : world().idocs.find(docnum);
  return idoc === undefined ? [] : [referenceOf(idoc.received), idoc.docnum];
}

function odataSubject(
  request: FastifyRequest,
  { service, resource }: { readonly service: string; readonly resource: string },
  simulation: Simulation,
  subject: (operation: OperationName | null, keys?: readonly string[]) => Subject,
): Subject {
  const method = methodOf(request);
  const body = typeof request.body === "string" ? request.body : "";
  if (method === "HEAD" && wantsToken(request)) return subject("fetch-token");
  if (resource.startsWith("$batch")) {
    const parts = readBatch(request.headers["content-type"] ?? "", body);
    if (typeof parts === "string") return subject("batch");
    const changes = parts.flatMap((part) => (part.kind === "change-set" ? part.requests : []));
    return subject(
      "batch",
      changes.flatMap((change) => partnerKeys(change.url, change.body, simulation)),
    );
  }
  if (resource === "" || resource.startsWith("$metadata")) return subject("read-service");
  if (method === "GET" || method === "HEAD") {
    if (service === "API_BUSINESS_PARTNER")
      return subject("read-business-partners", partnerKeys(resource, "", simulation));
    if (service === "ZINTEGRATION_MONITOR_SRV") return subject("read-monitor", queriedKeys(request));
    return subject("read-journal-entries", queriedKeys(request));
  }
  if (service !== "API_BUSINESS_PARTNER") return subject(null);
  const keys = partnerKeys(resource, body, simulation);
  if (method === "POST") return subject("create-business-partner", keys);
  return subject(
    method === "PATCH" || method === "MERGE" || method === "PUT" ? "change-business-partner" : null,
    keys,
  );
}

/** The reference or assignment an inquiry is about. */
function queriedKeys(request: FastifyRequest): readonly string[] {
  const filter = new URLSearchParams(request.url.split("?")[1] ?? "").get("$filter") ?? "";
  const wanted = /\b(?:DocumentReferenceID|AssignmentReference|MessageID)\s+eq\s+'([^']*)'/g;
  return [...filter.matchAll(wanted)].map((match) => match[1] as string);
}

/** The caller's own id of a partner, and its number. */
function partnerKeys(url: string, body: string, { world }: Simulation): readonly string[] {
  const number = /A_BusinessPartner\('([^']*)'\)/.exec(url)?.[1];
  if (number !== undefined) {
    const row = world()
      .services.find(({ name }) => name === "API_BUSINESS_PARTNER")
      ?.sets[0]?.find([number]);
    return [String(row?.BusinessPartnerIDByExtSystem ?? ""), number];
  }
  try {
    const values = JSON.parse(body) as Readonly<Record<string, unknown>> | null;
    const inner = (values?.d ?? values) as Readonly<Record<string, unknown>> | null;
    return [inner?.BusinessPartnerIDByExtSystem, inner?.BusinessPartner].filter(
      (key) => typeof key === "string",
    );
  } catch {
    return [];
  }
}
