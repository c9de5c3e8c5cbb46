import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry, JsonObject } from "@entente/core";
import type { JournalEntry } from "../../contexts/ledger/contract/journal-entry.ts";
import { balanceDebited } from "../../contexts/subscription/contract/balance-debited.ts";
import { quotaDebitUndone } from "../../contexts/subscription/contract/quota-debit-undone.ts";
import { companyCodesFrom, demoCompanyCodes } from "./company-codes.ts";
import { ledgerOfOthers, postingOfRequests } from "./crossing.ts";
import { sapLedger } from "./sap-ledger.ts";
import { sapPosting } from "./sap-posting.ts";

const processId = balanceDebited.example.processId;
/** Every fact is worth an entry here: what the books are owed is the ledger's to say. */
const journalEntryOf = (): JournalEntry => ({
  accountId: "acct-0001",
  processId,
  cycle: "2026-11",
  currency: "EUR",
  postingDate: "2026-11-30",
  text: "Top-up",
  lines: [],
});
const codes = companyCodesFrom(demoCompanyCodes);
const posting = postingOfRequests(sapPosting("https://sap.example", journalEntryOf, codes));
const ledger = ledgerOfOthers(sapLedger("https://sap.example", journalEntryOf, codes));

function fact(
  { type, example }: { type: string; example: JsonObject },
  causationId: string,
  change = {},
): Entry {
  return { type, processId, causationId, occurredAt: 0, data: { ...example, ...change } } as unknown as Entry;
}

const carryOut = "0199f0e2-7a3b-7c4d-8e5f-00000000c0de";
const cases = [
  ["the debit of a request", fact(balanceDebited, carryOut), "posting"],
  ["the debit of a customer's own command", fact(balanceDebited, processId), "ledger"],
  ["an undo", fact(quotaDebitUndone, carryOut), "ledger"],
  [
    "the undo of what was never posted",
    fact(quotaDebitUndone, carryOut, { reasonCode: "posting-given-up" }),
    "none",
  ],
] as const;

for (const [what, one, way] of cases) {
  test(`${what} goes ${way === "none" ? "to no books" : `by the ${way} alone`}, under the key that it has in every stage`, () => {
    const ways = { posting: posting.request(one), ledger: ledger.request(one) };
    assert.deepEqual(
      Object.entries(ways).flatMap(([name, requests]) => requests.map(() => name)),
      way === "none" ? [] : [way],
    );
    const [request] = [...ways.posting, ...ways.ledger];
    if (request === undefined) return;
    const line = one.type === quotaDebitUndone.type ? "undo" : null;
    assert.deepEqual([request.aggregateType, request.line], ["top-up", line]);
  });
}

test("the books are compared once, over both ways", () => {
  assert.equal(posting.totals, undefined);
  assert.ok(ledger.totals?.togetherWith?.includes(posting.name));
  assert.deepEqual([posting.target, posting.purpose], [ledger.target, ledger.purpose]);
});
