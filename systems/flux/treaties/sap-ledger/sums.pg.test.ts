/** Sums of a day: what Flux believes is posted against what SAP's item cube has, also when somebody works in the books. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DayTotals, JsonObject } from "@entente/core";
import { debited, openBooks, undone } from "./books.fixture.ts";

const books = await openBooks();
const now = (): number => books.system.clock.now();
const dayMs = 86_400_000;
// In the morning, so that no test runs over the end of its day.
await books.moveTime((Math.floor(now() / dayMs) + 1) * dayMs + 8 * 3_600_000 - now());

/** Until the day that is running now is over and compared. */
async function dayIsOver(): Promise<DayTotals & { readonly day: string }> {
  const day = new Date(now()).toISOString().slice(0, 10);
  await books.moveTime((Math.floor(now() / dayMs) + 1) * dayMs + 3_601_000 - now());
  return compared(day, 1);
}

/** The last of so many reports about a day. */
async function compared(day: string, count: number): Promise<DayTotals & { readonly day: string }> {
  let found: JsonObject[] = [];
  await books.until(`${day} is compared`, async () => {
    const reports = await books.entries("entente.reconciliation-run");
    found = reports.filter(({ totals }) => (totals as JsonObject | undefined)?.day === day);
    return found.length >= count;
  });
  return found.at(-1)?.totals as unknown as DayTotals & { readonly day: string };
}

const oneMoreDay = (): Promise<void> => books.moveTime(dayMs);

describe("sums of a day", () => {
  test("equal sums by company code, currency and account say so, over several pages of the cube", async () => {
    await books.set("/settings", { pageSize: 3 });
    await books.happened(
      ...["a", "b", "c"].map((one) => debited(now(), `even-${one}`)),
      undone(now(), "even-c"),
    );
    await books.rows(4, "completed");
    const { sums, equal, counted, open } = await dayIsOver();
    assert.deepEqual(sums, [
      { group: "1010 EUR 23200000", ours: "380", theirs: "380" },
      { group: "1010 EUR 41000000", ours: "-380", theirs: "-380" },
    ]);
    assert.deepEqual([equal, counted, open], [true, 4, 0]);
    assert.deepEqual(await books.cases(), []);
  });

  test("a document posted behind our back is found, named and made accounting's case; explained, it is not asked again", async () => {
    await books.happened(debited(now(), "odd-1"));
    await books.rows(5, "completed");
    const confirmation = await books.post(strangersEntry(new Date(now()).toISOString().slice(0, 10)));
    const [, number] = /<AccountingDocument>(\d{10})</.exec(confirmation) ?? [];
    const { sums, extra, missing, equal, day } = await dayIsOver();
    assert.deepEqual([equal, missing], [false, []]);
    assert.deepEqual(
      sums.map(({ group, ours, theirs }) => `${group} ${ours} ${theirs}`),
      ["1010 EUR 23200000 190 1440", "1010 EUR 41000000 -190 -1440"],
    );
    assert.deepEqual(extra, [`1010/${day.slice(0, 4)}/${number} (BY-HAND)`]);
    const [open, ...more] = await books.cases();
    assert.deepEqual(
      [open?.kind, open?.owner, open?.code, more.length],
      ["sums-differ", "Accounting, general ledger", day, 0],
    );
    assert.match(open?.says ?? "", /1010 EUR 23200000: ours 190, theirs 1440.*BY-HAND/);
    const act = { tenantId: "demo", caseId: open?.caseId ?? "", by: "ann", why: "a correction of March" };
    await books.system.treaties.closeCase("ledger", act);
    await oneMoreDay();
    await compared(day, 2);
    assert.deepEqual(await books.cases(), [], "what accounting has explained is not asked again");
  });

  test("books that have lost documents, as after a restore, are found out with the references that are missing", async () => {
    await books.happened(debited(now(), "gone-1"), debited(now(), "gone-2"));
    await books.rows(7, "completed");
    await books.control.reset();
    // A reset sets its clock back, too.
    await books.control.setClock(new Date(now()).toISOString());
    const { equal, missing, sums } = await dayIsOver();
    assert.deepEqual([equal, missing.length], [false, 2]);
    assert.ok(missing.every((reference) => /^FX[0-9A-Z]{14}$/.test(reference)));
    assert.deepEqual(
      sums.map(({ ours, theirs }) => [ours, theirs]),
      [
        ["380", "0"],
        ["-380", "0"],
      ],
    );
    // The days before it that are still looked at have lost theirs, too.
    assert.equal((await books.cases()).filter(({ kind }) => kind === "sums-differ").length, 3);
  });
});

/** 12.50 between two accounts of ours, by somebody else. */
function strangersEntry(day: string): string {
  const item = (account: string, amount: string, side: string) =>
    `<Item><GLAccount>${account}</GLAccount><AmountInTransactionCurrency currencyCode="EUR">${amount}</AmountInTransactionCurrency><DebitCreditCode>${side}</DebitCreditCode></Item>`;
  return `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sfin="http://sap.com/xi/SAPSCORE/SFIN"><soapenv:Header/><soapenv:Body><sfin:JournalEntryBulkCreateRequest><MessageHeader><ID>HAND</ID></MessageHeader><JournalEntryCreateRequest><MessageHeader><ID>HAND-1</ID></MessageHeader><JournalEntry><AccountingDocumentType>SA</AccountingDocumentType><DocumentReferenceID>BY-HAND</DocumentReferenceID><DocumentHeaderText>By hand</DocumentHeaderText><CreatedByUser>SOMEBODY</CreatedByUser><CompanyCode>1010</CompanyCode><DocumentDate>${day}</DocumentDate><PostingDate>${day}</PostingDate>${item("23200000", "12.50", "S")}${item("41000000", "-12.50", "H")}</JournalEntry></JournalEntryCreateRequest></sfin:JournalEntryBulkCreateRequest></soapenv:Body></soapenv:Envelope>`;
}
