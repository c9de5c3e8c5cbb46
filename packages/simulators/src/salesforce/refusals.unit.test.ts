import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Connection } from "jsforce";
import {
  entitlement,
  errorOf,
  type SalesforceUnderTest,
  startSalesforceUnderTest,
} from "./salesforce.fixture.ts";

/** Errors as the unmodified client tells them, limits that really count, and every behaviour of the control interface. */

let sf: SalesforceUnderTest;
let conn: Connection;

before(async () => {
  sf = await startSalesforceUnderTest();
});
beforeEach(async () => {
  await sf.client.reset();
  conn = await sf.connect();
});
after(() => sf.stop());

const upsert = (key: string, more: object = {}) =>
  conn.sobject("Entitlement__c").upsert(entitlement(key, { ...more }), "Entente_Key__c");

async function limit(settings: object): Promise<void> {
  const response = await fetch(`${sf.url}/_control/salesforce/limits`, {
    method: "PATCH",
    body: JSON.stringify(settings),
    headers: { "content-type": "application/json" },
  });
  assert.equal(response.status, 200);
}

describe("a write that Salesforce refuses", () => {
  for (const [errorCode, more] of [
    ["INVALID_FIELD", { Nothing__c: 1 }],
    ["JSON_PARSER_ERROR", { Monthly_Quota_Units__c: "many" }],
    ["JSON_PARSER_ERROR", { Valid_From__c: "yesterday" }],
    ["REQUIRED_FIELD_MISSING", { Plan_Code__c: null }],
    ["STRING_TOO_LONG", { Plan_Code__c: "x".repeat(41) }],
    ["INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", { Status__c: "Sleeping" }],
    ["NUMBER_OUTSIDE_VALID_RANGE", { Monthly_Quota_Units__c: 1e18 }],
    ["INVALID_CROSS_REFERENCE_KEY", { Account__c: "001000000000000AAA" }],
    ["MALFORMED_ID", { Account__c: "nonsense" }],
    ["FIELD_CUSTOM_VALIDATION_EXCEPTION", { Monthly_Quota_Units__c: -1 }],
    ["INVALID_FIELD_FOR_INSERT_UPDATE", { CreatedDate: "2026-01-01T00:00:00Z" }],
  ] as const) {
    test(`is ${errorCode} for ${JSON.stringify(more).slice(0, 60)}`, async () => {
      assert.equal((await errorOf(upsert("ent-e", more))).errorCode, errorCode);
      assert.deepEqual(await sf.client.effects(), []);
    });
  }

  test("as a duplicate names the other record", async () => {
    const { id } = await conn.sobject("Account").create({ Name: "A", Account_Key__c: "acct-d" });
    const error = await errorOf(conn.sobject("Account").create({ Name: "B", Account_Key__c: "acct-d" }));
    assert.equal(error.errorCode, "DUPLICATE_VALUE");
    assert.match(error.message, new RegExp(String(id)));
  });
});

