import { Failure, isFailure, type Means, type Reply } from "@entente/core";
import { type HttpAnswer, type HttpCall, httpCall } from "../http-call.ts";
import { apiCalls } from "./salesforce-org.ts";

/** Version of their interface that all of this was written against. */
export const apiVersion = "67.0";
/** Below this stands every REST resource. */
export const dataPath = `/services/data/v${apiVersion}`;

/** Names of the secrets every treaty with Salesforce uses: a connected app that runs as the integration user. */
export const salesforceCredentials = ["clientId", "clientSecret"] as const;

export interface SalesforceCall {
  /** What kind of call it is, for the count against their allowance; null: it is none that they count. */
  readonly operation: string | null;
  readonly method: HttpCall["method"];
  /** Path with query, from the host on. */
  readonly path: string;
  readonly body?: object;
  /** Instead of a body: a SOAP message, in which the token stands. */
  readonly envelope?: (token: string) => string;
}

/**
 * Signs in and calls. The answer to a sign-in that is refused is handed back as it came: its code is on the error map.
 * Errors: a sign-in without an answer is `request-not-sent` (unavailable), since nothing of the call itself has left.
 */
export async function callSignedIn(origin: string, call: SalesforceCall, means: Means): Promise<Reply> {
  return whileSignedIn(origin, means, async (ask) => replyOf(await ask(call)));
}

/** The same for what takes more than one call: all of them in one session. */
export async function whileSignedIn(
  origin: string,
  means: Means,
  act: (call: (call: SalesforceCall) => Promise<HttpAnswer>) => Promise<Reply>,
): Promise<Reply> {
  const signedIn = await signIn(origin, means);
  if ("refusal" in signedIn) return signedIn.refusal;
  return act((call) => send(origin, call, signedIn.token, means));
}

/** A token kept between calls, for what only reads. Renewed once when they do not know it any more: they end sessions as they like. */
export interface SalesforceSession {
  /** Errors: `salesforce-refused` (unavailable) when they do not sign us in. */
  call(call: SalesforceCall, means: Means): Promise<HttpAnswer>;
  /** Signs in anew before the next call. */
  forget(): void;
}

export function openSession(origin: string): SalesforceSession {
  let token: string | null = null;
  const fresh = async (means: Means): Promise<string> => {
    const signedIn = await signIn(origin, means);
    if ("refusal" in signedIn) throw refused(codeOf(signedIn.refusal.body) ?? signedIn.refusal.status);
    token = signedIn.token;
    return token;
  };
  return {
    forget() {
      token = null;
    },
    async call(call, means) {
      const answer = await send(origin, call, token ?? (await fresh(means)), means);
      return answer.status === 401 ? send(origin, call, await fresh(means), means) : answer;
    },
  };
}

/** They answered, but not what was asked for. Nothing has changed over there. */
export function refused(code: string): Failure {
  return new Failure("unavailable", "salesforce-refused", `Salesforce refused to be read: ${code}.`, {
    fields: { externalCode: code },
  });
}

/** The first code in any of the shapes their refusals have. */
export function codeOf(body: unknown): string | null {
  const first = Array.isArray(body) ? body[0] : body;
  const { errorCode, error, statusCode } = (first ?? {}) as Readonly<Record<string, unknown>>;
  const code = errorCode ?? statusCode ?? error;
  return typeof code === "string" ? code : null;
}

export function jsonOf(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

export function replyOf({ status, text }: HttpAnswer): Reply {
  return { status: String(status), raw: text, body: jsonOf(text) };
}

async function send(
  origin: string,
  { operation, method, path, body, envelope }: SalesforceCall,
  token: string,
  means: Means,
): Promise<HttpAnswer> {
  const headers =
    envelope === undefined
      ? {
          authorization: `Bearer ${token}`,
          accept: "application/json",
          "sforce-call-options": "client=entente",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        }
      : { "content-type": "text/xml; charset=utf-8", soapaction: '""' };
  const content = envelope?.(token) ?? (body === undefined ? undefined : JSON.stringify(body));
  const more = content === undefined ? {} : { body: content };
  const count = (): void => {
    if (operation !== null) means.count(apiCalls, operation);
  };
  let answer: HttpAnswer;
  try {
    answer = await httpCall({ url: `${origin}${path}`, method, headers, ...more }, means);
  } catch (error) {
    // What may have arrived counts; what certainly did not leave has cost nothing.
    if (!isFailure(error)) count();
    throw error;
  }
  if (isCounted(answer)) count();
  return answer;
}

/** They count what they let in: not a session they do not know, nor what they refuse because the day is used up. */
function isCounted({ status, text }: HttpAnswer): boolean {
  if (status === 500) return !/<faultcode>\w+:(?:INVALID_SESSION_ID|REQUEST_LIMIT_EXCEEDED)</.test(text);
  return status !== 401 && !(status === 403 && codeOf(jsonOf(text)) === "REQUEST_LIMIT_EXCEEDED");
}

async function signIn(
  origin: string,
  means: Means,
): Promise<{ readonly token: string } | { readonly refusal: Reply }> {
  const [clientId, clientSecret] = await Promise.all([
    means.secret("clientId"),
    means.secret("clientSecret"),
  ]);
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: clientSecret,
  });
  let answer: HttpAnswer;
  try {
    answer = await httpCall(
      {
        url: `${origin}/services/oauth2/token`,
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
        body: form.toString(),
      },
      means,
    );
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure("unavailable", "request-not-sent", "Salesforce did not answer the sign-in.", { cause });
  }
  const { access_token: token } = (jsonOf(answer.text) ?? {}) as { readonly access_token?: unknown };
  if (answer.status === 200 && typeof token === "string") return { token };
  // What came may be anything, and may hold a token: it is told by its status and code alone.
  const code = codeOf(jsonOf(answer.text));
  if (answer.status >= 500 || code === null) throw refused(code ?? String(answer.status));
  return { refusal: { status: String(answer.status), raw: code, body: [{ errorCode: code }] } };
}
