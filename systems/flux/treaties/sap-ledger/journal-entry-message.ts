import type { Dispatch } from "@entente/core";
import type { JournalEntry, PostingAccount } from "../../contexts/ledger/contract/journal-entry.ts";
import { assignmentOf, referenceOf } from "./references.ts";

/** Where the entries go within a company code: document type and numbers of the chart of accounts. */
const documentType = "SA";
export const glAccounts: Readonly<Record<PostingAccount, string>> = {
  "provider-clearing": "11002000",
  "quota-owed": "23200000",
  "revenue-energy": "41000000",
  "revenue-on-demand": "41100000",
};

export const postingPath = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi";
export const soapAction =
  "http://sap.com/xi/SAPSCORE/SFIN/JournalEntryCreateRequestConfirmation_In/JournalEntryCreateRequestConfirmation_InRequest";

/**
 * JournalEntryBulkCreateRequest: one entry per row, each with its reference as the message id that its confirmation repeats.
 * `at`: epoch milliseconds. Every sending has a UUID of its own: that a repeat is noticed by SAP is not relied on.
 */
export function journalEntryMessage(
  dispatch: Dispatch<JournalEntry>,
  companyCode: string,
  at: number,
): string {
  const created = new Date(at).toISOString();
  const entries = dispatch.rows.map(
    ({ idempotencyKey, data }) =>
      `<JournalEntryCreateRequest><MessageHeader><ID>${referenceOf(idempotencyKey)}</ID><CreationDateTime>${created}</CreationDateTime></MessageHeader>${journalEntry(data, dispatch.tenantId, companyCode, referenceOf(idempotencyKey))}</JournalEntryCreateRequest>`,
  );
  // MessageHeader/ID has at most 35 characters.
  const id = dispatch.messageId.replaceAll("-", "");
  return `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sfin="http://sap.com/xi/SAPSCORE/SFIN"><soapenv:Header/><soapenv:Body><sfin:JournalEntryBulkCreateRequest><MessageHeader><ID>${id}</ID><UUID>${dispatch.messageId}</UUID><CreationDateTime>${created}</CreationDateTime><SenderBusinessSystemID>ENTENTE</SenderBusinessSystemID></MessageHeader>${entries.join("")}</sfin:JournalEntryBulkCreateRequest></soapenv:Body></soapenv:Envelope>`;
}

function journalEntry(entry: JournalEntry, tenantId: string, companyCode: string, reference: string): string {
  const assignment = xml(assignmentOf(tenantId, entry.accountId));
  const items = entry.lines.map(({ account, amountMinor }, i) => {
    const side = amountMinor < 0 ? "H" : "S";
    // The process is how a person in accounting finds the top-up.
    const text = xml(`${entry.text} ${entry.processId}`.slice(0, 50));
    return `<Item><ReferenceDocumentItem>${i + 1}</ReferenceDocumentItem><GLAccount>${glAccounts[account]}</GLAccount><AmountInTransactionCurrency currencyCode="${entry.currency}">${amount(amountMinor)}</AmountInTransactionCurrency><DebitCreditCode>${side}</DebitCreditCode><DocumentItemText>${text}</DocumentItemText><AssignmentReference>${assignment}</AssignmentReference></Item>`;
  });
  return `<JournalEntry><OriginalReferenceDocumentType>BKPFF</OriginalReferenceDocumentType><OriginalReferenceDocument>${reference}</OriginalReferenceDocument><OriginalReferenceDocumentLogicalSystem>ENTENTE</OriginalReferenceDocumentLogicalSystem><BusinessTransactionType>RFBU</BusinessTransactionType><AccountingDocumentType>${documentType}</AccountingDocumentType><DocumentReferenceID>${reference}</DocumentReferenceID><DocumentHeaderText>${entry.text} ${entry.cycle}</DocumentHeaderText><CreatedByUser>ENTENTE</CreatedByUser><CompanyCode>${companyCode}</CompanyCode><DocumentDate>${entry.postingDate}</DocumentDate><PostingDate>${entry.postingDate}</PostingDate>${items.join("")}</JournalEntry>`;
}

/** `-12.05` for -1205. Every currency that Flux sells in has two decimals. Exact: no floating point. */
export function amount(minor: number): string {
  const digits = String(Math.abs(minor)).padStart(3, "0");
  return `${minor < 0 ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

function xml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
