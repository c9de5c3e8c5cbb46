/**
 * A service of our own over messages and IDocs. The original shows them only on screens (application interface framework, IDoc
 * monitor); customers who need them outside build a service such as this one.
 */
import { type IdocStore, statusOf as idocStatusOf, type StoredIdoc } from "./idoc/idoc-store.ts";
import { type AsyncMessage, type Messages, statusOf } from "./messages.ts";
import type { EntitySet, Property, Row, Service } from "./odata/entity-set.ts";
import type { Among } from "./odata/filter.ts";

const text = (maxLength: number): Property => ({ type: "Edm.String", maxLength });
const count: Property = { type: "Edm.Int32" };
const instant: Property = { type: "Edm.DateTimeOffset" };

export function monitorService(messages: Messages, idocs: IdocStore): Service {
  const messageSet: EntitySet = {
    name: "A_Message",
    typeName: "A_MessageType",
    keys: ["MessageNumber"],
    properties: {
      MessageNumber: text(20),
      MessageID: text(35),
      MessageUUID: text(36),
      Status: text(1),
      EntryCount: count,
      ErrorCount: count,
      ReceivedAt: instant,
      ProcessedAt: instant,
    },
    rows: function* (among) {
      for (const message of wanted(messages, among)) yield messageRow(message);
    },
    find: ([number = ""]) => {
      const message = messages.find(number);
      return message === undefined ? undefined : messageRow(message);
    },
  };
  const entrySet: EntitySet = {
    name: "A_MessageEntry",
    typeName: "A_MessageEntryType",
    keys: ["MessageNumber", "EntryNumber"],
    properties: {
      MessageNumber: text(20),
      EntryNumber: text(6),
      MessageID: text(35),
      DocumentReferenceID: text(16),
      CompanyCode: text(4),
      FiscalYear: text(4),
      AccountingDocument: text(10),
      SeverityCode: text(1),
      Note: text(255),
    },
    rows: function* (among) {
      for (const message of wanted(messages, among)) yield* entryRows(message);
    },
    find: ([number = "", entry = ""]) => {
      const message = messages.find(number);
      return message === undefined ? undefined : entryRows(message)[Number(entry) - 1];
    },
  };
  const idocSet: EntitySet = {
    name: "A_IDoc",
    typeName: "A_IDocType",
    keys: ["IDocNumber"],
    properties: {
      IDocNumber: text(16),
      Status: text(2),
      StatusText: text(70),
      MessageType: text(30),
      DocumentReferenceID: text(16),
      AccountingDocumentKey: text(20),
      ReceivedAt: instant,
      ChangedAt: instant,
    },
    rows: function* () {
      for (const idoc of idocs.all()) yield idocRow(idoc);
    },
    find: ([number = ""]) => {
      const idoc = idocs.find(number);
      return idoc === undefined ? undefined : idocRow(idoc);
    },
  };
  return { name: "ZINTEGRATION_MONITOR_SRV", sets: [messageSet, entrySet, idocSet] };
}

/** The messages that a filter can be about. */
function wanted(messages: Messages, among: Among): readonly AsyncMessage[] {
  const numbers = among.get("MessageNumber");
  if (numbers !== undefined) return [...numbers].flatMap((number) => messages.find(String(number)) ?? []);
  const ids = among.get("MessageID");
  return ids === undefined ? messages.all() : [...ids].flatMap((id) => messages.byId(String(id)));
}

function messageRow(message: AsyncMessage): Row {
  const { outcome } = message;
  return {
    MessageNumber: message.number,
    MessageID: message.id,
    MessageUUID: message.uuid,
    Status: statusOf(message),
    EntryCount: message.references.length,
    ErrorCount: outcome === null ? 0 : outcome.entries.filter(({ document }) => document === null).length,
    ReceivedAt: message.receivedAt,
    ProcessedAt: outcome?.at ?? null,
  };
}

function entryRows({ number, id, outcome }: AsyncMessage): readonly Row[] {
  return (outcome?.entries ?? []).map(({ reference, document, items }, i) => ({
    MessageNumber: number,
    EntryNumber: String(i + 1).padStart(6, "0"),
    MessageID: id,
    DocumentReferenceID: reference,
    CompanyCode: document?.companyCode ?? "",
    FiscalYear: document?.year ?? "0000",
    AccountingDocument: document?.number ?? "0000000000",
    SeverityCode: document === null ? "3" : "1",
    // The first message only says that there is an error; the second says which.
    Note: (items[document === null ? 1 : 0] ?? items[0])?.note.slice(0, 255) ?? "",
  }));
}

function idocRow(idoc: StoredIdoc): Row {
  const header = idoc.received.segments.find(({ name }) => name === "E1BPACHE09");
  const last = idoc.history.at(-1);
  return {
    IDocNumber: idoc.docnum,
    Status: idocStatusOf(idoc),
    StatusText: last?.text.slice(0, 70) ?? "",
    MessageType: idoc.received.control.MESTYP ?? "",
    DocumentReferenceID: header?.fields.REF_DOC_NO ?? "",
    AccountingDocumentKey: idoc.document ?? "",
    ReceivedAt: idoc.history[0]?.at ?? 0,
    ChangedAt: last?.at ?? 0,
  };
}
