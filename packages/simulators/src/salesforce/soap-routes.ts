import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { CallbackQueue } from "../control/callback-queue.ts";
import { textOf } from "../xml/read-xml.ts";
import { ApiError, refuse } from "./api-error.ts";
import type { OutgoingEvent } from "./event-log.ts";
import { convertLead } from "./lead-conversion.ts";
import { beginWriting, commit, type Org } from "./org.ts";
import { rejectionOf } from "./rejections.ts";
import { bodyOf } from "./request-body.ts";
import { versions } from "./rest-paths.ts";
import {
  convertResult,
  leadConvertsOf,
  readSoapCall,
  type SoapCall,
  soapAnswer,
  soapFault,
} from "./soap-message.ts";

export const soapPath = "/services/Soap/u/:version";
const leadsAllowed = 100;
/** What a conversion can be told here; anything else is refused and not passed over. */
const understood = [
  "leadId",
  "convertedStatus",
  "doNotCreateOpportunity",
  "sendNotificationEmail",
  "overwriteLeadSource",
];

/** The one call of the Partner SOAP interface that REST has nothing for: convertLead. */
export function soapRoutes(current: () => Org, queue: CallbackQueue<OutgoingEvent>): FastifyPluginAsync {
  return async (app) => {
    app.post<{ Params: { version: string } }>(soapPath, {
      // As with REST, a request is admitted before something makes it slow.
      preHandler: async (request, reply) => {
        const org = current();
        try {
          checkVersion(request.params.version);
          const session = org.sessions.session(readSoapCall(bodyOf(request).text)?.sessionId ?? "");
          if (session === null)
            throw refuse("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session");
          org.limits.admit();
          org.sessions.accepted();
          request.sessionUser = session.user;
          reply.raw.once("close", org.limits.working());
        } catch (error) {
          return fault(reply, error);
        }
      },
      handler: async (request, reply) => {
        try {
          const call = readSoapCall(bodyOf(request).text);
          if (call === null) throw refuse("MALFORMED_QUERY", "not an envelope with one call");
          return send(reply, 200, answer(current(), request, call, queue));
        } catch (error) {
          return fault(reply, error);
        }
      },
    });
  };
}

function checkVersion(version: string): void {
  const number = Number(/^(\d+)\.0$/.exec(version)?.[1] ?? 0);
  if (number >= versions.oldest && number <= versions.newest) return;
  throw refuse("UNSUPPORTED_API_VERSION", `Invalid Api version specified on URL: ${version}`);
}

function answer(
  org: Org,
  request: FastifyRequest,
  call: SoapCall,
  queue: CallbackQueue<OutgoingEvent>,
): string {
  if (call.name !== "convertLead") throw refuse("INVALID_OPERATION", `not imitated: ${call.name}`);
  const converts = leadConvertsOf(call);
  if (converts.length > leadsAllowed) throw refuse("EXCEEDED_ID_LIMIT", `at most ${leadsAllowed} leads`);
  const odd = converts
    .flatMap((one) => Object.keys(one))
    .find((name) => !understood.includes(name) && !/^[@#]/.test(name));
  if (odd !== undefined) throw refuse("INVALID_FIELD", `not imitated: ${odd}`);
  if (converts.some((one) => textOf(one, "doNotCreateOpportunity") !== "true")) {
    throw refuse("INVALID_FIELD", "not imitated: opportunities; doNotCreateOpportunity must be true");
  }
  const { reason } = request.call.under("rejection") ?? {};
  const rejection = reason === undefined ? null : rejectionOf(reason);
  // What is not about a lead is not told lead by lead.
  if (rejection !== null && rejection.status !== 400) throw rejection;
  const user = request.sessionUser;
  if (user === undefined) throw new Error("nobody is signed in");
  const writing = beginWriting(org, user.id, rejection);
  const results = converts.map((one) => {
    const savepoint = writing.transaction.savepoint();
    try {
      return convertLead(writing, {
        leadId: textOf(one, "leadId"),
        convertedStatus: textOf(one, "convertedStatus"),
      });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      writing.transaction.rollBack(savepoint);
      return error;
    }
  });
  const { version } = request.params as { version: string };
  const client = call.client === null ? "" : `;client=${call.client}`;
  commit(org, writing, `com/salesforce/api/soap/${version}${client}`, request.call, queue);
  return soapAnswer(call.name, results.map(convertResult).join(""));
}

function fault(reply: FastifyReply, error: unknown): FastifyReply {
  if (!(error instanceof ApiError)) throw error;
  return send(reply, 500, soapFault(error.errorCode, error.message));
}

function send(reply: FastifyReply, status: number, body: string): FastifyReply {
  return reply.code(status).header("content-type", "text/xml; charset=utf-8").send(body);
}
