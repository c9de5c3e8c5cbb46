import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Connection } from "jsforce";
import {
  entitlement,
  errorOf,
  type SalesforceUnderTest,
  startSalesforceUnderTest,
} from "./salesforce.fixture.ts";

/** The query language's subset and its pages, asked by the unmodified client. Nothing here changes the demo data, but for named rows. */

let sf: SalesforceUnderTest;
let conn: Connection;

before(async () => {
  sf = await startSalesforceUnderTest();
  conn = await sf.connect();
});
after(() => sf.stop());

type Found = Readonly<Record<string, unknown>>;

async function ask(soql: string): Promise<readonly Found[]> {
  return (await conn.query<Found>(soql)).records;
}

async function keys(where: string): Promise<readonly unknown[]> {
  const found = await ask(`SELECT Account_Key__c FROM Account WHERE ${where} ORDER BY Account_Key__c`);
  return found.map(({ Account_Key__c: key }) => key);
}

describe("a query", () => {
  test("compares, combines, negates, and matches patterns", async () => {
    const one = "Account_Key__c = 'acct-0001'";
    const two = "Account_Key__c = 'acct-0002'";
    for (const [where, expected] of [
      [one, ["acct-0001"]],
      [`${one} OR ${two}`, ["acct-0001", "acct-0002"]],
      [`(${one} OR ${two}) AND (NOT ${one})`, ["acct-0002"]],
      [`NOT (Account_Key__c > 'acct-0001')`, ["acct-0001"]],
      ["Account_Key__c IN ('acct-0003', 'acct-0999', 'nothing')", ["acct-0003", "acct-0999"]],
      ["Account_Key__c NOT IN ('acct-0002') AND Account_Key__c <= 'acct-0002'", ["acct-0001"]],
      ["Account_Key__c LIKE 'acct-000_' AND BillingCity = 'sevilla'", ["acct-0001", "acct-0006"]],
      ["Name LIKE 'demo account 000%' AND Account_Key__c >= 'acct-0009'", ["acct-0009"]],
      ["Name LIKE '%\\_%'", []],
      [`${one} AND Phone = null`, ["acct-0001"]],
      [`${one} AND Phone != null`, []],
      [`${one} AND Phone != 'x'`, ["acct-0001"]],
      [`${one} AND IsDeleted = false`, ["acct-0001"]],
      [`${one} AND CreatedDate = 2026-11-01T08:00:00Z`, ["acct-0001"]],
      [`${one} AND CreatedDate < 2026-11-01T09:00:00+01:00`, []],
      ["Account_Key__c = 'ACCT-0001'", []],
    ] as const) {
      assert.deepEqual(await keys(where), expected, where);
    }
  });

  test("understands date literals by the simulator's clock", async () => {
    await sf.client.setClock("2026-12-05T10:00:00Z");
    conn = await sf.connect();
    await conn.sobject("Account").create({ Name: "T", Account_Key__c: "today" });
    const one = "Account_Key__c IN ('today', 'acct-0001')";
    for (const [where, expected] of [
      ["CreatedDate = TODAY", ["today"]],
      ["CreatedDate < TODAY", ["acct-0001"]],
      ["CreatedDate = LAST_N_DAYS:33", ["today"]],
      ["CreatedDate = LAST_N_DAYS:34", ["acct-0001", "today"]],
      ["CreatedDate = LAST_MONTH", ["acct-0001"]],
      ["CreatedDate >= THIS_MONTH", ["today"]],
      ["CreatedDate > TODAY", []],
      ["CreatedDate = N_DAYS_AGO:34", ["acct-0001"]],
    ] as const) {
      assert.deepEqual(await keys(`${one} AND ${where}`), expected, where);
    }
  });

  test("reaches a parent and collects children", async () => {
    const [contact] = await ask(
      "SELECT c.Account.Name, LastName FROM Contact c WHERE Account.Account_Key__c = 'acct-0007'",
    );
    assert.equal((contact?.Account as Found | undefined)?.Name, "Demo Account 0007");
    const [account] = await ask(
      `SELECT Name, (SELECT LastName FROM Contacts), (SELECT Id FROM Entitlements__r WHERE Status__c = 'Ended')
       FROM Account WHERE Account_Key__c = 'acct-0007'`,
    );
    const { Contacts: contacts, Entitlements__r: none } = account as {
      Contacts: { records: Found[] };
      Entitlements__r: null;
    };
    assert.deepEqual(
      contacts.records.map(({ LastName }) => LastName),
      ["Customer 0007"],
    );
    assert.equal(none, null);
  });

  test("orders with nulls where they are wanted, limits and skips", async () => {
    const { id: a } = await conn.sobject("Account").create({ Name: "order a", Phone: "1" });
    const { id: b } = await conn.sobject("Account").create({ Name: "order b" });
    const ids = `('${a}','${b}')`;
    const order = async (by: string) =>
      (await ask(`SELECT Name FROM Account WHERE Id IN ${ids} ORDER BY ${by}`)).map(({ Name }) => Name);
    assert.deepEqual(await order("Phone"), ["order b", "order a"]);
    assert.deepEqual(await order("Phone NULLS LAST"), ["order a", "order b"]);
    assert.deepEqual(await order("Name DESC"), ["order b", "order a"]);
    assert.deepEqual(await order("Name DESC LIMIT 1 OFFSET 1"), ["order a"]);
  });

  test("counts and groups", async () => {
    await conn
      .sobject("Entitlement__c")
      .create(entitlement("ent-group", { Status__c: "Ended", Monthly_Quota_Units__c: 7 }));
    assert.equal((await conn.query("SELECT COUNT() FROM Entitlement__c")).totalSize, 1_001);
    const groups = await ask(
      `SELECT Status__c, COUNT(Id) n, SUM(Monthly_Quota_Units__c), MAX(Version_Number__c) top
       FROM Entitlement__c GROUP BY Status__c ORDER BY COUNT(Id) DESC`,
    );
    assert.deepEqual(
      groups.map(({ attributes: _, ...group }) => group),
      [
        { Status__c: "Active", n: 1_000, expr0: 100_000, top: 1 },
        { Status__c: "Ended", n: 1, expr0: 7, top: 1 },
      ],
    );
  });

  test("shows deleted rows only to queryAll", async () => {
    const { id } = await conn.sobject("Account").create({ Name: "gone" });
    await conn.sobject("Account").destroy(id as string);
    const soql = `SELECT Id, IsDeleted FROM Account WHERE Id = '${id}'`;
    assert.deepEqual(await ask(soql), []);
    const { records } = await conn.query<Found>(soql, { scanAll: true });
    assert.equal(records[0]?.IsDeleted, true);
  });
});

