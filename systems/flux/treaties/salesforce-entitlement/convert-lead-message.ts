import { XMLParser, XMLValidator } from "fast-xml-parser";
import { apiVersion } from "./salesforce-session.ts";

/** Partner SOAP interface: the one call that REST has nothing for. */
export const soapPath = `/services/Soap/u/${apiVersion}`;

/** Status that a converted lead gets; one of those the org has set up as converted. */
const convertedStatus = "Closed - Converted";

export type Conversion = { readonly accountId: string } | { readonly errorCode: string };

/** `leadId`: their id. No opportunity is made: nothing is sold here yet. */
export function convertLeadMessage(token: string, leadId: string): string {
  const lead = `<leadConverts><convertedStatus>${convertedStatus}</convertedStatus><doNotCreateOpportunity>true</doNotCreateOpportunity><leadId>${xml(leadId)}</leadId></leadConverts>`;
  return `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"><soapenv:Header><SessionHeader><sessionId>${xml(token)}</sessionId></SessionHeader><CallOptions><client>entente</client></CallOptions></soapenv:Header><soapenv:Body><convertLead>${lead}</convertLead></soapenv:Body></soapenv:Envelope>`;
}

const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  ignoreDeclaration: true,
  parseTagValue: false,
});

type Element = { readonly [name: string]: unknown };

/**
 * Reads the answer: the account, or the code of a refusal or a fault.
 * Errors: anything else, and a document type (entities are nobody's business). What cannot be read may have happened.
 */
export function readConversion(text: string): Conversion {
  if (/<!DOCTYPE/i.test(text) || XMLValidator.validate(text) !== true) throw new Error("not well-formed XML");
  const body = element(element(element(parser.parse(text)).Envelope).Body);
  if (body.Fault !== undefined) {
    // `sf:INVALID_SESSION_ID`
    return { errorCode: textOf(element(body.Fault).faultcode).replace(/^.*:/, "") };
  }
  const result = element(element(body.convertLeadResponse).result);
  if (result.success === "true") return { accountId: textOf(result.accountId) };
  if (result.success !== "false") throw new Error("neither done nor refused");
  const [first] = [result.errors].flat();
  return { errorCode: textOf(element(first).statusCode) };
}

function xml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function element(value: unknown): Element {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("an element is missing");
  return value as Element;
}

function textOf(value: unknown): string {
  if (typeof value !== "string" || value === "") throw new Error("a text is missing");
  return value;
}
