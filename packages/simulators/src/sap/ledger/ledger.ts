import { dayAt, periodOf, readDay } from "../calendar.ts";
import { checkEntry } from "./check-entry.ts";
import type { EntryLine, PostedDocument, PostedLine, ProposedEntry } from "./journal-entry.ts";
import { type LogItem, says } from "./log-item.ts";
import type { MasterData } from "./master-data.ts";
import type { PostingPeriods } from "./posting-periods.ts";
import { openTotals, type Totals } from "./totals.ts";

/** Which repeats the ledger notices. None unless switched on: a repeated posting makes a second document. */
export interface DuplicateChecks {
  /** Same DocumentReferenceID in the company code. */
  readonly reference: boolean;
  /** Same reference key (type, key, system), where the caller gives one. */
  readonly objectKey: boolean;
}

export type PostingOutcome =
  | { readonly document: PostedDocument; readonly items: readonly [LogItem] }
  | { readonly document: null; readonly items: readonly LogItem[] };

/** The books: documents are added and never changed or removed; a mistake is corrected by a document of its own. */
export interface Ledger {
  /** Checks and posts one entry. `refusal`: a message to refuse it with, whatever it says. */
  post(entry: ProposedEntry, now: number, refusal?: LogItem): PostingOutcome;
  find(companyCode: string, year: string, number: string): PostedDocument | undefined;
  byReference(reference: string): readonly PostedDocument[];
  byAssignment(assignment: string): readonly PostedDocument[];
  /** In order of posting. */
  documents(): readonly PostedDocument[];
  readonly totals: Totals;
}

export interface LedgerSettings {
  readonly master: MasterData;
  readonly periods: PostingPeriods;
  readonly checks: () => DuplicateChecks;
  /** This system's name in messages and object keys. */
  readonly logicalSystem: string;
  /** Documents that are in the books already, by number, company code and year run together; new ones are added. */
  readonly kept?: Map<string, PostedDocument>;
}

const firstNumber = 100_000_000;

