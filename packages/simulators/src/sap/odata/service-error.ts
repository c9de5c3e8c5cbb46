import { element } from "../../xml/write-xml.ts";
import type { ServiceError } from "./entity-set.ts";

export interface ErrorPlace {
  readonly service: string;
  readonly now: number;
  readonly transactionId: string;
  readonly json: boolean;
}

/** The error envelope of SAP Gateway, as JSON or XML. */
export function writeServiceError({ number, text, property }: ServiceError, place: ErrorPlace): string {
  const timestamp = `${new Date(place.now).toISOString().replace(/\D/g, "").slice(0, 14)}.0000000`;
  if (!place.json) {
    return `<?xml version="1.0" encoding="utf-8"?><error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">${element("code", number)}<message xml:lang="en">${element("m", text).slice(3, -4)}</message><innererror>${element("transactionid", place.transactionId)}${element("timestamp", timestamp)}</innererror></error>`;
  }
  const detail = {
    code: number,
    message: text,
    propertyref: property ?? "",
    severity: "error",
    target: property ?? "",
  };
  return JSON.stringify({
    error: {
      code: number,
      message: { lang: "en", value: text },
      innererror: {
        application: {
          component_id: "ENTENTE",
          service_namespace: "/SAP/",
          service_id: place.service,
          service_version: "0001",
        },
        transactionid: place.transactionId,
        timestamp,
        Error_Resolution: {
          SAP_Transaction: "For backend administrators: use ADT feed reader with the transaction id",
        },
        errordetails: [detail],
      },
    },
  });
}

/** Refusals the framework makes by itself. The numbers are of the Gateway's message class; texts are ours. */
export const gateway = {
  badRequest: (text: string): ServiceError => ({ status: 400, number: "/IWBEP/CM_MGW_RT/022", text }),
  noService: (name: string): ServiceError => ({
    status: 403,
    number: "/IWFND/MED/170",
    text: `No service found for namespace '', name '${name}', version '0001'`,
  }),
  noResource: (segment: string): ServiceError => ({
    status: 404,
    number: "005056A509B11EE1B9A8FEC11C21D78E",
    text: `Resource not found for the segment '${segment}'.`,
  }),
  methodNotAllowed: (method: string, name: string): ServiceError => ({
    status: 405,
    number: "/IWFND/CM_CONSUMER/101",
    text: `${method} is not allowed on ${name}`,
  }),
  preconditionRequired: (): ServiceError => ({
    status: 428,
    number: "/IWFND/CM_MGW/428",
    text: "Precondition required: send the ETag with If-Match",
  }),
  preconditionFailed: (): ServiceError => ({
    status: 412,
    number: "/IWFND/CM_MGW/412",
    text: "Precondition failed",
  }),
};
