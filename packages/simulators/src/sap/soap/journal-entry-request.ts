/** JournalEntryBulkCreateRequest, as read from its envelope. */

import type { XmlElement } from "../../xml/plain-xml.ts";
import { attributeOf, child, children, readXml, textOf } from "../../xml/read-xml.ts";
import { readAmount } from "../amount.ts";
import type { EntryLine, ProposedEntry } from "../ledger/journal-entry.ts";
import { alpha, type MasterData } from "../ledger/master-data.ts";

export interface RequestedEntry {
  /** MessageHeader/ID of this one entry, repeated in its confirmation. */
  readonly messageId: string;
  readonly entry: ProposedEntry;
}

export interface JournalEntryRequest {
  /** MessageHeader of the whole message; empty when absent. */
  readonly messageId: string;
  readonly messageUuid: string;
  /** Who sent it, when it says so: SenderBusinessSystemID. */
  readonly sender: string;
  readonly entries: readonly RequestedEntry[];
}

/** What the body holds, whichever of the two services it was sent to: callers use both names for both. */
const roots = ["JournalEntryBulkCreateRequest", "JournalEntryBulkCreationRequest"];

/** The request, or what a SOAP fault should say about it. */
export function readJournalEntryRequest(
  text: string,
  master: MasterData,
): { readonly request: JournalEntryRequest } | { readonly fault: string } {
  const document = readXml(text);
  if (document === null) return { fault: "XML document is not well-formed" };
  const envelope = child(document, "Envelope");
  if (envelope === undefined) return { fault: "The root element is no SOAP envelope" };
  const body = child(envelope, "Body");
  const root = roots
    .map((name) => (body === undefined ? undefined : child(body, name)))
    .find((one) => one !== undefined);
  if (root === undefined) return { fault: `The body holds none of ${roots.join(", ")}` };
  const header = child(root, "MessageHeader");
  const entries: RequestedEntry[] = [];
  for (const one of children(root, "JournalEntryCreateRequest")) {
    const entry = typeof one === "object" ? child(one, "JournalEntry") : undefined;
    if (typeof one === "string" || entry === undefined)
      return { fault: "JournalEntryCreateRequest without JournalEntry" };
    const entryHeader = child(one, "MessageHeader");
    entries.push({
      messageId: entryHeader === undefined ? "" : textOf(entryHeader, "ID"),
      entry: proposed(entry, master),
    });
  }
  if (entries.length === 0) return { fault: "The message holds no JournalEntryCreateRequest" };
  const ofHeader = (name: string) => (header === undefined ? "" : textOf(header, name));
  return {
    request: {
      messageId: ofHeader("ID"),
      messageUuid: ofHeader("UUID").toLowerCase(),
      sender: ofHeader("SenderBusinessSystemID"),
      entries,
    },
  };
}

function proposed(entry: XmlElement, master: MasterData): ProposedEntry {
  const lines: EntryLine[] = [];
  for (const one of children(entry, "Item")) {
    lines.push(line("account", one, typeof one === "object" ? accountOf(one) : "", ""));
  }
  for (const one of children(entry, "DebtorItem")) {
    lines.push(line("customer", one, master.customersAccount, partnerOf(one, "Debtor")));
  }
  for (const one of children(entry, "CreditorItem")) {
    lines.push(line("supplier", one, master.suppliersAccount, partnerOf(one, "Creditor")));
  }
  for (const one of children(entry, "ProductTaxItem")) {
    lines.push(line("tax", one, typeof one === "object" ? accountOf(one) : "", ""));
  }
  return {
    reference: owned(textOf(entry, "DocumentReferenceID")),
    companyCode: shared(textOf(entry, "CompanyCode")),
    documentType: shared(textOf(entry, "AccountingDocumentType")),
    documentDate: shared(textOf(entry, "DocumentDate")),
    postingDate: shared(textOf(entry, "PostingDate")),
    headerText: shared(textOf(entry, "DocumentHeaderText")),
    user: shared(textOf(entry, "CreatedByUser")),
    objectType: shared(textOf(entry, "OriginalReferenceDocumentType")),
    objectKey: owned(textOf(entry, "OriginalReferenceDocument")),
    objectSystem: shared(textOf(entry, "OriginalReferenceDocumentLogicalSystem")),
    lines,
    reverses: owned(textOf(entry, "ReversalReferenceDocument")),
    reversalReason: shared(textOf(entry, "ReversalReason")),
  };
}

const noElement: XmlElement = {};

function line(
  kind: EntryLine["kind"],
  one: string | XmlElement,
  account: string,
  partner: string,
): EntryLine {
  const element = typeof one === "object" ? one : noElement;
  const currency = attributeOf(element, "AmountInTransactionCurrency", "currencyCode");
  return {
    kind,
    account,
    partner,
    minor: readAmount(textOf(element, "AmountInTransactionCurrency"), currency),
    currency: shared(currency),
    side: shared(textOf(element, "DebitCreditCode")),
    text: shared(textOf(element, "DocumentItemText")),
    assignment: owned(textOf(element, "AssignmentReference")),
    taxCode: shared(textOf(element, "TaxCode")),
  };
}

function accountOf(one: XmlElement): string {
  return shared(alpha(textOf(one, "GLAccount")));
}

function partnerOf(one: string | XmlElement, name: string): string {
  return typeof one === "object" ? owned(alpha(textOf(one, name))) : "";
}

const kept = new Map<string, string>();

/** One copy of a text that many entries repeat. */
function shared(text: string): string {
  const known = kept.get(text);
  if (known !== undefined) return known;
  const copy = owned(text);
  if (kept.size < 10_000) kept.set(copy, copy);
  return copy;
}

/**
 * A copy of its own. The engine cuts texts of 13 characters and more as views of the text they were cut from: one reference kept in
 * the books would keep the whole request.
 */
function owned(text: string): string {
  return text.length < 13 ? text : Buffer.from(text, "utf8").toString("utf8");
}