export function openLedger(settings: LedgerSettings): Ledger {
  const { master, periods, checks, logicalSystem, kept = new Map() } = settings;
  const documents: PostedDocument[] = [];
  const numbers = new Map<string, number>();
  const byKey = new Map<string, PostedDocument>();
  const byReference = new Map<string, PostedDocument[]>();
  const byAssignment = new Map<string, PostedDocument[]>();
  const totals = openTotals();

  function refusals(entry: ProposedEntry, now: number, refusal: LogItem | undefined): LogItem[] {
    const items = [...(refusal === undefined ? [] : [refusal])];
    items.push(...checkEntry(entry, { master, periods, today: dayAt(now) }));
    const { reference: checksReference, objectKey: checksKey } = checks();
    if (checksReference && entry.reference !== "") {
      const other = byReference.get(entry.reference)?.find((one) => one.companyCode === entry.companyCode);
      if (other !== undefined) items.push(says.referenceUsed(entry.reference, objectKeyOf(other)));
    }
    if (checksKey && entry.objectKey !== "" && byKey.has(fullKey(entry))) {
      items.push(says.objectKeyUsed(entry.objectType, entry.objectKey, entry.objectSystem));
    }
    if (entry.reverses !== "") {
      const reversed = byKey.get(bookKey(entry.reverses));
      if (reversed === undefined) items.push(says.reversedDocumentUnknown(entry.reverses));
      else if (reversed.reversedBy !== null) items.push(says.reversedAlready(entry.reverses));
    }
    return items;
  }

  function nextNumber(companyCode: string, year: string): string {
    const range = `${companyCode} ${year}`;
    const next = numbers.get(range) ?? firstNumber;
    numbers.set(range, next + 1);
    return String(next).padStart(10, "0");
  }

  function enter(document: PostedDocument): void {
    documents.push(document);
    byKey.set(bookKey(objectKeyOf(document)), document);
    if (document.objectKey !== objectKeyOf(document)) byKey.set(fullKey(document), document);
    if (document.reference !== "") addTo(byReference, document.reference, document);
    let last = "";
    for (const { assignment } of document.lines) {
      // Lines of one document mostly share it; the index names a document once.
      if (assignment === "" || assignment === last) continue;
      last = assignment;
      if (byAssignment.get(assignment)?.at(-1) !== document) addTo(byAssignment, assignment, document);
    }
    totals.add(document);
  }

  for (const document of kept.values()) {
    enter(document);
    numbers.set(`${document.companyCode} ${document.year}`, Number(document.number) + 1);
  }

  return {
    post(entry, now, refusal) {
      const items = refusals(entry, now, refusal);
      if (items.length > 0)
        return { document: null, items: [says.errorInDocument("BKPFF", logicalSystem), ...items] };
      const reversed = entry.reverses === "" ? undefined : byKey.get(bookKey(entry.reverses));
      const postingDate = readDay(entry.postingDate) as string;
      const year = postingDate.slice(0, 4);
      const number = nextNumber(entry.companyCode, year);
      const ownKey = `${number}${entry.companyCode}${year}`;
      const document: PostedDocument = {
        number,
        companyCode: entry.companyCode,
        year,
        period: periodOf(postingDate),
        documentDate: readDay(entry.documentDate) as string,
        postingDate,
        reference: entry.reference,
        documentType: entry.documentType,
        headerText: entry.headerText,
        user: entry.user,
        objectType: entry.objectType || "BKPFF",
        objectKey: entry.objectKey || ownKey,
        objectSystem: entry.objectSystem || logicalSystem,
        lines: reversed === undefined ? entry.lines.map(posted) : reversed.lines.map(opposite),
        reverses: reversed === undefined ? null : objectKeyOf(reversed),
        reversalReason: entry.reversalReason,
        reversedBy: null,
        postedAt: now,
      };
      enter(document);
      kept.set(ownKey, document);
      if (reversed !== undefined) {
        reversed.reversedBy = ownKey;
        kept.set(objectKeyOf(reversed), reversed);
      }
      return { document, items: [says.posted("BKPFF", ownKey, logicalSystem)] };
    },
    find: (companyCode, year, number) => byKey.get(bookKey(`${number}${companyCode}${year}`)),
    byReference: (reference) => byReference.get(reference) ?? [],
    byAssignment: (assignment) => byAssignment.get(assignment) ?? [],
    documents: () => documents,
    totals,
  };
}

/** Number, company code and fiscal year run together: how the ledger names a document. */
export function objectKeyOf({ number, companyCode, year }: PostedDocument): string {
  return number + companyCode + year;
}

/** What the debit lines sum to, in minor units of the first line's currency. */
export function debitOf({ lines }: PostedDocument): { readonly minor: number; readonly currency: string } {
  const currency = lines[0]?.currency ?? "";
  let minor = 0;
  for (const line of lines) if (line.minor > 0 && line.currency === currency) minor += line.minor;
  return { minor, currency };
}

function bookKey(objectKey: string): string {
  return `book ${objectKey}`;
}

function fullKey({ objectType, objectKey, objectSystem }: ProposedEntry | PostedDocument): string {
  return `${objectType} ${objectKey} ${objectSystem}`;
}

function addTo(index: Map<string, PostedDocument[]>, key: string, document: PostedDocument): void {
  const found = index.get(key);
  if (found === undefined) index.set(key, [document]);
  else found.push(document);
}

function posted(line: EntryLine): PostedLine {
  const minor = line.minor as number;
  return { ...line, minor, side: line.side === "H" || minor < 0 ? "H" : "S" };
}

function opposite(line: PostedLine): PostedLine {
  return { ...line, minor: line.minor === 0 ? 0 : -line.minor, side: line.side === "S" ? "H" : "S" };
}
