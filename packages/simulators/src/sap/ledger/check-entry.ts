/** The rules a journal entry must satisfy before it is posted: all of them are asked, so that a caller sees every fault at once. */
import { writeAmount } from "../amount.ts";
import { periodOf, readDay } from "../calendar.ts";
import type { EntryLine, ProposedEntry } from "./journal-entry.ts";
import { type LogItem, says } from "./log-item.ts";
import type { MasterData } from "./master-data.ts";
import type { PostingPeriods } from "./posting-periods.ts";

export interface CheckedAgainst {
  readonly master: MasterData;
  readonly periods: PostingPeriods;
  /** The simulator's day. */
  readonly today: string;
}

const headerFields: readonly (readonly [keyof ProposedEntry, string])[] = [
  ["companyCode", "CompanyCode"],
  ["documentType", "AccountingDocumentType"],
  ["documentDate", "DocumentDate"],
  ["postingDate", "PostingDate"],
  ["user", "CreatedByUser"],
];

/** Width of XBLNR. */
const referenceLength = 16;

/** Empty when the entry may be posted. Lines are not looked at when it is a reversal: they come from the document reversed. */
export function checkEntry(entry: ProposedEntry, against: CheckedAgainst): readonly LogItem[] {
  const items: LogItem[] = [];
  for (const [field, name] of headerFields) {
    if (entry[field] === "") items.push(says.fieldMissing(name, "JournalEntry"));
  }
  if (entry.reference.length > referenceLength) items.push(says.referenceTooLong(entry.reference));
  checkDays(entry, against, items);
  const { companyCode } = entry;
  if (companyCode !== "" && !against.master.companies.has(companyCode))
    items.push(says.companyUnknown(companyCode));
  if (entry.reverses !== "") {
    if (entry.reversalReason === "") items.push(says.reversalReasonMissing());
    return items;
  }
  if (entry.lines.length < 2) items.push(says.tooFewItems());
  entry.lines.forEach((line, i) => {
    checkLine(line, i + 1, entry, against.master, items);
  });
  checkBalance(entry.lines, items);
  return items;
}

function checkDays(entry: ProposedEntry, { periods, today }: CheckedAgainst, items: LogItem[]): void {
  const { documentDate, postingDate, companyCode } = entry;
  if (documentDate !== "" && readDay(documentDate) === null)
    items.push(says.dayInvalid("DocumentDate", documentDate));
  if (postingDate === "") return;
  const day = readDay(postingDate);
  if (day === null) items.push(says.dayInvalid("PostingDate", postingDate));
  else if (!periods.isOpen(companyCode, periodOf(day), today)) items.push(says.periodClosed(periodOf(day)));
}

function checkLine(
  line: EntryLine,
  number: number,
  { companyCode }: ProposedEntry,
  master: MasterData,
  items: LogItem[],
): void {
  if (line.kind === "customer" && !master.customers.has(line.partner)) {
    items.push(says.customerUnknown(line.partner, companyCode));
  }
  if (line.kind === "supplier" && !master.suppliers.has(line.partner)) {
    items.push(says.supplierUnknown(line.partner, companyCode));
  }
  if (!master.accounts.has(line.account))
    items.push(...says.accountUnknown(line.account, master.chartOfAccounts));
  if (line.minor === null || !/^[A-Z]{3}$/.test(line.currency)) items.push(says.amountInvalid(number));
  else if (line.side !== "" && line.minor !== 0 && (line.side === "S") !== line.minor > 0) {
    items.push(says.sideContradicts(number));
  }
}

function checkBalance(lines: readonly EntryLine[], items: LogItem[]): void {
  const sums = new Map<string, number>();
  for (const { minor, currency } of lines) {
    if (minor === null) return;
    sums.set(currency, (sums.get(currency) ?? 0) + minor);
  }
  for (const [currency, sum] of sums) {
    if (sum !== 0) items.push(says.notBalanced(currency, writeAmount(sum, currency)));
  }
}