describe("a request that does not fit", () => {
  test("has Salesforce's status and code", async () => {
    const json = { "content-type": "application/json" };
    for (const [method, path, init, status, errorCode] of [
      ["GET", "/nothing", {}, 404, "NOT_FOUND"],
      ["GET", "/sobjects/Nothing/describe", {}, 404, "NOT_FOUND"],
      ["PUT", "/limits", {}, 405, "METHOD_NOT_ALLOWED"],
      ["POST", "/sobjects/Account", { body: "{", headers: json }, 400, "JSON_PARSER_ERROR"],
      [
        "POST",
        "/sobjects/Account",
        { body: "<a/>", headers: { "content-type": "application/xml" } },
        415,
        "UNSUPPORTED_MEDIA_TYPE",
      ],
      ["GET", "/services/data/v30.0/limits", {}, 410, "GONE"],
      ["GET", "/services/data/v68.0/limits", {}, 404, "NOT_FOUND"],
      ["GET", "/sobjects/Account/updated?start=nonsense", {}, 400, "INVALID_REPLICATION_DATE"],
    ] as const) {
      const response = await sf.ask(conn, method, path, init);
      assert.equal(response.status, status, path);
      assert.equal(((await response.json()) as { errorCode: string }[])[0]?.errorCode, errorCode, path);
      assert.match(response.headers.get("sforce-limit-info") ?? "", /^api-usage=\d+\/100000$/);
    }
    const without = await fetch(`${sf.url}/services/data/v67.0/limits`);
    assert.equal(without.status, 401);
  });

  test("of an older version is served, and the list of versions costs nothing", async () => {
    const versions = (await (await fetch(`${sf.url}/services/data`)).json()) as {
      label: string;
      version: string;
    }[];
    assert.deepEqual(versions.at(-1), { label: "Summer '26", url: "/services/data/v67.0", version: "67.0" });
    assert.equal(versions[0]?.version, "31.0");
    assert.equal((await sf.ask(conn, "GET", "/services/data/v50.0/limits")).status, 200);
    assert.equal((await conn.limits()).DailyApiRequests?.Remaining, 100_000 - 2);
  });
});

describe("the daily limit", () => {
  test("counts each request once, tells it in a header, and refuses the one after the last", async () => {
    await limit({ dailyApiRequests: 3 });
    await conn.sobject("Account").create([{ Name: "A" }, { Name: "B" }]);
    assert.deepEqual(conn.limitInfo.apiUsage, { used: 1, limit: 3 });
    await conn.query("SELECT Id FROM Account LIMIT 1");
    await conn.limits();
    assert.deepEqual(conn.limitInfo.apiUsage, { used: 3, limit: 3 });
    const error = await errorOf(conn.limits());
    assert.deepEqual(
      [error.errorCode, error.message],
      ["REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."],
    );
    await sf.client.advance("PT24H1M");
    conn = await sf.connect();
    await conn.limits();
    assert.deepEqual(conn.limitInfo.apiUsage, { used: 1, limit: 3 });
  });

  test("of long requests at once refuses one more", async () => {
    await limit({ longRequests: 2 });
    await sf.client.rule({ behaviour: "slow", delayMs: 60_000, times: 2 });
    const slow = [conn.limits(), conn.limits()];
    while ((await sf.client.rules())[0]?.applied !== 2) await conn.identity().catch(() => undefined);
    await sf.client.advance("PT19S");
    await conn.limits();
    await sf.client.advance("PT2S");
    const error = await errorOf(conn.limits());
    assert.match(error.message, /^ConcurrentRequests/);
    await sf.client.advance("PT1M");
    await Promise.all(slow);
    await conn.limits();
  });
});

