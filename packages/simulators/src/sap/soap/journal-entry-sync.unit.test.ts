import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import {
  asyncPath,
  balanced,
  basic,
  cubePath,
  type EntryToWrite,
  entry,
  message,
  morning,
  readConfirmation,
  startTestSap,
  type TestSap,
} from "../sap.fixture.ts";

let sap: TestSap;

before(async () => {
  sap = await startTestSap();
});
after(() => sap.stop());
beforeEach(async () => {
  await sap.client.reset();
  await sap.client.setClock(morning);
});

async function posted(...entries: EntryToWrite[]) {
  const answer = await sap.post(message(entries.map(entry)));
  assert.equal(answer.status, 200);
  return readConfirmation(await answer.text());
}

const one = async (what: EntryToWrite = {}) =>
  (await posted(what))[0] as Awaited<ReturnType<typeof posted>>[number];

describe("a journal entry posted synchronously", () => {
  test("is confirmed with its number, in the form of a captured confirmation", async () => {
    const answer = await sap.post(message([entry()], { id: "MSG_2024-03-28" }), {
      soapaction:
        "http://sap.com/xi/SAPSCORE/SFIN/JournalEntryCreateRequestConfirmation_In/JournalEntryCreateRequestConfirmation_InRequest",
    });
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type") ?? "", /^text\/xml/);
    const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    const at = "2026-11-24T10:00:\\d\\d\\.\\d{6}Z";
    assert.match(
      await answer.text(),
      new RegExp(
        `^<soap-env:Envelope xmlns:soap-env="http://schemas\\.xmlsoap\\.org/soap/envelope/"><soap-env:Header/><soap-env:Body>` +
          `<n0:JournalEntryBulkCreateConfirmation xmlns:n0="http://sap\\.com/xi/SAPSCORE/SFIN">` +
          `<MessageHeader><UUID>${uuid}</UUID><ReferenceID>MSG_2024-03-28</ReferenceID><CreationDateTime>${at}</CreationDateTime><SenderBusinessSystemID>ENT</SenderBusinessSystemID></MessageHeader>` +
          `<ConfirmationInterfaceOrignName/><JournalEntryCreateConfirmation><MessageHeader><UUID>${uuid}</UUID><ReferenceID>SUB_TOPUP-1</ReferenceID><CreationDateTime>${at}</CreationDateTime></MessageHeader>` +
          `<JournalEntryCreateConfirmation><AccountingDocument>0100000000</AccountingDocument><CompanyCode>1010</CompanyCode><FiscalYear>2026</FiscalYear></JournalEntryCreateConfirmation>` +
          `<Log><MaximumLogItemSeverityCode>1</MaximumLogItemSeverityCode><Item><TypeID>605\\(RW\\)</TypeID><SeverityCode>1</SeverityCode><Note>Document posted successfully: BKPFF 010000000010102026 ENTCLNT100</Note><WebURI>[^<]*OBJECT=RW605[^<]*</WebURI></Item></Log>` +
          `</JournalEntryCreateConfirmation><Log/></n0:JournalEntryBulkCreateConfirmation></soap-env:Body></soap-env:Envelope>$`,
      ),
    );
  });

  test("stands in the books, and in the ground truth", async () => {
    await one();
    assert.deepEqual((await sap.ledger("?account=11001000")).totals, [
      {
        companyCode: "1010",
        account: "0011001000",
        currency: "EUR",
        lines: 1,
        debit: "12.50",
        credit: "0.00",
        balance: "12.50",
        balanceMinor: 1250,
      },
    ]);
    const [effect] = await sap.client.effects({ key: "TOPUP-1" });
    assert.deepEqual(
      [effect?.operation, effect?.id, effect?.amount, effect?.currency],
      ["post-journal-entries", "010000000010102026", "12.50", "EUR"],
    );
  });

  test("takes the next number of its company code and year", async () => {
    const numbers = await posted(
      { reference: "A" },
      { reference: "B" },
      { reference: "C", companyCode: "1710" },
      { reference: "D", postingDate: "2025-12-31" },
      { reference: "E" },
    );
    assert.deepEqual(
      numbers.map(({ document, year }) => `${document} ${year}`),
      ["0100000000 2026", "0100000001 2026", "0100000000 2026", "0100000000 2025", "0100000002 2026"],
    );
  });

  test("is taken under any prefix, on premise, and as the asynchronous message's name", async () => {
    const other = message([entry()])
      .replaceAll("soapenv:", "env:")
      .replaceAll("xmlns:soapenv", "xmlns:env")
      .replaceAll("sfin:JournalEntryBulkCreateRequest", "x:JournalEntryBulkCreationRequest")
      .replace("xmlns:sfin", "xmlns:x");
    const path = "/sap/bc/srt/xip/sap/journalentrycreaterequestconfi/100/service/binding";
    const answer = await sap.post(other, {}, path);
    assert.deepEqual(readConfirmation(await answer.text())[0]?.types, ["605(RW)"]);
  });

  test("may have customer, supplier and tax items", async () => {
    const lines = (name: string, field: string, number: string, amount: string) =>
      `<${name}><ReferenceDocumentItem>1</ReferenceDocumentItem><${field}>${number}</${field}><AmountInTransactionCurrency currencyCode="EUR">${amount}</AmountInTransactionCurrency><DebitCreditCode>${amount.startsWith("-") ? "H" : "S"}</DebitCreditCode></${name}>`;
    const outcome = await one({
      items:
        lines("DebtorItem", "Debtor", "1000001", "119.00") +
        lines("CreditorItem", "Creditor", "2000001", "-100.00") +
        lines("ProductTaxItem", "GLAccount", "22000000", "-19.00"),
    });
    assert.deepEqual(outcome.types, ["605(RW)"]);
    const { totals } = await sap.ledger();
    assert.deepEqual(
      totals.map(({ account, balance }) => [account, balance]),
      [
        ["0012100000", "119.00"],
        ["0021100000", "-100.00"],
        ["0022000000", "-19.00"],
      ],
    );
  });
});

