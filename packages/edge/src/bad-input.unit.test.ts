import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { aTopUp, auditor, customer, operator, secretTokens, startEdge } from "./edge.fixture.ts";
import { edgeErrors } from "./edge-errors.ts";
import { fakeId } from "./fake-names.fixture.ts";
import { type Answer, call } from "./http-client.fixture.ts";
import { openTokenIssuer, type Role, type TokenClaims } from "./tokens.ts";

/** A route as the API description tells it. */
interface Route {
  readonly method: string;
  readonly path: string;
  readonly roles: readonly Role[];
  readonly takesBody: boolean;
  readonly operation: {
    readonly operationId: string;
    readonly responses: Record<string, { readonly description: string }>;
    readonly parameters?: readonly { readonly name: string; readonly in: string }[];
    readonly requestBody?: {
      readonly content: { readonly "application/json": { readonly schema: { readonly properties: object } } };
    };
  };
}

const claimsOf: Readonly<Record<Role, TokenClaims>> = { customer, operator, auditor };
const roles = Object.keys(claimsOf) as Role[];

/** Bodies that no route takes. */
const badBodies: Readonly<Record<string, string | Buffer>> = {
  empty: "",
  space: " ",
  "broken JSON": '{"a":',
  "two values": "{}{}",
  text: '"text"',
  number: "5",
  true: "true",
  null: "null",
  array: "[]",
  "array of objects": "[{}]",
  "unknown member": '{"unknown member":1}',
  "member named twice": '{"accountId":"a","accountId":"b"}',
  prototype: '{"__proto__":{"role":"operator"}}',
  "constructor prototype": '{"constructor":{"prototype":{"role":"operator"}}}',
  "too deep": `${'{"a":'.repeat(17)}1${"}".repeat(17)}`,
  "much too deep": "[".repeat(30_000),
  "huge number": '{"units":1e400}',
  "unsafe integer": '{"units":9007199254740993}',
  "many digits": `{"units":${"9".repeat(60_000)}}`,
  NUL: '{"why":"\\u0000","accountId":"\\u0000"}',
  "raw NUL": Buffer.from('{"a":"\u0000"}'),
  "lone surrogate": '{"why":"\\ud800","accountId":"\\ud800"}',
  "invalid UTF-8": Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  "UTF-16": Buffer.from('{"a":1}', "utf16le"),
  "byte order mark": "\ufeff{}",
  "too large": `{"why":"${"x".repeat(70_000)}"}`,
};

/** Values put in the place of every member of a good body. */
const oddValues: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  "",
  "5",
  " ",
  "é",
  "🦊",
  "../../etc/passwd",
  "' or 1=1 --",
  "x".repeat(10_000),
  [],
  [1],
  {},
  { $ne: 1 },
];

const oddNames = [
  "%00",
  "%F0%9F%A6%8A",
  "..%2f..%2fetc",
  "%22%3E%3Cscript%3E",
  "'%20or%201=1--",
  "x".repeat(300),
  "%20",
  "%E2%80%AE",
  "-",
];

const oddQueries = [
  "limit=-1",
  "limit=1e9",
  "limit=%00",
  "limit=",
  "limit=99999999999999999999",
  "__proto__=1",
  "cursor=%F0%9F%A6%8A&x=1",
  "since=%00",
  "since=1",
  "a[b]=1",
  "limit=1&limit=2",
];

const goodBodies: Readonly<Record<string, object>> = {
  erasePersonalData: { subject: "acct-1", why: "test" },
  topUp: aTopUp,
  issueDevToken: { sub: "ada", tenant: "demo", role: "customer", accounts: [] },
  setDevClock: { advance: "PT0S" },
  pauseContext: { why: "drill" },
  resumeContext: { why: "drill" },
  redriveParked: { context: "subscription", why: "x" },
  discardParked: { context: "subscription", why: "x" },
  resetCursor: { consumer: "account", journal: "gateway", to: "end", why: "x" },
  stopTreaty: { why: "x" },
  resumeTreaty: { why: "x" },
  reconcileTreaty: { why: "x" },
  askRecovery: { treaty: "bank", why: "x", code: "504" },
  approveRecovery: { context: "subscription", why: "x" },
  rejectRecovery: { context: "subscription", why: "x" },
  claimCase: { context: "subscription", why: "x" },
  decideCase: { context: "subscription", why: "x", act: "close" },
  closeCase: { context: "subscription", why: "x" },
  closeReview: { why: "x" },
  sayFigure: { value: 1, why: "x" },
  deleteMonth: { why: "x" },
  correctParked: { context: "subscription", why: "x", data: {} },
};

