/** This system's own words for what behaviours say, in the shape that the caller of each interface expects. */
import type { FastifyRequest } from "fastify";
import { malformedJson } from "../control/malformed-json.ts";
import type { Answer, SystemAnswers } from "../control/simulator-system.ts";
import { accessAnswers } from "./access.ts";
import { malformedXml } from "./malformed-xml.ts";
import { odataPrefix, resourceOf } from "./odata/odata-routes.ts";
import { writeServiceError } from "./odata/service-error.ts";
import type { Simulation } from "./simulation.ts";
import { writeFault } from "./soap/confirmation.ts";
import { unknownSeverity } from "./soap/soap-routes.ts";

/** JSON members whose loss or wrong content an adapter must notice, most telling first. */
const telling = ["says", "results", "AccountingDocument", "BusinessPartner", "Status", "error"];

export function sapAnswers(simulation: Simulation): SystemAnswers {
  function technical(
    request: FastifyRequest,
    status: number,
    text: string,
    headers: Record<string, string> = {},
  ): Answer {
    const { url } = request;
    if (url.startsWith("/sap/bc/srt/")) {
      return {
        status,
        headers: { "content-type": "text/xml; charset=utf-8", ...headers },
        body: writeFault("receiver", text),
      };
    }
    if (!url.startsWith(odataPrefix)) return accessAnswers.page(status, text, headers);
    const body = writeServiceError(
      { status, number: "/IWFND/CM_MGW/099", text },
      {
        service: resourceOf(url)?.service ?? "",
        now: simulation.now(),
        transactionId: simulation.world().uuid().replaceAll("-", "").toUpperCase(),
        json: true,
      },
    );
    return { status, headers: { "content-type": "application/json;charset=utf-8", ...headers }, body };
  }

  return {
    // Refusals are of single entries, partners and IDocs: the handlers give them.
    rejection: () => null,
    unauthorized: () => accessAnswers.unauthorized(),
    throttled: (seconds, request) =>
      technical(request, 429, "Too many requests", { "retry-after": String(seconds ?? 1) }),
    serverError: (status, request) => technical(request, status ?? 500, "An internal error occurred"),
    // The application server is gone: what answers is what stands before it.
    unavailable: () => accessAnswers.page(503, "Service cannot be reached"),
    unknownStatus(status, answer, request) {
      const { body } = answer;
      if (body.includes("<MaximumLogItemSeverityCode>")) {
        const severity = /<MaximumLogItemSeverityCode>[^<]*</g;
        return {
          ...answer,
          body: body.replace(severity, `<MaximumLogItemSeverityCode>${status ?? unknownSeverity}<`),
        };
      }
      if (body.includes("<STATUS>")) {
        return { ...answer, body: body.replace(/<STATUS>[^<]*</g, `<STATUS>${status ?? "99"}<`) };
      }
      if (request.url.startsWith("/sap/bc/idoc_status")) {
        const unknown = (status ?? "99").padEnd(2).slice(0, 2);
        // After table, client, number, date and time.
        return { ...answer, body: body.replace(/^(EDI_DS40.{35})../gm, `$1${unknown}`) };
      }
      // An asynchronous message is only taken in: its confirmation carries the status.
      if (answer.status === 202 && body === "") return answer;
      const code = Number(status);
      const http = Number.isInteger(code) && code >= 200 && code < 600 ? code : 299;
      const message = {
        code: "Z/000",
        message: "Unknown",
        severity: status ?? "puzzled",
        target: "",
        details: [],
      };
      return {
        ...answer,
        status: http,
        headers: { ...answer.headers, "sap-message": JSON.stringify(message) },
      };
    },
    malformed(variant, answer, request) {
      if (answer.status === 202 && answer.body === "" && request.url.startsWith("/sap/bc/srt/"))
        return answer;
      if (/json/.test(answer.headers["content-type"] ?? "")) return malformedJson(variant, answer, telling);
      return { ...answer, body: malformedXml(variant, answer.body) };
    },
  };
}
