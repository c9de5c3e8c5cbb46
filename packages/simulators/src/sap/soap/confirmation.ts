/** JournalEntryBulkCreateConfirmation and faults, as SAP writes them. */

import { element, xmlText } from "../../xml/write-xml.ts";
import type { LogItem } from "../ledger/log-item.ts";

export interface ConfirmedEntry {
  /** MessageHeader/ID of the entry in the request. */
  readonly messageId: string;
  /** Null when it was not posted. */
  readonly document: { readonly number: string; readonly companyCode: string; readonly year: string } | null;
  readonly items: readonly LogItem[];
}

export interface ConfirmationHeader {
  /** MessageHeader/ID of the request. */
  readonly referenceId: string;
  /** Simulator's time, epoch milliseconds. */
  readonly now: number;
  readonly system: string;
  /** A fresh message UUID. */
  readonly uuid: () => string;
  /** Severity written instead of the true one, when a status nobody knows is wanted. */
  readonly severity?: string;
}

export function writeConfirmation(entries: readonly ConfirmedEntry[], header: ConfirmationHeader): string {
  const created = `${new Date(header.now).toISOString().slice(0, -1)}000Z`;
  let body = "";
  for (const entry of entries) body += writeEntry(entry, header, created);
  return envelope(
    `<n0:JournalEntryBulkCreateConfirmation xmlns:n0="http://sap.com/xi/SAPSCORE/SFIN"><MessageHeader>${
      element("UUID", header.uuid()) +
      (header.referenceId === "" ? "" : element("ReferenceID", header.referenceId)) +
      element("CreationDateTime", created) +
      element("SenderBusinessSystemID", header.system)
    }</MessageHeader><ConfirmationInterfaceOrignName/>${body}<Log/></n0:JournalEntryBulkCreateConfirmation>`,
  );
}

function writeEntry(
  { messageId, document, items }: ConfirmedEntry,
  header: ConfirmationHeader,
  created: string,
): string {
  const severity = header.severity ?? String(items.reduce((most, one) => Math.max(most, one.severity), 1));
  const reference = messageId === "" ? "" : element("ReferenceID", messageId);
  const named =
    document === null
      ? "<AccountingDocument>0000000000</AccountingDocument><CompanyCode> </CompanyCode><FiscalYear>0000</FiscalYear>"
      : `<AccountingDocument>${document.number}</AccountingDocument><CompanyCode>${document.companyCode}</CompanyCode><FiscalYear>${document.year}</FiscalYear>`;
  let log = "";
  for (const item of items) log += writeItem(item);
  return `<JournalEntryCreateConfirmation><MessageHeader><UUID>${header.uuid()}</UUID>${reference}<CreationDateTime>${created}</CreationDateTime></MessageHeader><JournalEntryCreateConfirmation>${named}</JournalEntryCreateConfirmation><Log>${element("MaximumLogItemSeverityCode", severity)}${log}</Log></JournalEntryCreateConfirmation>`;
}

function writeItem({ typeId, severity, note, values }: LogItem): string {
  const number = typeId.slice(0, 3);
  const messageClass = typeId.slice(4, -1);
  let parameters = "";
  for (let i = 0; i < values.length; i++) {
    parameters += `&amp;MSGV${i + 1}=${xmlText(encodeURIComponent(values[i] as string))}`;
  }
  return `<Item><TypeID>${typeId}</TypeID><SeverityCode>${severity}</SeverityCode><Note>${xmlText(note)}</Note><WebURI>http://sap.example/sap/xi/docu_apperror?ID=NA&amp;OBJECT=${messageClass}${number}&amp;LANGUAGE=E${parameters}</WebURI></Item>`;
}

/** A technical error: nothing was processed. `receiver`: the system's doing; `sender`: the caller's. */
export function writeFault(who: "sender" | "receiver", text: string): string {
  return envelope(
    `<soap-env:Fault><faultcode>soap-env:${who === "sender" ? "Client" : "Server"}</faultcode><faultstring xml:lang="en">${xmlText(text)}</faultstring></soap-env:Fault>`,
  );
}

function envelope(body: string): string {
  return `<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"><soap-env:Header/><soap-env:Body>${body}</soap-env:Body></soap-env:Envelope>`;
}
