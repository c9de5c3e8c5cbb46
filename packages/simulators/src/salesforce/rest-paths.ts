import { ApiError, notFound } from "./api-error.ts";
import { bulkRoutes } from "./bulk-routes.ts";
import { collectionRoutes } from "./collection-routes.ts";
import { compositeRoutes } from "./composite-routes.ts";
import { describeRoutes } from "./describe-routes.ts";
import { orgRoutes } from "./org-routes.ts";
import { queryRoutes } from "./query-routes.ts";
import type { RestRoute } from "./rest-call.ts";
import { rowRoutes } from "./row-routes.ts";

/** Fixed words before names: `sobjects/Account/updated` is no row. */
const routes: readonly RestRoute[] = [
  ...orgRoutes,
  ...describeRoutes,
  ...queryRoutes,
  ...compositeRoutes,
  ...collectionRoutes,
  ...bulkRoutes,
  ...rowRoutes,
].toSorted((a, b) => names(a) - names(b));

function names({ path }: RestRoute): number {
  return path.split("/").filter((step) => step.startsWith(":")).length;
}

/** REST versions that are served; earlier ones are retired. */
export const versions = { oldest: 31, newest: 67 };

/** A path of the REST interface, taken apart. */
export interface RestPath {
  /** `/services/data/v67.0` */
  readonly base: string;
  /** `67.0` */
  readonly version: string;
  readonly steps: readonly string[];
}

/** Null: not below a version. */
export function readPath(url: string): RestPath | null {
  const [path = ""] = url.split("?", 1);
  const [, version, rest = ""] = /^\/services\/data\/v(\d+\.\d)(?:\/(.*))?$/.exec(path) ?? [];
  if (version === undefined) return null;
  const steps = rest.split("/").filter((step) => step !== "");
  return { base: `/services/data/v${version}`, version, steps: steps.map(decoded) };
}

/** HEAD is GET without the body; clients that cannot send PATCH say it in the query. */
export function methodOf(method: string, url: string): string {
  if (method === "HEAD") return "GET";
  const instead = /[?&]_HttpMethod=(\w+)/.exec(url)?.[1];
  return method === "POST" && instead !== undefined ? instead.toUpperCase() : method;
}

export interface MatchedRoute {
  readonly route: RestRoute;
  readonly params: Readonly<Record<string, string>>;
}

/** Errors: 410 for a retired version, 404 for what is not there, 405 for a method it does not have. */
export function findRoute({ version, steps }: RestPath, method: string): MatchedRoute {
  if (Number(version) < versions.oldest) {
    throw new ApiError(410, { errorCode: "GONE", message: `API version ${version} is retired` });
  }
  if (Number(version) > versions.newest || !version.endsWith(".0")) throw notFound();
  const fitting = routes.flatMap((route) => {
    const params = paramsOf(route, steps);
    return params === null ? [] : [{ route, params }];
  });
  const [first] = fitting;
  if (first === undefined) throw notFound();
  // What the most exact path says counts: there is no row named `describe` to be deleted.
  const level = names(first.route);
  const found = fitting.find(({ route }) => route.method === method && names(route) === level);
  if (found !== undefined) return found;
  const allowed = fitting.filter(({ route }) => names(route) === level).map(({ route }) => route.method);
  const message = `HTTP Method '${method}' not allowed. Allowed are ${[...new Set(allowed)].join(",")}`;
  throw new ApiError(405, { errorCode: "METHOD_NOT_ALLOWED", message });
}

function paramsOf({ path }: RestRoute, steps: readonly string[]): Record<string, string> | null {
  const wanted = path.split("/").filter((step) => step !== "");
  if (wanted.length !== steps.length) return null;
  const params: Record<string, string> = {};
  for (const [i, step] of wanted.entries()) {
    const given = steps[i] as string;
    if (step.startsWith(":")) params[step.slice(1)] = given;
    else if (step !== given) return null;
  }
  return params;
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}