describe("bad input", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const { body: api } = await call(edge.url, "GET", "/openapi.json");
  const routes = Object.entries(api.paths as Record<string, Record<string, Route["operation"]>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(
        ([method, operation]): Route => ({
          method: method.toUpperCase(),
          path,
          operation,
          roles: (operation as { "x-roles"?: Role[] })["x-roles"] ?? [],
          takesBody: operation.requestBody !== undefined,
        }),
      ),
  );
  const tokens = Object.fromEntries(
    await Promise.all(roles.map(async (role) => [role, await edge.tokenFor(claimsOf[role])] as const)),
  ) as Record<Role, string>;
  const listed = new Set(edgeErrors.map(({ code }) => code).concat("account-unknown"));
  let keys = 0;

  const withName = (path: string, name: string) => path.replace(/\{\w+\}/, name);
  const goodPath = (path: string) =>
    withName(path, path.includes("contexts") || path.includes("journals") ? "gateway" : fakeId(1));
  function send(route: Route, path: string, token: string | null, body?: unknown): Promise<Answer> {
    return call(edge.url, route.method, path, {
      ...(token === null ? {} : { token }),
      ...(body === undefined ? {} : { body }),
      headers: { "idempotency-key": `bad-${++keys}` },
    });
  }

  /** A 4xx with a listed code that the route's description names, and nothing of our insides. */
  function assertRefused(answer: Answer, route: Route, what: string): void {
    const about = `${route.method} ${route.path}, ${what}: ${answer.status} ${answer.text.slice(0, 300)}`;
    assert.ok(answer.status >= 400 && answer.status < 500, about);
    assert.equal(answer.headers.get("content-type"), "application/problem+json", about);
    assert.ok(listed.has(answer.body.code), about);
    assert.ok(
      route.operation.responses[answer.status]?.description.includes(`\`${answer.body.code}\``),
      `not described: ${about}`,
    );
    assert.ok(!/node_modules|\.ts\b|at \w+ \(|Error:/.test(answer.text), about);
  }

  function assertNoFault(answer: Answer, route: Route, what: string): void {
    if (answer.status >= 400) assertRefused(answer, route, what);
  }

  test("reaches every route of the edge", () => {
    assert.ok(routes.length >= 19, String(routes.length));
    for (const { operation, takesBody } of routes) {
      if (takesBody) assert.ok(goodBodies[operation.operationId] !== undefined, operation.operationId);
    }
  });

  test("tokens: none, broken, expired, for others, without algorithm, tampered, of the wrong role", async () => {
    const good = tokens.operator.split(".");
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    const elsewhere = openTokenIssuer({ ...secretTokens, audience: "elsewhere" });
    const somebody = openTokenIssuer({ ...secretTokens, issuer: "somebody" });
    const bad: Record<string, string | null> = {
      none: null,
      broken: "nonsense",
      long: "x".repeat(6_000),
      expired: await edge.tokenFor(operator, -60),
      "wrong audience": (await elsewhere(operator, 60)).token,
      "wrong issuer": (await somebody(operator, 60)).token,
      "no algorithm": `${none}.${good[1]}.`,
      "tampered claims": `${good[0]}.${Buffer.from(JSON.stringify({ ...operator, exp: 9e9 })).toString("base64url")}.${good[2]}`,
      "tampered signature": `${good[0]}.${good[1]}.${"A".repeat(43)}`,
    };
    for (const route of routes.filter((one) => one.roles.length > 0)) {
      // The stream's token may come later, as a message.
      const guarded = Object.entries(bad).filter(
        ([what]) => route.path !== "/processes/stream" || what !== "none",
      );
      for (const [what, token] of guarded) {
        const answer = await send(route, goodPath(route.path), token, route.takesBody ? {} : undefined);
        assertRefused(answer, route, what);
        assert.equal(answer.status, 401, what);
      }
      for (const role of roles.filter((one) => !route.roles.includes(one))) {
        const answer = await send(
          route,
          goodPath(route.path),
          tokens[role],
          route.takesBody ? {} : undefined,
        );
        assertRefused(answer, route, role);
        assert.equal(answer.body.code, "role-not-allowed");
      }
    }
  });

  test("bodies that are no JSON object of the right shape", async () => {
    for (const route of routes.filter((one) => one.takesBody)) {
      for (const [what, body] of Object.entries(badBodies)) {
        const token = route.roles[0] === undefined ? null : tokens[route.roles[0]];
        assertRefused(await send(route, goodPath(route.path), token, body), route, what);
      }
    }
  });

  test("odd values in every member of every body", async () => {
    for (const route of routes.filter((one) => one.takesBody)) {
      const good = goodBodies[route.operation.operationId] ?? {};
      const { properties } = route.operation.requestBody?.content["application/json"].schema ?? {
        properties: {},
      };
      const token = route.roles[0] === undefined ? null : tokens[route.roles[0]];
      for (const name of Object.keys(properties)) {
        for (const value of oddValues) {
          const body = { ...good, [name]: value };
          assertNoFault(
            await send(route, goodPath(route.path), token, body),
            route,
            JSON.stringify(body).slice(0, 100),
          );
        }
      }
    }
    const text = JSON.stringify(edge.system.submissions.map(({ data }) => data));
    assert.ok(!/🦊|passwd|1=1/.test(text), "an odd value was accepted");
  });

  test("odd names in every path", async () => {
    for (const route of routes.filter((one) => one.path.includes("{"))) {
      const body = goodBodies[route.operation.operationId];
      for (const role of route.roles) {
        for (const name of oddNames) {
          assertRefused(await send(route, withName(route.path, name), tokens[role], body), route, name);
        }
      }
    }
  });

  test("odd queries on every route that reads one, and on those that do not", async () => {
    for (const route of routes.filter((one) => one.method === "GET" && !one.path.endsWith("/events"))) {
      const reads = route.operation.parameters?.some((one) => one.in === "query") === true;
      for (const query of oddQueries) {
        const token = route.roles[0] === undefined ? null : tokens[route.roles[0]];
        const answer = await send(route, `${goodPath(route.path)}?${query}`, token);
        if (reads) assertRefused(answer, route, query);
        else assertNoFault(answer, route, query);
      }
    }
  });

  test("leaves no fault in the log", () => {
    assert.deepStrictEqual(
      edge.log.filter(({ level }) => Number(level) >= 50),
      [],
    );
  });
});
