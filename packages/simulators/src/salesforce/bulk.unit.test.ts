import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Connection } from "jsforce";
import {
  entitlement,
  errorOf,
  type SalesforceUnderTest,
  startSalesforceUnderTest,
} from "./salesforce.fixture.ts";

/** Bulk 2.0 as the unmodified client does it: open, upload, close, poll, fetch. */

let sf: SalesforceUnderTest;
let conn: Connection;

before(async () => {
  sf = await startSalesforceUnderTest();
});
beforeEach(async () => {
  await sf.client.reset();
  conn = await sf.connect();
  conn.bulk2.pollInterval = 20;
});
after(() => sf.stop());

const pollOptions = { pollInterval: 20, pollTimeout: 20_000 };

type Row = Readonly<Record<string, string>>;

describe("an ingest job", () => {
  test("upserts by external id, tells each record's fate, and emits change events", async () => {
    const input = [
      entitlement("ent-b1", { Command_Key__c: "command-b1", "Account__r.Account_Key__c": "acct-0002" }),
      entitlement("ent-acct-0001", {
        Version_Number__c: 2,
        Command_Key__c: "",
        "Account__r.Account_Key__c": "",
      }),
      entitlement("ent-b2", { Status__c: "Sleeping", Command_Key__c: "", "Account__r.Account_Key__c": "" }),
    ];
    const results = await conn.bulk2.loadAndWaitForResults({
      object: "Entitlement__c",
      operation: "upsert",
      externalIdFieldName: "Entente_Key__c",
      input: input as never,
      ...pollOptions,
    });
    const succeeded = results.successfulResults as unknown as Row[];
    assert.deepEqual(
      succeeded.map((row) => [row.sf__Created, row.Entente_Key__c]),
      [
        ["true", "ent-b1"],
        ["false", "ent-acct-0001"],
      ],
    );
    const [failed] = results.failedResults as unknown as Row[];
    assert.match(failed?.sf__Error ?? "", /^INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:/);
    assert.deepEqual(results.unprocessedRecords, []);
    const { records } = await conn.query<{ Account__r: { Account_Key__c: string } }>(
      "SELECT Account__r.Account_Key__c FROM Entitlement__c WHERE Entente_Key__c = 'ent-b1'",
    );
    assert.equal(records[0]?.Account__r.Account_Key__c, "acct-0002");
    assert.deepEqual(
      (await sf.client.effects()).map(({ key }) => key),
      ["command-b1", "ent-acct-0001"],
    );
  });

  test("empties a field by #N/A, and deletes by id", async () => {
    const { id } = await conn.sobject("Account").create({ Name: "A", Phone: "1" });
    const load = (operation: "update" | "delete", input: object[]) =>
      conn.bulk2.loadAndWaitForResults({
        object: "Account",
        operation,
        input: input as never,
        ...pollOptions,
      });
    await load("update", [{ Id: id, Phone: null }]);
    assert.equal((await conn.sobject("Account").retrieve(id as string)).Phone, null);
    const { successfulResults } = await load("delete", [{ Id: id }]);
    assert.equal(successfulResults.length, 1);
    assert.equal(
      (await errorOf(conn.sobject("Account").retrieve(id as string))).errorCode,
      "ENTITY_IS_DELETED",
    );
  });

  test("goes through its states by the simulator's clock, and can be aborted, once", async () => {
    const job = conn.bulk2.createJob({ object: "Account", operation: "insert" });
    await job.open();
    assert.equal((await job.check()).state, "Open");
    await job.uploadData('Name\n"A, ""quoted"""\n');
    // Asked plainly: jsforce takes every answer to this question for CSV, refusals too.
    const early = await sf.ask(conn, "GET", `/jobs/ingest/${job.id}/successfulResults`);
    assert.match(await early.text(), /INVALIDJOBSTATE/);
    await job.close();
    await job.poll(20, 20_000);
    const { state, numberRecordsProcessed } = await job.check();
    assert.deepEqual([state, numberRecordsProcessed], ["JobComplete", 1]);
    const { records } = await conn.query("SELECT Name FROM Account WHERE Name LIKE 'A, %'");
    assert.equal(records[0]?.Name, 'A, "quoted"');
    await job.delete();
    assert.equal((await errorOf(job.check())).name, "NOT_FOUND");
    const other = conn.bulk2.createJob({ object: "Account", operation: "insert" });
    await other.open();
    await other.abort();
    assert.equal((await errorOf(other.abort())).name, "INVALIDJOBSTATE");
  });

  test("with a column that does not exist fails whole", async () => {
    const input = "Nothing__c\n1\n";
    const error = await errorOf(
      conn.bulk2.loadAndWaitForResults({ object: "Account", operation: "insert", input, ...pollOptions }),
    );
    assert.match(error.message, /InvalidBatch : Field name not found : Nothing__c/);
    assert.deepEqual(await sf.client.effects(), []);
  });

  test("under a rejection fails each record", async () => {
    await sf.client.rule({
      behaviour: "rejection",
      reason: "UNABLE_TO_LOCK_ROW",
      when: { operation: "process-bulk-job" },
    });
    const { failedResults } = await conn.bulk2.loadAndWaitForResults({
      object: "Account",
      operation: "insert",
      input: [{ Name: "A" }, { Name: "B" }],
      ...pollOptions,
    });
    assert.equal(failedResults.length, 2);
  });
});

describe("a query job", () => {
  test("streams every record", async () => {
    const stream = await conn.bulk2.query(
      "SELECT LastName, Account.Account_Key__c FROM Contact ORDER BY Contact_Key__c",
      pollOptions,
    );
    const rows = (await stream.toArray()) as unknown as Row[];
    assert.equal(rows.length, 1_000);
    assert.equal(rows[0]?.["Account.Account_Key__c"], "acct-0001");
  });

  test("gives its results in pages until the locator says null", async () => {
    const opened = await conn.requestPost<{ id: string; state: string }>("/jobs/query", {
      operation: "query",
      query: "SELECT Id FROM Account",
    });
    assert.equal(opened.state, "UploadComplete");
    await sf.client.advance("PT1S");
    let lines = 0;
    let pages = 0;
    let locator: string | null = "";
    while (locator !== "null") {
      const from: string = locator === "" ? "" : `&locator=${locator}`;
      const page: Response = await sf.ask(
        conn,
        "GET",
        `/jobs/query/${opened.id}/results?maxRecords=400${from}`,
      );
      lines += (await page.text()).trim().split("\n").length - 1;
      pages += 1;
      locator = page.headers.get("sforce-locator");
    }
    assert.deepEqual([lines, pages], [1_000, 3]);
  });

  test("that groups is refused", async () => {
    const error = await errorOf(conn.bulk2.query("SELECT COUNT(Id) FROM Account GROUP BY Type", pollOptions));
    assert.equal(error.name, "MALFORMED_QUERY");
  });
});
