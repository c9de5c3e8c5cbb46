import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { classify, type Translation } from "@entente/core";
import type { JournalEntry } from "../../contexts/ledger/contract/journal-entry.ts";
import { companyCodesFrom } from "./company-codes.ts";
import { errorMap } from "./error-map.ts";
import { isEntry } from "./held-entries.ts";
import type { CubeItem } from "./item-cube.ts";
import { journalEntryMessage } from "./journal-entry-message.ts";
import { keysByReference, referenceOf } from "./references.ts";
import { sapLedger } from "./sap-ledger.ts";

const treaty = sapLedger("https://sap.example", () => null, companyCodesFrom({ acme: "2020" }));
const reference = referenceOf("row-1");
const keys = keysByReference(["row-1"]);

const envelope = (inside: string): string =>
  `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${inside}</s:Body></s:Envelope>`;
const fault = (code: string): string =>
  envelope(`<s:Fault><faultcode>s:${code}</faultcode><faultstring>so</faultstring></s:Fault>`);
const confirmation = (severity: string, document: string, ...items: string[]): string =>
  envelope(
    `<n:JournalEntryBulkCreateConfirmation xmlns:n="http://sap.com/xi/SAPSCORE/SFIN"><JournalEntryCreateConfirmation><MessageHeader><ReferenceID>${reference}</ReferenceID></MessageHeader><JournalEntryCreateConfirmation><AccountingDocument>${document}</AccountingDocument><CompanyCode>1010</CompanyCode><FiscalYear>2026</FiscalYear></JournalEntryCreateConfirmation><Log><MaximumLogItemSeverityCode>${severity}</MaximumLogItemSeverityCode>${items.map((one) => `<Item><TypeID>${one}</TypeID></Item>`).join("")}</Log></JournalEntryCreateConfirmation></n:JournalEntryBulkCreateConfirmation>`,
  );
const read = (status: string, text: string, more: object = {}): Translation =>
  treaty.translate({ status, raw: text, body: { keys, text, ...more } }, "answer");
const found = (translation: Translation) => classify(translation, errorMap, "").finding;

describe("the company code", () => {
  const row = {
    row: 0,
    aggregateType: "top-up",
    aggregateId: "p",
    line: null,
    idempotencyKey: "row-1",
    requestHash: "",
    data: {
      accountId: "acct-0001",
      processId: "p",
      cycle: "2026-11",
      currency: "EUR",
      postingDate: "2026-11-24",
      text: "Top-up",
      lines: [],
    },
  };
  const dispatch = (tenantId: string) => ({ tenantId, messageId: "0199f0e2", rows: [row] }) as never;
  const asked: string[] = [];
  const means = {
    secret: async () => "secret",
    signal: new AbortController().signal,
    connect: async () => {
      asked.push("SAP");
      throw new Error("away");
    },
  } as never;

  test("an entry of a tenant without one is refused with a code, a person's, and SAP is not asked", async () => {
    const reply = await treaty.send(dispatch("globex"), means);
    const said = treaty.translate(reply, "answer");
    assert.deepEqual(said, { says: "code", code: "no-company-code" });
    assert.equal(found(said), "rejected");
    assert.equal(errorMap["no-company-code"]?.class, "BUSINESS_REJECTED");
    assert.deepEqual(asked, []);
  });

  test("one that was sent while the tenant had one is not called unknown to SAP", async () => {
    await assert.rejects(
      async () => treaty.inquire({ tenantId: "globex", rowKeys: ["row-1"] } as never, means),
      /no company code/,
    );
  });

  test("is each tenant's own, in what is posted and in the sums", () => {
    const message = journalEntryMessage(dispatch("acme"), "2020", 0);
    assert.match(message, /<CompanyCode>2020<\/CompanyCode>/);
    assert.doesNotMatch(message, /1010/);
    const lines = [{ account: "quota-owed", amountMinor: 5 }];
    const act = { idempotencyKey: "row-1", data: { ...row.data, lines } as never };
    const amounts = (tenantId: string) => treaty.totals?.ofAct({ tenantId, ...act }).amounts;
    assert.deepEqual(amounts("acme"), { "2020 EUR 23200000": 5 });
    assert.deepEqual(amounts("globex"), { "none EUR 23200000": 5 });
  });
});