describe("a repeat", () => {
  const uuid = "3F2504E0-4F89-11D3-9A0C-0305E82C3301";

  test("makes a second document when nothing is switched on: the worst case is the default", async () => {
    const again = message([entry({ objectKey: "KEY-1" })], { uuid });
    await sap.post(again);
    await sap.post(again);
    assert.equal((await sap.ledger("?reference=TOPUP-1")).documents, 2);
    assert.equal((await sap.client.effects({ key: "TOPUP-1" })).length, 2);
  });

  test("is refused by its reference, in its company code", async () => {
    await sap.set("/settings", { duplicateReference: true });
    await one();
    assert.deepEqual((await one()).types, ["609(RW)", "117(F5)"]);
    assert.match((await one()).notes[1] ?? "", /entered under number 010000000010102026/);
    assert.deepEqual((await one({ companyCode: "1710" })).types, ["605(RW)"]);
  });

  test("is refused by its reference inside one message, too", async () => {
    await sap.set("/settings", { duplicateReference: true });
    assert.deepEqual(
      (await posted({}, {})).map(({ severity }) => severity),
      ["1", "3"],
    );
  });

  test("is refused by the reference key, when the caller gives one", async () => {
    await sap.set("/settings", { duplicateObjectKey: true });
    await one({ objectKey: "KEY-1" });
    assert.deepEqual((await one({ objectKey: "KEY-1" })).types, ["609(RW)", "611(RW)"]);
    assert.deepEqual((await one({ objectKey: "KEY-2" })).types, ["605(RW)"]);
    await one();
    assert.deepEqual((await one()).types, ["605(RW)"]);
  });

  test("is answered as before by the message's UUID", async () => {
    await sap.set("/settings", { repeatedMessageUuid: true });
    const first = await (await sap.post(message([entry()], { uuid }))).text();
    const second = await (await sap.post(message([entry()], { uuid: uuid.toLowerCase() }))).text();
    assert.equal(second, first);
    assert.equal((await sap.ledger()).documents, 1);
    await sap.client.advance("PT12H");
    await sap.post(message([entry()], { uuid }));
    assert.equal((await sap.ledger()).documents, 2, "what was forgotten is new");
  });

  test("can be avoided by asking first: by reference and by assignment", async () => {
    await sap.client.rule({ behaviour: "drop", effect: true, times: 1 });
    await assert.rejects(sap.post(message([entry({ reference: "LOST-1" })])));
    const filter = encodeURIComponent("DocumentReferenceID eq 'LOST-1'");
    const { results } = await sap.read<{ results: readonly Record<string, unknown>[] }>(
      `${cubePath}?$filter=${filter}`,
    );
    assert.deepEqual(
      results.map((row) => [
        row.AccountingDocument,
        row.AccountingDocumentItem,
        row.AmountInTransactionCurrency,
      ]),
      [
        ["0100000000", "001", "12.50"],
        ["0100000000", "002", "-12.50"],
      ],
    );
    const assigned = encodeURIComponent("AssignmentReference eq 'acct-0001' and GLAccount eq '0023100000'");
    assert.equal((await sap.read<{ results: [] }>(`${cubePath}?$filter=${assigned}`)).results.length, 1);
  });
});

