import type { FastifyRequest } from "fastify";
import type { Subject } from "../control/rule-book.ts";
import { textOf } from "../xml/read-xml.ts";
import { ApiError } from "./api-error.ts";
import { fluxObjects } from "./flux-schema.ts";
import { bodyOf } from "./request-body.ts";
import { findRoute, methodOf, readPath } from "./rest-paths.ts";
import { leadConvertsOf, readSoapCall } from "./soap-message.ts";
import { soapPath } from "./soap-routes.ts";

/** Fields that name a thing or a command, markers first: the name a call is logged under. */
const naming = [
  ...new Set(fluxObjects.flatMap(({ markerFields = [] }) => markerFields)),
  ...new Set(
    fluxObjects.flatMap(({ fields }) =>
      fields.filter(({ externalId }) => externalId === true).map(({ name }) => name),
    ),
  ),
];

const fixed: Readonly<Record<string, string>> = {
  "/services/oauth2/token": "issue-token",
  "/services/oauth2/revoke": "revoke-token",
  "/services/oauth2/userinfo": "read-identity",
  "/id/:org/:user": "read-identity",
  "/services/data": "read-versions",
  "/services/data/": "read-versions",
  "/cometd/:version": "stream",
};

/** What a request is about, told from its path and body. */
export function subjectOf(request: FastifyRequest): Subject {
  const operation = fixed[request.routeOptions.url ?? ""];
  if (operation !== undefined) return { operation, keys: [] };
  if (request.routeOptions.url === soapPath) return subjectOfSoap(request);
  const path = readPath(request.url);
  if (path === null) return { operation: null, keys: [] };
  try {
    const { route, params } = findRoute(path, methodOf(request.method, request.url));
    const named = [params.value, params.id].filter((value) => value !== undefined);
    const keys = new Set([...keysIn(bodyOf(request).json), ...named]);
    return { operation: route.operation(params), keys: [...keys] };
  } catch (error) {
    if (error instanceof ApiError) return { operation: null, keys: [] };
    throw error;
  }
}

/** Leads go by their ids there. Other calls of that interface have no name. */
function subjectOfSoap(request: FastifyRequest): Subject {
  const { text } = bodyOf(request);
  const call = readSoapCall(text);
  if (text !== "" && call?.name !== "convertLead") return { operation: null, keys: [] };
  const keys = call === null ? [] : leadConvertsOf(call).map((one) => textOf(one, "leadId"));
  return { operation: "convert-lead", keys };
}

function keysIn(json: unknown): readonly string[] {
  const found = new Map<string, Set<string>>(naming.map((name) => [name, new Set()]));
  collect(json, found);
  return naming.flatMap((name) => [...(found.get(name) as Set<string>)]);
}

function collect(json: unknown, found: ReadonlyMap<string, Set<string>>): void {
  if (typeof json !== "object" || json === null) return;
  for (const [name, value] of Object.entries(json)) {
    if (typeof value === "string") found.get(name)?.add(value);
    else collect(value, found);
  }
}