describe("what proves that nothing was posted", () => {
  test("SAP's own fault with the time to wait: outside the batch window", () => {
    const said = read("503", fault("Server"), { retryAfter: "120" });
    assert.deepEqual(said, { says: "code", code: "window-closed", retryAfterMs: 120_000 });
    assert.equal(found(said), "not-done");
  });

  test("too many requests", () => assert.equal(found(read("429", fault("Server"))), "not-done"));

  for (const [what, status, text, more] of [
    ["a gateway's page, with a time to wait", "503", "<html><h1>Away</h1></html>", { retryAfter: "30" }],
    ["a gateway's page", "503", "<html>", {}],
    ["an empty answer with a time to wait", "503", "", { retryAfter: "30" }],
    ["SAP's fault without a time to wait", "503", fault("Server"), {}],
    ["a fault of their side", "500", fault("Server"), {}],
    ["a page of their side", "500", "<html>", {}],
    ["a gateway that got no answer", "502", "<html>", {}],
    ["a gateway that waited too long", "504", "<html>", {}],
  ] as const) {
    test(`not ${what}`, () => assert.equal(found(read(status, text, more)), "unclear"));
  }
});

describe("what a confirmation says of an entry", () => {
  test("posted, or refused with the message that says why", () => {
    assert.deepEqual(read("200", confirmation("1", "0100000001", "605(RW)")).rows, [
      { key: "row-1", says: "completed" },
    ]);
    assert.deepEqual(read("200", confirmation("3", "0000000000", "609(RW)", "201(F5)")).rows, [
      { key: "row-1", says: "code", code: "201(F5)" },
    ]);
  });

  test("a severity that is no digit cannot be read; one that nobody has documented is a code of its own", () => {
    assert.throws(() => read("200", confirmation("many", "0100000001")));
    const strange = read("200", confirmation("7", "0100000001", "605(RW)"));
    assert.deepEqual([strange, found(strange)], [{ says: "code", code: "severity-7" }, "unclassified"]);
  });

  test("a duplicate is posted when they hold this entry, a conflict when they hold another, and open when nobody could look", () => {
    for (const refusal of ["117(F5)", "611(RW)"]) {
      const text = confirmation("3", "0000000000", "609(RW)", refusal);
      const codeOf = (held?: string) =>
        read("200", text, held === undefined ? {} : { held: { [reference]: held } }).rows?.[0]?.code ?? "";
      assert.equal(errorMap[codeOf("same")]?.class, "IDEMPOTENT_SUCCESS");
      assert.equal(errorMap[codeOf("other")]?.class, "DUPLICATE_CONFLICT");
      assert.equal(errorMap[codeOf()]?.class, "UNKNOWN");
    }
  });
});

test("they hold the same entry when it is one document of that day with those lines, in whatever order", () => {
  const entry: JournalEntry = {
    accountId: "acct-0001",
    processId: "p",
    cycle: "2026-11",
    currency: "EUR",
    postingDate: "2026-11-24",
    text: "Top-up",
    lines: [
      { account: "quota-owed", amountMinor: 190 },
      { account: "revenue-energy", amountMinor: -190 },
    ],
  };
  const item = (account: string, amountMinor: number, over: Partial<CubeItem> = {}): CubeItem => ({
    reference,
    document: "1010/2026/0100000001",
    documentKey: "010000000110102026",
    account,
    currency: "EUR",
    amountMinor,
    postingDate: "2026-11-24",
    ...over,
  });
  const both = [item("41000000", -190), item("23200000", 190)];
  assert.equal(isEntry(entry, both), true);
  for (const [what, items] of [
    ["another amount", [item("41000000", -200), item("23200000", 200)]],
    ["another account", [item("41100000", -190), item("23200000", 190)]],
    ["another currency", both.map((one) => ({ ...one, currency: "PLN" }))],
    ["another day", both.map((one) => ({ ...one, postingDate: "2026-11-25" }))],
    ["a line less", both.slice(1)],
    ["two documents", [...both, ...both.map((one) => ({ ...one, document: "1010/2026/0100000002" }))]],
  ] as const) {
    assert.equal(isEntry(entry, items), false, what);
  }
});
