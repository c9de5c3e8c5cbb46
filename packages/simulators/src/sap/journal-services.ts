/** The two read services over the books: no create, change or delete exists for them. */
import { writeAmount } from "./amount.ts";
import type { PostedDocument } from "./ledger/journal-entry.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { MasterData } from "./ledger/master-data.ts";
import type { EntitySet, Property, Row, Service } from "./odata/entity-set.ts";
import type { Among } from "./odata/filter.ts";

const text = (maxLength: number): Property => ({ type: "Edm.String", maxLength });
const amount: Property = { type: "Edm.Decimal", scale: 3 };
const date: Property = { type: "Edm.DateTime" };

const shared: Readonly<Record<string, Property>> = {
  FiscalPeriod: text(3),
  AccountingDocumentType: text(2),
  DocumentReferenceID: text(16),
  AccountingDocumentHeaderText: text(25),
  DocumentItemText: text(50),
  AssignmentReference: text(18),
  GLAccount: text(10),
  Customer: text(10),
  Supplier: text(10),
  DebitCreditCode: text(1),
  AmountInTransactionCurrency: amount,
  TransactionCurrency: text(5),
  AmountInCompanyCodeCurrency: amount,
  CompanyCodeCurrency: text(5),
  PostingDate: date,
  DocumentDate: date,
  CreationDateTime: { type: "Edm.DateTimeOffset" },
  AccountingDocCreatedByUser: text(12),
  OriginalReferenceDocumentType: text(5),
  OriginalReferenceDocument: text(20),
  IsReversal: { type: "Edm.Boolean" },
  IsReversed: { type: "Edm.Boolean" },
  ReversalReason: text(2),
  ReverseDocument: text(10),
  ReverseDocumentFiscalYear: text(4),
};

const documentKey = { CompanyCode: text(4), FiscalYear: text(4), AccountingDocument: text(10) };

export interface Books {
  readonly ledger: Ledger;
  readonly master: MasterData;
}

/** `books` is asked at every request: a reset opens new ones. */
export function journalServices(books: () => Books): readonly Service[] {
  const cube: EntitySet = {
    name: "A_OperationalAcctgDocItemCube",
    typeName: "A_OperationalAcctgDocItemCubeType",
    keys: ["CompanyCode", "FiscalYear", "AccountingDocument", "AccountingDocumentItem"],
    properties: { ...documentKey, AccountingDocumentItem: text(3), ...shared },
    rows: (among) => rowsOf(books(), among),
    find: ([company = "", year = "", number = "", item = ""]) => {
      const { ledger, master } = books();
      const document = ledger.find(company, year, number);
      const index = Number(item) - 1;
      return document?.lines[index] === undefined ? undefined : rowOf(document, index, master);
    },
  };
  const basic: EntitySet = {
    name: "A_JournalEntryItemBasic",
    typeName: "A_JournalEntryItemBasicType",
    keys: ["ID"],
    properties: { ID: text(80), Ledger: text(2), LedgerGLLineItem: text(6), ...documentKey, ...shared },
    rows: function* (among) {
      for (const row of rowsOf(books(), among)) yield withId(row);
    },
    find: ([id = ""]) => {
      const [, company = "", year = "", number = "", item = ""] = id.split("-");
      const row = cube.find([company, year, number, String(Number(item))]);
      return row === undefined || withId(row).ID !== id ? undefined : withId(row);
    },
  };
  return [
    { name: "API_OPLACCTGDOCITEMCUBE_SRV", sets: [cube] },
    { name: "API_JOURNALENTRYITEMBASIC_SRV", sets: [basic] },
  ];
}

function* rowsOf({ ledger, master }: Books, among: Among): Iterable<Row> {
  for (const document of candidates(ledger, among)) {
    for (let i = 0; i < document.lines.length; i++) yield rowOf(document, i, master);
  }
}

/** The documents that can match, in order of posting; by an index where the filter names values of one. */
function candidates(ledger: Ledger, among: Among): Iterable<PostedDocument> {
  const named = (property: string) => {
    const values = among.get(property);
    return values === undefined ? undefined : [...values].map(String);
  };
  const references = named("DocumentReferenceID");
  // Documents without one are in no index.
  if (references !== undefined && !references.includes("")) {
    return inOrder(references.flatMap((one) => ledger.byReference(one)));
  }
  const assignments = named("AssignmentReference");
  if (assignments !== undefined && !assignments.includes("")) {
    return inOrder(assignments.flatMap((one) => ledger.byAssignment(one)));
  }
  const [companies, years, numbers] = ["CompanyCode", "FiscalYear", "AccountingDocument"].map(named);
  if (companies === undefined || years === undefined || numbers === undefined) return ledger.documents();
  return companies.flatMap((company) =>
    years.flatMap((year) => numbers.flatMap((number) => ledger.find(company, year, number) ?? [])),
  );
}

/** A document may carry several of the values. */
function inOrder(found: readonly PostedDocument[]): readonly PostedDocument[] {
  return [...new Set(found)].sort((a, b) => a.postedAt - b.postedAt || (a.number < b.number ? -1 : 1));
}

function withId(row: Row): Row {
  const line = String(row.AccountingDocumentItem).padStart(6, "0");
  const id = `0L-${row.CompanyCode}-${row.FiscalYear}-${row.AccountingDocument}-${line}`;
  return { ID: id, Ledger: "0L", LedgerGLLineItem: line, ...row };
}

function rowOf(document: PostedDocument, index: number, master: MasterData): Row {
  const line = document.lines[index] as PostedDocument["lines"][number];
  const companyCurrency = master.companies.get(document.companyCode)?.currency ?? "";
  const written = writeAmount(line.minor, line.currency);
  // A document names its reversal, and a reversal what it reverses.
  const other = document.reversedBy ?? document.reverses ?? "";
  return {
    CompanyCode: document.companyCode,
    FiscalYear: document.year,
    AccountingDocument: document.number,
    AccountingDocumentItem: String(index + 1).padStart(3, "0"),
    FiscalPeriod: document.period.slice(5).padStart(3, "0"),
    AccountingDocumentType: document.documentType,
    DocumentReferenceID: document.reference,
    AccountingDocumentHeaderText: document.headerText,
    DocumentItemText: line.text,
    AssignmentReference: line.assignment,
    GLAccount: line.account,
    Customer: line.kind === "customer" ? line.partner : "",
    Supplier: line.kind === "supplier" ? line.partner : "",
    DebitCreditCode: line.side,
    AmountInTransactionCurrency: written,
    TransactionCurrency: line.currency,
    // Exchange rates are not imitated: amounts in another currency have none in the company's.
    AmountInCompanyCodeCurrency: line.currency === companyCurrency ? written : null,
    CompanyCodeCurrency: companyCurrency,
    PostingDate: Date.parse(`${document.postingDate}T00:00:00Z`),
    DocumentDate: Date.parse(`${document.documentDate}T00:00:00Z`),
    CreationDateTime: document.postedAt,
    AccountingDocCreatedByUser: document.user,
    OriginalReferenceDocumentType: document.objectType,
    OriginalReferenceDocument: document.objectKey,
    IsReversal: document.reverses !== null,
    IsReversed: document.reversedBy !== null,
    ReversalReason: document.reversalReason,
    ReverseDocument: other.slice(0, 10),
    ReverseDocumentFiscalYear: other.slice(-4),
  };
}