describe("a rule", () => {
  test("rejects a row, each record of a collection, and each part of a composite, in their own shapes", async () => {
    await sf.client.rule({ behaviour: "rejection", reason: "UNABLE_TO_LOCK_ROW" });
    assert.equal((await errorOf(upsert("ent-r"))).errorCode, "UNABLE_TO_LOCK_ROW");
    const [one] = await conn.sobject("Account").create([{ Name: "A" }]);
    assert.equal((one?.errors[0] as { statusCode?: string } | undefined)?.statusCode, "UNABLE_TO_LOCK_ROW");
    const { compositeResponse } = await conn.requestPost<{ compositeResponse: { httpStatusCode: number }[] }>(
      "/composite",
      {
        compositeRequest: [
          {
            method: "POST",
            url: "/services/data/v67.0/sobjects/Account",
            referenceId: "a",
            body: { Name: "A" },
          },
        ],
      },
    );
    assert.equal(compositeResponse[0]?.httpStatusCode, 400);
    assert.deepEqual(await sf.client.effects(), []);
    await conn.query("SELECT Id FROM Account LIMIT 1");
  });

  test("by key concerns only the requests that carry it", async () => {
    await sf.client.rule({ behaviour: "server-error", effect: false, when: { key: "ent-k1" } });
    assert.equal((await errorOf(upsert("ent-k1"))).errorCode, "UNKNOWN_EXCEPTION");
    assert.ok((await upsert("ent-k2")).success);
  });

  test("answers in Salesforce's words when the system is busy, broken, or says something unlisted", async () => {
    const once = (rule: object) =>
      sf.client.rule({ ...rule, times: 1 } as Parameters<typeof sf.client.rule>[0]);
    await once({ behaviour: "throttled" });
    assert.equal((await errorOf(upsert("ent-1"))).errorCode, "REQUEST_LIMIT_EXCEEDED");
    await once({ behaviour: "server-error", status: 503, effect: true });
    assert.equal((await errorOf(upsert("ent-2"))).errorCode, "SERVER_UNAVAILABLE");
    await once({ behaviour: "unknown-status", status: "PUZZLED" });
    assert.equal((await errorOf(upsert("ent-3"))).errorCode, "PUZZLED");
    await once({ behaviour: "unknown-status", status: "Hibernating", when: { operation: "query" } });
    const { records } = await conn.query<{ Status__c: string }>(
      "SELECT Status__c FROM Entitlement__c WHERE Entente_Key__c = 'ent-2'",
    );
    assert.equal(records[0]?.Status__c, "Hibernating");
    for (const variant of ["not-json", "missing-field", "wrong-type"] as const) {
      await once({ behaviour: "malformed", variant });
      const answer = (await upsert(`ent-${variant}`)) as unknown;
      assert.notEqual(
        typeof (answer as { success?: unknown }).success === "boolean" &&
          typeof (answer as { id?: unknown }).id,
        "string",
      );
    }
    const effects = await sf.client.effects();
    assert.deepEqual(
      effects.map(({ key }) => key),
      ["ent-2", "ent-3", "ent-not-json", "ent-missing-field", "ent-wrong-type"],
    );
  });

  test("gives no answer, with the effect or without it, and a repeat by external id doubles nothing", async () => {
    for (const [effect, expected] of [
      [true, 1],
      [false, 0],
    ] as const) {
      const key = `ent-drop-${effect}`;
      await sf.client.rule({ behaviour: "drop", effect, times: 1 });
      await errorOf(upsert(key, { Command_Key__c: `command-${effect}` }));
      assert.equal((await sf.client.effects({ key })).length, expected);
      await upsert(key, { Command_Key__c: `command-${effect}` });
      assert.equal((await sf.client.effects({ key })).length, 1);
      assert.equal((await sf.client.effects({ key: `command-${effect}` })).length, 1);
    }
    await sf.client.rule({ behaviour: "timeout", effect: true, holdMs: 5_000, times: 1 });
    const hanging = errorOf(upsert("ent-t"));
    while ((await sf.client.effects({ key: "ent-t" })).length === 0) await conn.limits();
    await sf.client.advance("PT5S");
    await hanging;
  });
});

test("an outage takes the whole system away and brings it back; the control interface stays", async () => {
  await sf.client.outage("unavailable");
  const away = await sf.ask(conn, "POST", "/sobjects/Account", { body: "{}" });
  assert.equal(away.status, 503);
  assert.equal(((await away.json()) as { errorCode: string }[])[0]?.errorCode, "SERVER_UNAVAILABLE");
  await sf.client.outage("refuse");
  await assert.rejects(sf.ask(conn, "POST", "/sobjects/Account", { body: "{}" }));
  await sf.client.outage("none");
  await conn.limits();
});

test("the same seed gives the same org, and a reset gives it again", async () => {
  const first = await conn.query("SELECT Id, Name FROM Account ORDER BY Account_Key__c LIMIT 3");
  await conn.sobject("Account").create({ Name: "other" });
  await sf.client.reset();
  conn = await sf.connect();
  assert.deepEqual(await conn.query("SELECT Id, Name FROM Account ORDER BY Account_Key__c LIMIT 3"), first);
  assert.equal((await conn.query("SELECT COUNT() FROM Account")).totalSize, 1_000);
});
