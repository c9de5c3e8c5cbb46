import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { Compile } from "typebox/schema";
import { aTopUp, operator, startEdge } from "./edge.fixture.ts";
import { fakeNow } from "./fake-names.fixture.ts";
import { delayedAfterMs, replacedCursor } from "./fake-system.fixture.ts";
import { type Answer, call } from "./http-client.fixture.ts";

const redocly = new URL("../../../node_modules/@redocly/cli/bin/cli.js", import.meta.url).pathname;

describe("the API description", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const { body: api } = await call(edge.url, "GET", "/openapi.json");
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods as object).map(([method, operation]) => ({ path, method, operation })),
  );

  test("is OpenAPI 3.1 that a linter's recommended rules accept", async () => {
    const folder = await mkdtemp(join(tmpdir(), "entente-openapi-"));
    try {
      const file = join(folder, "openapi.json");
      await writeFile(file, JSON.stringify(api));
      const args = [redocly, "lint", "--extends=recommended", "--format=json", file];
      const quiet = {
        ...process.env,
        REDOCLY_TELEMETRY: "off",
        REDOCLY_SUPPRESS_UPDATE_NOTICE: "true",
        CI: "1",
      };
      const ran = await promisify(execFile)(process.execPath, args, { cwd: folder, env: quiet }).catch(
        (error) => error,
      );
      const { totals, problems } = JSON.parse(ran.stdout);
      assert.equal(totals.errors, 0, JSON.stringify(problems, null, 1));
      // Switching to WebSocket is no 2xx; every other rule is kept.
      assert.deepStrictEqual(
        problems.map((one: { severity: string; ruleId: string }) => `${one.severity} ${one.ruleId}`),
        ["warn operation-2xx-response"],
        JSON.stringify(problems, null, 1),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("lists every route with its operation id, its access and its errors", () => {
    assert.deepStrictEqual(operations.map(({ method, path }) => `${method} ${path}`).sort(), [
      "get /accounts/{id}/balance",
      "get /audit/{tenant}/bundle",
      "get /audit/{tenant}/checkpoint",
      "get /audit/{tenant}/tile/entries/{rest}",
      "get /audit/{tenant}/tile/{rest}",
      "get /docs/errors",
      "get /healthz",
      "get /journals/{context}/events",
      "get /metrics",
      "get /openapi.json",
      "get /ops/callbacks",
      "get /ops/callbacks/refused",
      "get /ops/cases",
      "get /ops/contexts/{context}/cursors",
      "get /ops/fitness",
      "get /ops/flows",
      "get /ops/hand-offs",
      "get /ops/incidents",
      "get /ops/incidents/{id}",
      "get /ops/parked",
      "get /ops/process-statistics",
      "get /ops/processes/{id}/timeline",
      "get /ops/recoveries",
      "get /ops/recoveries/preview",
      "get /ops/recoveries/{requestId}",
      "get /ops/retention",
      "get /ops/reviews",
      "get /ops/treaties",
      "get /ops/treaties/{name}/reconciliations",
      "get /ops/treaties/{name}/reconciliations/{runId}",
      "get /processes/stream",
      "get /processes/{id}",
      "get /processes/{id}/events",
      "get /readyz",
      "get /status",
      "post /dev/clock",
      "post /dev/token",
      "post /ops/cases/{caseId}/claim",
      "post /ops/cases/{caseId}/close",
      "post /ops/cases/{caseId}/decide",
      "post /ops/contexts/{context}/cursors/reset",
      "post /ops/contexts/{context}/months/{month}/delete",
      "post /ops/contexts/{name}/pause",
      "post /ops/contexts/{name}/resume",
      "post /ops/erasures",
      "post /ops/fitness/{figure}/say",
      "post /ops/parked/{entryId}/correct",
      "post /ops/parked/{entryId}/discard",
      "post /ops/parked/{entryId}/redrive",
      "post /ops/recoveries",
      "post /ops/recoveries/{requestId}/approve",
      "post /ops/recoveries/{requestId}/reject",
      "post /ops/reviews/{id}/close",
      "post /ops/treaties/{name}/reconcile",
      "post /ops/treaties/{name}/resume",
      "post /ops/treaties/{name}/stop",
      "post /top-ups",
    ]);
    assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length);
    for (const { operation } of operations) {
      assert.ok(operation.security.length > 0 === Array.isArray(operation["x-roles"]));
      assert.ok(operation.responses["500"] !== undefined && operation.responses["503"] !== undefined);
      if (operation.security.length > 0) assert.ok(operation.responses["401"] && operation.responses["403"]);
    }
  });

  test("says that a command needs its key and may be turned away, and that a pause needs no body", () => {
    const topUp = api.paths["/top-ups"].post;
    assert.deepStrictEqual(
      topUp.parameters.map((one: { name: string; required: boolean }) => [one.name, one.required]),
      [["Idempotency-Key", true]],
    );
    assert.match(topUp.responses["429"].description, /backlog-full/);
    assert.match(topUp.responses["422"].description, /idempotency-key-reused/);
    assert.equal(topUp.requestBody.required, true);
    assert.equal(api.paths["/ops/contexts/{name}/pause"].post.requestBody.required, false);
  });

  test("tells the truth: answers fit their schemas, also those of errors", async () => {
    const buyer = await edge.tokenFor();
    const token = await edge.tokenFor(operator);
    const accept = (key: string) =>
      call(edge.url, "POST", "/top-ups", { token: buyer, body: aTopUp, headers: { "idempotency-key": key } });
    const accepted = await accept("a");
    const { processId } = accepted.body;
    edge.system.move(processId, "confirmed", {
      steps: [{ name: "debit", state: "done", at: 0 }],
      outcome: { units: 5 },
    });
    const failed = (await accept("b")).body.processId;
    edge.system.move(failed, "failed", { reason: { code: "no-quota", message: "None left." } });
    const late = (await accept("c")).body.processId;
    edge.system.clock.setOffset(delayedAfterMs + 1);
    edge.system.parked = [
      {
        consumer: "account",
        entryId: processId,
        tenantId: "demo",
        key: "acct-0001",
        processId,
        type: "flux.top-up",
        state: "parked",
        policy: "hold-key",
        attempts: 5,
        causeCode: "broken",
        causeText: null,
        parkedAt: null,
        waiting: 0,
      },
    ];
    edge.system.cursors = [replacedCursor, { ...replacedCursor, currentGeneration: null, replaced: null }];
    const kept = { month: "2026-01", state: "kept", keptUntil: fakeNow, holds: [] } as const;
    const due = { ...kept, month: "2019-01", state: "due", holds: [{ what: "unread", says: "x" }] } as const;
    const gone = {
      leavingId: processId,
      month: "2018-12",
      state: "dropped",
      file: "f",
      digest: "d",
      entries: 1,
      detachedAt: fakeNow,
      archivedAt: fakeNow,
      droppedAt: fakeNow,
    } as const;
    edge.system.journals = [
      {
        context: "subscription",
        isIntake: false,
        keptDays: 2_557,
        historyBegins: fakeNow,
        months: [kept, due],
        archives: [gone],
      },
    ];
    const month = (name: string) => `/ops/contexts/subscription/months/${name}/delete`;
    const reset = { consumer: "account", journal: "gateway", to: "end", why: "x" };
    const act = { context: "subscription", why: "x" };
    const claims = { sub: "z", tenant: "demo", role: "auditor" };
    const calls: [string, string, string, unknown?][] = [
      ["GET", `/processes/${processId}`, "/processes/{id}"],
      ["GET", `/processes/${failed}`, "/processes/{id}"],
      ["GET", `/processes/${late}`, "/processes/{id}"],
      ["GET", "/processes/none", "/processes/{id}"],
      ["GET", "/accounts/acct-0001/balance", "/accounts/{id}/balance"],
      ["GET", "/accounts/acct-none/balance", "/accounts/{id}/balance"],
      ["GET", "/status", "/status"],
      ["GET", "/healthz", "/healthz"],
      ["GET", "/readyz", "/readyz"],
      ["GET", "/openapi.json", "/openapi.json"],
      ["GET", "/processes/stream", "/processes/stream"],
      ["GET", "/ops/hand-offs", "/ops/hand-offs"],
      ["GET", "/ops/callbacks", "/ops/callbacks"],
      ["GET", "/ops/callbacks?limit=0", "/ops/callbacks"],
      ["GET", "/ops/callbacks/refused", "/ops/callbacks/refused"],
      ["GET", "/ops/callbacks/refused?treaty=none", "/ops/callbacks/refused"],
      ["GET", "/ops/parked", "/ops/parked"],
      ["GET", "/ops/parked?limit=0", "/ops/parked"],
      ["GET", "/journals/gateway/events", "/journals/{context}/events"],
      ["POST", "/ops/contexts/gateway/pause", "/ops/contexts/{name}/pause"],
      ["POST", "/ops/contexts/gateway/resume", "/ops/contexts/{name}/resume"],
      ["POST", "/ops/contexts/none/resume", "/ops/contexts/{name}/resume"],
      ["GET", "/ops/contexts/subscription/cursors", "/ops/contexts/{context}/cursors"],
      ["POST", "/ops/contexts/subscription/cursors/reset", "/ops/contexts/{context}/cursors/reset", reset],
      ["POST", "/ops/contexts/gateway/cursors/reset", "/ops/contexts/{context}/cursors/reset", reset],
      ["GET", "/ops/retention", "/ops/retention"],
      ["POST", month("2026-01"), "/ops/contexts/{context}/months/{month}/delete", { why: "x" }],
      ["POST", month("2019-01"), "/ops/contexts/{context}/months/{month}/delete", { why: "x" }],
      ["POST", month("2018-01"), "/ops/contexts/{context}/months/{month}/delete", { why: "x" }],
      ["POST", month("2018-13"), "/ops/contexts/{context}/months/{month}/delete", { why: "x" }],
      ["POST", `/ops/parked/${processId}/redrive`, "/ops/parked/{entryId}/redrive", act],
      ["POST", `/ops/parked/${processId}/discard`, "/ops/parked/{entryId}/discard", act],
      [
        "POST",
        `/ops/parked/${processId}/correct`,
        "/ops/parked/{entryId}/correct",
        { ...act, data: { a: 1 } },
      ],
      ["POST", "/dev/clock", "/dev/clock", { advance: "PT1S" }],
      ["POST", "/dev/clock", "/dev/clock", { advance: 1 }],
      ["POST", "/dev/token", "/dev/token", claims],
    ];
    const answers: [string, string, Answer][] = [["POST", "/top-ups", accepted]];
    for (const [method, path, route, body] of calls) {
      answers.push([method, route, await call(edge.url, method, path, { token, body })]);
    }
    for (const [method, route, answer] of answers) {
      const about = `${method} ${route} ${answer.status}`;
      const type = (answer.headers.get("content-type") ?? "").split(";")[0] as string;
      const media = api.paths[route][method.toLowerCase()].responses[answer.status]?.content?.[type];
      assert.ok(media !== undefined, `${about} ${type} is not described`);
      const named = /^#\/components\/schemas\/(.*)$/.exec(media.schema.$ref ?? "")?.[1];
      const schema = named === undefined ? media.schema : api.components.schemas[named];
      const [fits, errors] = Compile(schema).Errors(answer.body);
      assert.ok(fits, `${about}: ${JSON.stringify(errors)} in ${answer.text}`);
      if (schema.additionalProperties === true || type === "application/cloudevents-batch+json") continue;
      // And nothing is answered that is not described.
      for (const name of Object.keys(answer.body)) {
        assert.ok(
          schema.properties[name] !== undefined || route.endsWith("/balance"),
          `${about} does not describe ${name}`,
        );
      }
    }
    assert.ok(answers.some(([, , { body }]) => body.delayed === true && body.state === "queued"));
  });
});
