import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import {
  type EntryToWrite,
  entry,
  item,
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

describe("an entry is refused", () => {
  const long = "A".repeat(17);
  const cases: readonly (readonly [string, EntryToWrite, readonly string[], RegExp])[] = [
    [
      "that does not balance",
      { items: item("11001000", "12.50") + item("23100000", "-12.49") },
      ["022(RW)"],
      /EUR is 0\.01/,
    ],
    [
      "that balances over currencies only",
      { items: item("11001000", "12.50") + item("23100000", "-12.50", { currency: "USD" }) },
      ["022(RW)", "022(RW)"],
      /EUR is 12\.50/,
    ],
    ["of an unknown company code", { companyCode: "9999" }, ["165(F5)"], /Company code 9999/],
    [
      "after the open periods",
      { postingDate: "2027-01-01" },
      ["201(F5)"],
      /Posting period 001 2027 is not open/,
    ],
    [
      "before the open periods",
      { postingDate: "2025-10-31" },
      ["201(F5)"],
      /Posting period 010 2025 is not open/,
    ],
    [
      "to an unknown account",
      { items: item("99999999", "1.00") + item("23100000", "-1.00") },
      ["507(F5)", "004(FH)"],
      /99999999 .*YCOA/,
    ],
    [
      "to an unknown customer",
      {
        items: `<DebtorItem><Debtor>77</Debtor><AmountInTransactionCurrency currencyCode="EUR">1</AmountInTransactionCurrency></DebtorItem>${item("23100000", "-1.00")}`,
      },
      ["102(F5)"],
      /Customer 77 is not defined in company code 1010/,
    ],
    [
      "to an unknown supplier",
      {
        items: `<CreditorItem><Creditor>77</Creditor><AmountInTransactionCurrency currencyCode="EUR">1</AmountInTransactionCurrency></CreditorItem>${item("23100000", "-1.00")}`,
      },
      ["104(F5)"],
      /Vendor 77/,
    ],
    ["without a user", { user: "" }, ["602(RW)"], /CreatedByUser/],
    ["of a day that does not exist", { documentDate: "2026-02-30" }, ["060(RW)"], /2026-02-30 is no date/],
    ["whose reference is too long", { reference: long }, ["601(RW)"], /longer than 16/],
    [
      "with an amount that is none",
      { items: item("11001000", "12,50") + item("23100000", "-12.50") },
      ["603(RW)"],
      /item 1/,
    ],
    [
      "finer than its currency",
      { items: item("11001000", "1.001") + item("23100000", "-1.001") },
      ["603(RW)", "603(RW)"],
      /item 1/,
    ],
    [
      "whose signs and codes differ",
      { items: item("11001000", "1.00", { side: "H" }) + item("23100000", "-1.00") },
      ["604(RW)"],
      /item 1 differ/,
    ],
    ["with a single item", { items: item("11001000", "0.00") }, ["606(RW)"], /two items/],
  ];
  for (const [what, written, types, note] of cases) {
    test(what, async () => {
      const outcome = await one(written);
      assert.deepEqual(outcome.types, ["609(RW)", ...types]);
      assert.equal(outcome.severity, "3");
      assert.equal(outcome.document, "0000000000");
      assert.equal(outcome.year, "0000");
      assert.equal(outcome.notes[0], "Error in document: BKPFF $ ENTCLNT100");
      assert.match(outcome.notes.join("\n"), note);
      assert.equal((await sap.ledger()).documents, 0);
      assert.deepEqual(await sap.client.effects(), []);
    });
  }

  test("with all its faults at once", async () => {
    const items = item("99999999", "1.00") + item("23100000", "-2.00");
    const { types } = await one({ items, postingDate: "2027-01-01", user: "" });
    assert.deepEqual(types, ["609(RW)", "602(RW)", "201(F5)", "507(F5)", "004(FH)", "022(RW)"]);
  });

  test("and holds up no other of its message", async () => {
    const outcomes = await posted(
      { reference: "A" },
      { reference: "B", companyCode: "9999" },
      { reference: "C" },
    );
    assert.deepEqual(
      outcomes.map(({ severity }) => severity),
      ["1", "3", "1"],
    );
    assert.deepEqual(
      outcomes.map(({ referenceId }) => referenceId),
      ["SUB_A", "SUB_B", "SUB_C"],
    );
    assert.equal((await sap.ledger()).documents, 2);
  });
});

describe("posting periods", () => {
  test("can be set for one company code", async () => {
    await sap.set("/posting-periods", { companyCode: "1010", open: [{ from: "2026-01", to: "2026-10" }] });
    assert.deepEqual((await one()).types, ["609(RW)", "201(F5)"]);
    assert.deepEqual((await one({ postingDate: "2026-10-31" })).types, ["605(RW)"]);
    assert.deepEqual((await one({ companyCode: "1710" })).types, ["605(RW)"]);
  });

  test("otherwise move with the clock", async () => {
    await sap.client.setClock("2028-01-15T00:00:00Z");
    assert.deepEqual((await one({ postingDate: "2028-02-29" })).types, ["605(RW)"]);
    assert.deepEqual((await one()).types, ["609(RW)", "201(F5)"]);
  });
});

describe("a batch window", () => {
  beforeEach(() => sap.set("/settings", { batchWindow: { mode: "queue", from: "22:00", to: "04:00" } }));

  for (const [time, status] of [
    ["21:58:00", 503],
    ["22:00:00", 200],
    ["03:58:00", 200],
    ["04:00:00", 503],
  ] as const) {
    test(`at ${time} a synchronous posting is answered ${status}`, async () => {
      await sap.client.setClock(`2026-11-24T${time}Z`);
      const answer = await sap.post(message([entry()]));
      assert.equal(answer.status, status);
      if (status !== 503) return;
      assert.match(await answer.text(), /<faultcode>soap-env:Server<\/faultcode>/);
      assert.match(
        answer.headers.get("retry-after") ?? "",
        time === "21:58:00" ? /^1[0-2]\d$/ : /^64[78]\d\d$/,
      );
      assert.equal((await sap.ledger()).documents, 0);
    });
  }
});
