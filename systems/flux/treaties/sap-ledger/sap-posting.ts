import type { Entry, HandOffTreaty, Translation } from "@entente/core";
import { Type } from "typebox";
import { JournalEntry } from "../../contexts/ledger/contract/journal-entry.ts";
import {
  Debit,
  type NotePosting,
  notePosting,
  postingGivenUp,
} from "../../contexts/ledger/contract/report-posting.ts";
import { type BalanceDebited, balanceDebited } from "../../contexts/subscription/contract/balance-debited.ts";
import {
  type QuotaDebitUndone,
  quotaDebitUndone,
} from "../../contexts/subscription/contract/quota-debit-undone.ts";
import type { CompanyCodeOf } from "./company-codes.ts";
import { sapLedger } from "./sap-ledger.ts";
import { postingRunbook, postingSheet } from "./sheet.ts";

const OwedEntry = Type.Object({
  ...JournalEntry.properties,
  /** Of a debit: what it is undone with, should a person give its posting up. */
  debit: Type.Union([Debit, Type.Null()]),
});

/**
 * `sapLedger` where somebody waits for the books, as in stage A: the same messages, references and error map, but every entry is a hand-off
 * of its own in the process of its top-up, and the ledger is told what became of it. One message per entry is dearer than a batch, and
 * is what lets a top-up be confirmed by its document.
 */
export function sapPosting(
  url: string,
  entryOf: (fact: Entry) => JournalEntry | null,
  companyCodeOf: CompanyCodeOf,
): HandOffTreaty {
  const { batch: _together, ...ledger } = sapLedger(url, entryOf, companyCodeOf);
  return {
    ...ledger,
    name: "sap-posting",
    version: "1.0.0",
    relation: "conformist",
    sheet: postingSheet,
    runbook: postingRunbook,
    style: { ...ledger.style, flowNeedsTheResult: true },
    input: OwedEntry,
    request(fact) {
      if (isOfNothingPosted(fact)) return [];
      return ledger.request(fact).map((request) => {
        return { ...request, data: { ...(request.data as JournalEntry), debit: debitOf(fact) } };
      });
    },
    send(dispatch, means) {
      const { aggregateType, aggregateId, line, idempotencyKey, requestHash, data } = dispatch;
      const row = { row: 0, aggregateType, aggregateId, line, idempotencyKey, requestHash, data };
      return ledger.send({ ...dispatch, rows: [row] }, means);
    },
    inquire: (question, means) => ledger.inquire({ ...question, rowKeys: [question.idempotencyKey] }, means),
    translate: (reply, of) => ofItsOnlyRow(ledger.translate(reply, of)),
    tells({ handOff, request, to }) {
      const { debit, accountId } = request as { readonly debit: Figures | null; readonly accountId: string };
      const outcome = outcomes[to];
      if (outcome === undefined || debit === null) return [];
      const data: NotePosting = { requestId: handOff.aggregateId, accountId, outcome, debit };
      return [{ type: notePosting.type, schemaVersion: notePosting.schemaVersion, key: accountId, data }];
    },
  };
}

type Figures = NotePosting["debit"];

/** A refused entry stays owed: accounting mends what is wrong and has it sent anew, or gives it up. */
const outcomes: Readonly<Partial<Record<string, NotePosting["outcome"]>>> = {
  completed: "posted",
  cancelled: "given-up",
};

function debitOf(fact: Entry): Figures | null {
  if (fact.type !== balanceDebited.type) return null;
  const { cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor } = fact.data as BalanceDebited;
  return { cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor };
}

/** The undo of a debit that the books never had is nothing to them. */
export function isOfNothingPosted({ type, data }: Entry): boolean {
  return type === quotaDebitUndone.type && (data as QuotaDebitUndone).reasonCode === postingGivenUp;
}

function ofItsOnlyRow(translation: Translation): Translation {
  const [row] = translation.rows ?? [];
  if (row === undefined) return translation;
  return { says: row.says, ...(row.code === undefined ? {} : { code: row.code }) };
}