describe("a reversal", () => {
  const key = "010000000010102026";

  test("is a document of its own with the opposite items, and marks what it reverses", async () => {
    await one();
    const outcome = await one({ reference: "REV-1", reverses: key, reason: "01", items: "" });
    assert.equal(outcome.document, "0100000001");
    assert.deepEqual(
      (await sap.ledger()).totals.map(({ debit, credit, balance }) => [debit, credit, balance]),
      [
        ["12.50", "12.50", "0.00"],
        ["12.50", "12.50", "0.00"],
      ],
    );
    const { results } = await sap.read<{ results: readonly Record<string, unknown>[] }>(cubePath);
    assert.deepEqual(
      results.map((row) => [row.AccountingDocument, row.IsReversed, row.IsReversal, row.ReverseDocument]),
      [
        ["0100000000", true, false, "0100000001"],
        ["0100000000", true, false, "0100000001"],
        ["0100000001", false, true, "0100000000"],
        ["0100000001", false, true, "0100000000"],
      ],
    );
  });

  test("happens once", async () => {
    await one();
    await one({ reverses: key, reason: "01" });
    assert.deepEqual((await one({ reverses: key, reason: "01" })).types, ["609(RW)", "361(F5A)"]);
  });

  test("wants a reason and a document that exists", async () => {
    assert.deepEqual((await one({ reverses: key })).types, ["609(RW)", "674(F5)", "361(F5)"]);
  });
});

describe("a technical fault answers 500 and posts nothing:", () => {
  const faults: readonly (readonly [string, string, RegExp])[] = [
    ["XML that is not well-formed", message([entry()]).replace("</JournalEntry>", ""), /not well-formed/],
    ["no envelope", "<a/>", /no SOAP envelope/],
    ["another message", message([]).replaceAll("JournalEntryBulkCreateRequest", "Other"), /holds none of/],
    ["no entries", message([]), /no JournalEntryCreateRequest/],
    [
      "a document type with entities",
      `<!DOCTYPE x [<!ENTITY a "b">]>${message([entry()]).replace(/^<\?xml.*\?>\n/, "")}`,
      /not well-formed/,
    ],
  ];
  for (const [what, body, text] of faults) {
    test(what, async () => {
      const answer = await sap.post(body);
      assert.equal(answer.status, 500);
      const fault = await answer.text();
      assert.match(fault, /<soap-env:Fault><faultcode>soap-env:Client<\/faultcode>/);
      assert.match(fault, text);
      assert.equal((await sap.ledger()).documents, 0);
    });
  }
});

test("without the right password there is 401 and a challenge", async () => {
  const answer = await fetch(`${sap.url}${asyncPath}`, { method: "POST", body: message([entry()]) });
  assert.equal(answer.status, 401);
  assert.match(answer.headers.get("www-authenticate") ?? "", /^Basic realm=/);
  const wrong = basic.replace(/.$/, "A");
  assert.equal((await sap.post(message([entry()]), { authorization: wrong })).status, 401);
});

test("another client than 100 does not exist", async () => {
  const path = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi";
  assert.equal((await sap.post(message([entry()]), {}, `${path}?sap-client=200`)).status, 401);
  assert.equal((await sap.post(message([entry()]), { "sap-client": "100" })).status, 200);
});

test("five hundred entries in one message have five hundred outcomes in order", async () => {
  const entries = Array.from({ length: 500 }, (_, i) => ({ reference: `BULK-${i}`, items: balanced }));
  const outcomes = await posted(...entries);
  assert.deepEqual(
    outcomes.map(({ referenceId, document }) => [referenceId, document]),
    entries.map(({ reference }, i) => [`SUB_${reference}`, String(100_000_000 + i).padStart(10, "0")]),
  );
  assert.equal((await sap.ledger("?account=11001000")).totals[0]?.debit, "6250.00");
});