describe("a long result", () => {
  const soql = "SELECT Id FROM Contact";
  const headers = { "Sforce-Query-Options": "batchSize=300" };

  test("comes in pages that the client fetches to the end", async () => {
    const first = await conn.query(soql, { headers });
    assert.equal(first.done, false);
    assert.match(first.nextRecordsUrl as string, /\/query\/0r8[^/]+-300$/);
    assert.deepEqual([first.totalSize, first.records.length], [1_000, 300]);
    const ids = new Set(first.records.map(({ Id }) => Id));
    let page = first;
    while (!page.done) {
      page = await conn.queryMore(page.nextRecordsUrl as string);
      for (const { Id } of page.records) ids.add(Id);
    }
    assert.equal(ids.size, 1_000);
    const fetched = await conn.query(soql, { headers, autoFetch: true, maxFetch: 10_000 });
    assert.equal(fetched.records.length, 1_000);
  });

  test("can be fetched for two days", async () => {
    const { nextRecordsUrl } = await conn.query(soql, { headers });
    await sf.client.advance("PT47H59M");
    assert.equal((await conn.queryMore(nextRecordsUrl as string)).records.length, 300);
    await sf.client.advance("PT1M");
    assert.equal(
      (await errorOf(conn.queryMore(nextRecordsUrl as string))).errorCode,
      "INVALID_QUERY_LOCATOR",
    );
  });
});

describe("what is outside the subset", () => {
  for (const [soql, errorCode] of [
    ["SELECT FROM Account", "MALFORMED_QUERY"],
    ["SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY"],
    ["SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact)", "MALFORMED_QUERY"],
    ["SELECT Id FROM Account HAVING COUNT(Id) > 1", "MALFORMED_QUERY"],
    ["SELECT Id FROM Account FOR VIEW", "MALFORMED_QUERY"],
    ["SELECT TYPEOF What WHEN Account THEN Phone END FROM Contact", "MALFORMED_QUERY"],
    ["SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY"],
    ["SELECT Id FROM Account WHERE CreatedDate = LAST_QUARTER", "MALFORMED_QUERY"],
    ["SELECT toLabel(Type) FROM Account", "MALFORMED_QUERY"],
    ["SELECT Id FROM Account WHERE CALENDAR_YEAR(CreatedDate) = 2026", "MALFORMED_QUERY"],
    ["SELECT Contact.Account.Owner.Name FROM Contact", "MALFORMED_QUERY"],
    ["SELECT Nothing FROM Account", "INVALID_FIELD"],
    ["SELECT Id FROM Account WHERE Nothing__r.Name = 'a'", "INVALID_FIELD"],
    ["SELECT Id FROM Account WHERE CreatedDate = '2026-01-01'", "INVALID_FIELD"],
    ["SELECT Id FROM Nothing", "INVALID_TYPE"],
    ["SELECT Id FROM Entitlement_Notice__e", "INVALID_TYPE"],
  ] as const) {
    test(`is refused, never answered wrongly: ${soql}`, async () => {
      assert.equal((await errorOf(conn.query(soql))).errorCode, errorCode);
    });
  }
});
