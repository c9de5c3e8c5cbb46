import type { FastifyRequest } from "fastify";
import type { BehaviourOf } from "../control/behaviour.ts";
import { malformedJson } from "../control/malformed-json.ts";
import type { Answer, SystemAnswers } from "../control/simulator-system.ts";
import { ApiError, errorBody } from "./api-error.ts";
import { unauthenticated } from "./cometd-routes.ts";
import { bearerOf } from "./oauth-routes.ts";
import type { Org } from "./org.ts";
import { tokenRejection } from "./rejections.ts";
import { bodyOf } from "./request-body.ts";
import { readSoapCall, soapFault } from "./soap-message.ts";
import type { BayeuxMessage } from "./streaming-clients.ts";

/** What Salesforce says when it is told to misbehave: in the shape of the interface that was asked. */
export function simulatedAnswers(current: () => Org): SystemAnswers {
  const limitInfo = () => ({ "sforce-limit-info": current().limits.usage() });
  const refused = (status: number, errorCode: string, message: string): Answer =>
    json(status, errorBody(new ApiError(status, { errorCode, message })), limitInfo());

  return {
    // Records are refused by the routes, each in the shape of its request.
    rejection({ reason }) {
      const token = tokenRejection(reason);
      return token === null ? null : json(400, token);
    },
    unauthorized(request) {
      const { operation } = request.call.subject;
      if (operation === "stream") return bayeux(request, (message) => unauthenticated(message));
      if (operation === "issue-token") {
        return json(400, { error: "invalid_client", error_description: "invalid client credentials" });
      }
      const { sessions } = current();
      if (operation === convertLead) {
        sessions.reject(readSoapCall(bodyOf(request).text)?.sessionId ?? "");
        return fault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session");
      }
      const token = bearerOf(request) ?? "";
      const renewedInVain = sessions.renewedInVain(token);
      sessions.reject(token);
      // jsforce renews its token after every 401, for ever: one that was renewed in vain is told in words that stop it.
      const message = renewedInVain
        ? "This session is not valid for use with the REST API"
        : "Session expired or invalid";
      return refused(401, "INVALID_SESSION_ID", message);
    },
    throttled(_retryAfterSeconds, request) {
      const { operation } = request.call.subject;
      if (operation === "stream") {
        return failing(request, "403::Organization total events daily limit exceeded", { reconnect: "none" });
      }
      if (operation === "issue-token") {
        return json(400, { error: "invalid_grant", error_description: "login rate exceeded" });
      }
      if (operation === convertLead) return fault("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
      return refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
    },
    serverError(status, request) {
      if (request.call.subject.operation === "stream") {
        return failing(request, `${status ?? 500}::Internal error`, { reconnect: "retry", interval: 1_000 });
      }
      if (request.call.subject.operation === convertLead) {
        return status === null || status === 500
          ? fault("UNKNOWN_EXCEPTION", "An unexpected error occurred.")
          : { ...fault("SERVER_UNAVAILABLE", "Server is unavailable"), status };
      }
      if (status !== null && status !== 500)
        return refused(status, "SERVER_UNAVAILABLE", "Server is unavailable");
      return refused(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred.");
    },
    unavailable: () => refused(503, "SERVER_UNAVAILABLE", "Server is unavailable"),
    unknownStatus(status, answer, request) {
      const unlisted = status ?? "UNLISTED_STATUS";
      if (request.call.subject.operation === convertLead)
        return fault(unlisted, "A status that no documentation lists.");
      const read = withStatus(answer.body, unlisted);
      if (read !== null) return { ...answer, body: read };
      return refused(400, unlisted, "A status that no documentation lists.");
    },
    malformed: (variant, answer, request) =>
      request.call.subject.operation === convertLead
        ? malformedSoap(variant, answer)
        : malformedJson(variant, answer, [
            "access_token",
            "id",
            "success",
            "records",
            "totalSize",
            "compositeResponse",
            "Id",
            "clientId",
          ]),
  };
}

const convertLead = "convert-lead";

function fault(code: string, message: string): Answer {
  const headers = { "content-type": "text/xml; charset=utf-8" };
  return { status: 500, headers, body: soapFault(code, message) };
}

/** Cut in the middle, without its `success`, or with a word there that is no boolean. */
function malformedSoap(variant: BehaviourOf<"malformed">["variant"], answer: Answer): Answer {
  const { body } = answer;
  if (variant === "not-json") return { ...answer, body: body.slice(0, Math.ceil(body.length / 2)) };
  const spoilt = variant === "missing-field" ? "" : "<success>many</success>";
  return { ...answer, body: body.replace(/<success>[^<]*<\/success>/g, spoilt) };
}

/** A record that was read, with another word in its status; null: there is none in the answer. */
function withStatus(body: string, status: string): string | null {
  const pattern = /"Status__c":"[^"]*"/g;
  return pattern.test(body) ? body.replace(pattern, `"Status__c":${JSON.stringify(status)}`) : null;
}

function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json;charset=UTF-8", ...headers },
    body: JSON.stringify(body),
  };
}

/** CometD tells failures inside the messages; its clients read no others. */
function bayeux(request: FastifyRequest, react: (message: BayeuxMessage) => BayeuxMessage): Answer {
  const messages = [bodyOf(request).json ?? []].flat() as unknown as readonly BayeuxMessage[];
  return json(200, messages.map(react));
}

function failing(request: FastifyRequest, error: string, advice: object): Answer {
  return bayeux(request, (message) => ({ ...unauthenticated(message), error, advice }));
}
