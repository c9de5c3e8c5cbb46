import type { XmlElement, XmlValue } from "../xml/plain-xml.ts";
import { child, children, readXml, textOf } from "../xml/read-xml.ts";
import { element, xmlText } from "../xml/write-xml.ts";
import type { ApiError } from "./api-error.ts";
import type { Converted } from "./lead-conversion.ts";

/** Messages of the Partner SOAP interface: documents, one element per call. */

export interface SoapCall {
  /** Of the SessionHeader; empty: there is none. */
  readonly sessionId: string;
  /** `entente`, of the CallOptions. */
  readonly client: string | null;
  /** `convertLead` */
  readonly name: string;
  /** Its arguments, by name. */
  readonly given: XmlElement;
}

/** Null: not an envelope with one call in it. */
export function readSoapCall(text: string): SoapCall | null {
  const envelope = child(readXml(text) ?? {}, "Envelope");
  const body = child(envelope ?? {}, "Body");
  if (envelope === undefined || body === undefined) return null;
  const names = Object.keys(body).filter((name) => !name.startsWith("@") && name !== "#text");
  const [name] = names;
  if (name === undefined || names.length > 1) return null;
  const header = child(envelope, "Header") ?? {};
  const client = textOf(child(header, "CallOptions") ?? {}, "client");
  return {
    sessionId: textOf(child(header, "SessionHeader") ?? {}, "sessionId"),
    client: client === "" ? null : client,
    name,
    given: child(body, name) ?? {},
  };
}

/** The leads a convertLead names, each with its other elements. */
export function leadConvertsOf({ given }: SoapCall): readonly XmlElement[] {
  return children(given, "leadConverts").filter((one: XmlValue) => typeof one !== "string");
}

const nothing = (name: string): string => `<${name} xsi:nil="true"/>`;

/** LeadConvertResult, in the order of its declaration. */
export function convertResult(result: Converted | ApiError): string {
  if (!("errorCode" in result)) {
    const { accountId, contactId, leadId } = result;
    return `<result>${element("accountId", accountId)}${element("contactId", contactId)}${element("leadId", leadId)}${nothing("opportunityId")}<success>true</success></result>`;
  }
  const { errorCode, message, fields } = result;
  const errors = `<errors>${fields.map((name) => element("fields", name)).join("")}${element("message", message)}${element("statusCode", errorCode)}</errors>`;
  return `<result>${nothing("accountId")}${nothing("contactId")}${errors}${nothing("leadId")}${nothing("opportunityId")}<success>false</success></result>`;
}

export function soapAnswer(name: string, content: string): string {
  return envelope(`<${name}Response>${content}</${name}Response>`);
}

/** A fault; sent with HTTP status 500. */
export function soapFault(code: string, message: string): string {
  const detail = `<detail><sf:UnexpectedErrorFault xsi:type="sf:UnexpectedErrorFault">${element("sf:exceptionCode", code)}${element("sf:exceptionMessage", message)}</sf:UnexpectedErrorFault></detail>`;
  return envelope(
    `<soapenv:Fault><faultcode>sf:${xmlText(code)}</faultcode>${element("faultstring", `${code}: ${message}`)}${detail}</soapenv:Fault>`,
  );
}

function envelope(body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com" xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;
}
