import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Connection } from "jsforce";
import {
  entitlement,
  errorOf,
  type SalesforceUnderTest,
  startSalesforceUnderTest,
} from "./salesforce.fixture.ts";

/** Rows of protocols' first table, with the unmodified jsforce over real sockets. */

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

async function idOf(object: string, field: string, value: string): Promise<string> {
  const { records } = await conn.query<{ Id: string }>(
    `SELECT Id FROM ${object} WHERE ${field} = '${value}'`,
  );
  return records[0]?.Id as string;
}

describe("a request for a top-up", () => {
  const request = {
    Entente_Key__c: "request-1",
    Account_Key__c: "acct-0001",
    Condenser_Key__c: "car-0001",
    Units__c: 25,
    Command_Key__c: "command-1",
  };

  test("is taken from an account with an active entitlement alone", async () => {
    const id = await idOf("Entitlement__c", "Entente_Key__c", "ent-acct-0001");
    const status = (Status__c: string, Version_Number__c: number) =>
      conn.sobject("Entitlement__c").update({ Id: id, Status__c, Version_Number__c });
    await status("Suspended", 2);
    const refused = await errorOf(conn.sobject("Top_Up_Request__c").create(request));
    assert.equal(refused.errorCode, "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    await status("Active", 3);
    assert.ok((await conn.sobject("Top_Up_Request__c").create(request)).success);
  });

  test("is closed once, and both writes are known by their own marks", async () => {
    const { id } = await conn.sobject("Top_Up_Request__c").create(request);
    const close = (Status__c: string) =>
      conn.sobject("Top_Up_Request__c").update({ Id: id as string, Status__c, Outcome_Key__c: "outcome-1" });
    await close("Posted");
    await close("Posted");
    assert.equal((await errorOf(close("Cancelled"))).errorCode, "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert.equal((await errorOf(close("Requested"))).errorCode, "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    const effects = await sf.client.effects({ key: "request-1" });
    assert.deepEqual(
      effects.map(({ operation, key }) => [operation, key]),
      [
        ["create-row", "command-1"],
        ["update-row", "outcome-1"],
      ],
    );
  });
});

describe("one row", () => {
  test("is created, read, updated and deleted", async () => {
    const created = await conn.sobject("Account").create({ Name: "Ada", Account_Key__c: "acct-x" });
    assert.ok(created.success);
    assert.match(created.id as string, /^001[A-Za-z0-9]{15}$/);
    const row = await conn.sobject("Account").retrieve(created.id as string);
    assert.equal(row.Name, "Ada");
    assert.equal(row.Account_Key__c, "acct-x");
    assert.match(String(row.CreatedDate), /^\d{4}-\d\d-\d\dT[\d:.]+\+0000$/);
    assert.deepEqual(await conn.sobject("Account").update({ Id: created.id as string, Name: "Ada L." }), {
      id: created.id,
      success: true,
      errors: [],
    });
    const some = await conn.retrieve("Account", created.id as string, { fields: ["Name"] });
    assert.deepEqual(Object.keys(some).sort(), ["Id", "Name", "attributes"]);
    assert.equal(some.Name, "Ada L.");
    assert.ok((await conn.sobject("Account").destroy(created.id as string)).success);
    assert.equal(
      (await errorOf(conn.sobject("Account").retrieve(created.id as string))).errorCode,
      "ENTITY_IS_DELETED",
    );
  });

  test("is found by its 15-character id too, and by no id that never was", async () => {
    const id = await idOf("Account", "Account_Key__c", "acct-0001");
    assert.equal((await conn.sobject("Account").retrieve(id.slice(0, 15))).Id, id);
    const { errorCode } = await errorOf(conn.sobject("Account").retrieve("001000000000000AAA"));
    assert.equal(errorCode, "NOT_FOUND");
  });

  test("is created by an upsert, then updated by it, and only updated on demand", async () => {
    const first = await conn.sobject("Entitlement__c").upsert(entitlement("ent-x"), "Entente_Key__c");
    assert.equal((first as { created?: boolean }).created, true);
    const second = await conn
      .sobject("Entitlement__c")
      .upsert(entitlement("ent-x", { Version_Number__c: 2, Status__c: "Suspended" }), "Entente_Key__c");
    assert.deepEqual(second, { id: first.id, success: true, errors: [], created: false });
    const path = "/sobjects/Entitlement__c/Entente_Key__c/ent-y?updateOnly=true";
    const { Entente_Key__c: _, ...rest } = entitlement("ent-y");
    const { errorCode } = await errorOf(conn.requestPatch(path, rest));
    assert.equal(errorCode, "NOT_FOUND");
  });

  test("with a slash in its external id is reached by the encoded value", async () => {
    const key = "ent/a b";
    await conn.sobject("Entitlement__c").create(entitlement(key));
    const path = `/sobjects/Entitlement__c/Entente_Key__c/${encodeURIComponent(key)}`;
    const row = await conn.request<{ Entente_Key__c: string }>(path);
    assert.equal(row.Entente_Key__c, key);
  });

  test("under an external id that is not unique is answered with the list of candidates", async () => {
    const error = await errorOf(
      conn.sobject("Account").upsert({ Legacy_Number__c: "L-1", Phone: "1" }, "Legacy_Number__c"),
    );
    assert.equal(error.errorCode, "MULTIPLE_CHOICES");
    assert.equal((error.data as string[]).length, 2);
  });

  test("takes a reference by external id", async () => {
    const created = await conn
      .sobject("Entitlement__c")
      .create(entitlement("ent-r", { Account__r: { Account_Key__c: "acct-0002" } }));
    const row = await conn.sobject("Entitlement__c").retrieve(created.id as string);
    assert.equal(row.Account__c, await idOf("Account", "Account_Key__c", "acct-0002"));
  });
});

describe("an account's row", () => {
  test("answers with an ETag, is not sent again unmodified, and refuses a stale If-Match", async () => {
    const id = await idOf("Account", "Account_Key__c", "acct-0001");
    const path = `/sobjects/Account/${id}`;
    const read = await sf.ask(conn, "GET", path);
    const etag = read.headers.get("etag") as string;
    assert.match(etag, /^"[^"]+-gzip"$/);
    assert.equal((await sf.ask(conn, "GET", path, { headers: { "if-none-match": etag } })).status, 304);
    const body = JSON.stringify({ Phone: "+34 1" });
    const headers = { "content-type": "application/json", "if-match": etag };
    assert.equal((await sf.ask(conn, "PATCH", path, { body, headers })).status, 204);
    assert.equal((await sf.ask(conn, "PATCH", path, { body, headers })).status, 412);
    const malformed = { ...headers, "if-match": "nonsense" };
    assert.equal((await sf.ask(conn, "PATCH", path, { body, headers: malformed })).status, 400);
    const head = await sf.ask(conn, "HEAD", path);
    assert.equal(head.status, 200);
    assert.equal(await head.text(), "");
  });

  test("has the only ETag: other objects ignore conditions", async () => {
    const id = await idOf("Contact", "Contact_Key__c", "cust-0001");
    const read = await sf.ask(conn, "GET", `/sobjects/Contact/${id}`, { headers: { "if-match": '"stale"' } });
    assert.equal(read.status, 200);
    assert.equal(read.headers.get("etag"), null);
  });
});

describe("an entitlement", () => {
  test("takes a repeat of its version as no change, and refuses a stale version or other content under the same", async () => {
    const upsert = (more: object) =>
      conn.sobject("Entitlement__c").upsert(entitlement("ent-v", { ...more }), "Entente_Key__c");
    await upsert({ Version_Number__c: 2 });
    assert.ok((await upsert({ Version_Number__c: 2 })).success);
    for (const more of [{ Version_Number__c: 1 }, { Version_Number__c: 2, Monthly_Quota_Units__c: 7 }]) {
      assert.equal((await errorOf(upsert(more))).errorCode, "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    }
    assert.equal((await sf.client.effects({ key: "ent-v" })).length, 1);
  });
});

describe("a collection", () => {
  test("creates, updates, upserts, reads and deletes many, each with its own result", async () => {
    const created = await conn
      .sobject("Account")
      .create([{ Name: "A" }, { Name: "x".repeat(256) }, { Name: "C" }]);
    assert.deepEqual(
      created.map(({ success }) => success),
      [true, false, true],
    );
    const [a, b, c] = created;
    assert.equal((b?.errors[0] as { statusCode?: string } | undefined)?.statusCode, "STRING_TOO_LONG");
    const ids = [a?.id as string, c?.id as string];
    const updated = await conn.sobject("Account").update(ids.map((Id) => ({ Id, Phone: "2" })));
    assert.ok(updated.every(({ success }) => success));
    const gone = "001000000000000AAA";
    const read = await conn.sobject("Account").retrieve([...ids, gone]);
    assert.deepEqual(
      read.map((row) => row?.Phone ?? null),
      ["2", "2", null],
    );
    assert.equal(read[2], null);
    const upserted = await conn
      .sobject("Entitlement__c")
      .upsert(
        [entitlement("ent-1"), entitlement("ent-acct-0001", { Version_Number__c: 2 })],
        "Entente_Key__c",
      );
    assert.deepEqual(
      upserted.map((one) => (one as { created?: boolean }).created),
      [true, false],
    );
    const deleted = await conn.sobject("Account").destroy(ids);
    assert.ok(deleted.every(({ success }) => success));
  });

  test("with allOrNone takes everything back when one fails, and answers 200 all the same", async () => {
    const results = await conn
      .sobject("Account")
      .create([{ Name: "A", Account_Key__c: "acct-all" }, { Phone: "no name" }], { allOrNone: true });
    assert.deepEqual(
      results.map(({ errors }) => (errors[0] as { statusCode?: string }).statusCode),
      ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"],
    );
    assert.equal(await idOf("Account", "Account_Key__c", "acct-all"), undefined);
    assert.deepEqual(await sf.client.effects(), []);
  });

  test("has at most 200 records: 200 pass, 201 do not, unless the client cuts them up", async () => {
    const accounts = (count: number) => Array.from({ length: count }, (_, i) => ({ Name: `N ${i}` }));
    assert.equal((await conn.sobject("Account").create(accounts(200))).length, 200);
    assert.equal(
      (await errorOf(conn.sobject("Account").create(accounts(201)))).errorCode,
      "EXCEEDED_ID_LIMIT",
    );
    assert.equal((await conn.sobject("Account").create(accounts(201), { allowRecursive: true })).length, 201);
  });
});

describe("a composite", () => {
  const part = (referenceId: string, url: string, body: object, method = "POST") => ({
    method,
    url: `/services/data/v67.0${url}`,
    referenceId,
    body,
  });
  interface Answered {
    readonly compositeResponse: { body: unknown; httpStatusCode: number; referenceId: string }[];
  }

  test("hands on what earlier parts answered", async () => {
    const { compositeResponse } = await conn.requestPost<Answered>("/composite", {
      allOrNone: true,
      compositeRequest: [
        part("account", "/sobjects/Account", { Name: "Composite", Account_Key__c: "acct-c" }),
        part("contact", "/sobjects/Contact", { LastName: "One", AccountId: "@{account.id}" }),
        {
          method: "GET",
          url: "/services/data/v67.0/sobjects/Contact/@{contact.id}?fields=AccountId",
          referenceId: "read",
        },
      ],
    });
    assert.deepEqual(
      compositeResponse.map(({ httpStatusCode }) => httpStatusCode),
      [201, 201, 200],
    );
    const read = compositeResponse[2]?.body as { AccountId: string };
    assert.equal(read.AccountId, await idOf("Account", "Account_Key__c", "acct-c"));
  });

  test("with allOrNone is taken back whole; without it the others stand", async () => {
    const parts = [
      part("good", "/sobjects/Account", { Name: "G", Account_Key__c: "acct-g" }),
      part("bad", "/sobjects/Account", {}),
    ];
    const all = await conn.requestPost<Answered>("/composite", { allOrNone: true, compositeRequest: parts });
    assert.deepEqual(
      all.compositeResponse.map(({ body }) => (body as { errorCode: string }[])[0]?.errorCode),
      ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"],
    );
    assert.equal(await idOf("Account", "Account_Key__c", "acct-g"), undefined);
    const some = await conn.requestPost<Answered>("/composite", {
      allOrNone: false,
      compositeRequest: parts,
    });
    assert.deepEqual(
      some.compositeResponse.map(({ httpStatusCode }) => httpStatusCode),
      [201, 400],
    );
    assert.ok(await idOf("Account", "Account_Key__c", "acct-g"));
  });

  test("has at most 25 parts", async () => {
    const parts = Array.from({ length: 26 }, (_, i) => part(`p${i}`, "/sobjects/Account", { Name: `P${i}` }));
    assert.equal(
      (await errorOf(conn.requestPost("/composite", { compositeRequest: parts }))).errorCode,
      "LIMIT_EXCEEDED",
    );
    const { compositeResponse } = await conn.requestPost<Answered>("/composite", {
      compositeRequest: parts.slice(1),
    });
    assert.equal(compositeResponse.length, 25);
  });
});

describe("what was touched", () => {
  test("is listed as updated or deleted, with the date to go on from", async () => {
    const from = new Date(Date.now() - 60_000);
    const id = await idOf("Account", "Account_Key__c", "acct-0003");
    const dead = await idOf("Contact", "Contact_Key__c", "cust-0003");
    await conn.sobject("Account").update({ Id: id, Phone: "3" });
    await conn.sobject("Contact").destroy(dead);
    const until = new Date(Date.now() + 60_000);
    const updated = await conn.sobject("Account").updated(from.toISOString(), until.toISOString());
    assert.deepEqual(updated.ids, [id]);
    assert.ok(updated.latestDateCovered);
    const deleted = await conn.sobject("Contact").deleted(from.toISOString(), until.toISOString());
    assert.deepEqual(
      deleted.deletedRecords.map((one) => one.id),
      [dead],
    );
    assert.deepEqual(
      (await conn.sobject("Contact").updated(from.toISOString(), until.toISOString())).ids,
      [],
    );
  });
});

test("object and fields are described, and not again when nothing changed", async () => {
  const described = await conn.sobject("Entitlement__c").describe();
  const key = described.fields.find(({ name }) => name === "Entente_Key__c");
  assert.deepEqual([key?.externalId, key?.unique, key?.type, key?.length], [true, true, "string", 80]);
  const { sobjects } = await conn.describeGlobal();
  const names = sobjects.map(({ name }) => name);
  assert.deepEqual(names, [
    "Account",
    "Contact",
    "Entitlement__c",
    "Top_Up_Request__c",
    "Entitlement_Notice__e",
    "Case",
    "Lead",
  ]);
  const since = { "if-modified-since": new Date().toUTCString() };
  assert.equal((await sf.ask(conn, "GET", "/sobjects/Account/describe", { headers: since })).status, 304);
  assert.deepEqual(await conn.recent("Account"), []);
});
