import { XMLParser, XMLValidator } from "fast-xml-parser";

/** What the confirmation says of one entry. */
export interface ConfirmedEntry {
  /** Our MessageHeader/ID of it, which is its reference. */
  readonly reference: string;
  /** Null: not posted. */
  readonly document: string | null;
  /** Why not: the first message that says more than "Error in document", e.g. `201(F5)`; `severity-…` for a severity nobody has documented. */
  readonly code: string | null;
}

export type Confirmation =
  | { readonly entries: readonly ConfirmedEntry[] }
  | { readonly fault: "sender" | "receiver" };

const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  ignoreDeclaration: true,
  parseTagValue: false,
  isArray: (name, path) =>
    name === "Item" ||
    (name === "JournalEntryCreateConfirmation" &&
      !String(path).endsWith("JournalEntryCreateConfirmation.JournalEntryCreateConfirmation")),
});

type Element = { readonly [name: string]: unknown };

/** Reads JournalEntryBulkCreateConfirmation or a SOAP fault. Errors: anything else, and a document type (entities are nobody's business). */
export function readConfirmation(text: string): Confirmation {
  if (/<!DOCTYPE/i.test(text) || XMLValidator.validate(text) !== true) throw new Error("not well-formed XML");
  const body = element(element(element(parser.parse(text)).Envelope).Body);
  if (body.Fault !== undefined) {
    const code = String(element(body.Fault).faultcode);
    return { fault: /client|sender/i.test(code) ? "sender" : "receiver" };
  }
  const found = element(body.JournalEntryBulkCreateConfirmation).JournalEntryCreateConfirmation;
  if (!Array.isArray(found)) throw new Error("a confirmation without entries");
  return { entries: found.map(entryOf) };
}

function entryOf(given: unknown): ConfirmedEntry {
  const entry = element(given);
  const reference = textOf(element(entry.MessageHeader).ReferenceID);
  const named = element(entry.JournalEntryCreateConfirmation);
  const log = element(entry.Log);
  const severity = textOf(log.MaximumLogItemSeverityCode);
  const number = textOf(named.AccountingDocument);
  if (!/^\d$/.test(severity)) throw new Error("a severity that is no digit");
  const posted = /^\d{10}$/.test(number) && !/^0+$/.test(number);
  if (severity === "1" || severity === "2") {
    if (!posted) throw new Error("posted, and no document");
    return {
      reference,
      document: `${number}${textOf(named.CompanyCode)}${textOf(named.FiscalYear)}`,
      code: null,
    };
  }
  // A severity of trouble beside a document is as strange as an unknown one.
  if (severity !== "3" || posted) return { reference, document: null, code: `severity-${severity}` };
  const items = Array.isArray(log.Item) ? log.Item.map((item) => textOf(element(item).TypeID)) : [];
  const [first, ...others] = items;
  const code = others[0] ?? first;
  if (code === undefined) throw new Error("refused, and no message");
  return { reference, document: null, code };
}

function element(value: unknown): Element {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("an element is missing");
  return value as Element;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new Error("a text is missing");
  return value;
}
