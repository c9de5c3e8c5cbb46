/** The treaty with the system that takes orders, right and with one thing wrong at a time. */
import { request as httpRequest } from "node:http";
import {
  defineTreaty,
  type HandOffTreaty,
  isFailure,
  type Means,
  notSent,
  type Reply,
  runbookEntries,
  sheetTextEntries,
  treatyQuestions,
} from "@entente/core";
import { Type } from "typebox";

const says = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, `Says ${name}.`])) as Record<Name, string>;

/** Headers and body over a connection that goes where the treaty may go. */
export function call(
  url: string,
  method: string,
  path: string,
  body: object | string | null,
  means: Means,
  more: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    void means.secret("token").then((token) => {
      const outgoing = httpRequest(
        `${url}${path}`,
        {
          method,
          createConnection: means.connect,
          signal: means.signal,
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...more },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const raw = Buffer.concat(chunks).toString();
            try {
              resolve({ status: String(response.statusCode), raw, body: JSON.parse(raw) });
            } catch {
              resolve({ status: String(response.statusCode), raw, body: raw });
            }
          });
        },
      );
      outgoing.on("error", (error: NodeJS.ErrnoException) =>
        reject(error.code === "ECONNREFUSED" ? notSent(error) : error),
      );
      outgoing.end(body === null ? undefined : typeof body === "string" ? body : JSON.stringify(body));
    }, reject);
  });
}

export function oddTreaty(url: string): HandOffTreaty {
  return defineTreaty({
    name: "odd-orders",
    version: "1.0.0",
    kind: "command-with-callback",
    target: "odd",
    purpose: "order",
    sheet: says(sheetTextEntries),
    runbook: says(runbookEntries),
    answers: says(treatyQuestions),
    style: {
      userWaitsForTheAnswer: false,
      runsLong: true,
      counterpartyMayBeAway: true,
      hasAnEffect: true,
      staleAnswerWillDo: false,
      flowNeedsTheResult: true,
    },
    credentials: ["token", "callback-secret"],
    input: Type.Object({ units: Type.Integer() }),
    output: Type.Object({ status: Type.String(), reference: Type.Optional(Type.String()) }),
    errorMap: {
      CLOSED: { class: "BUSINESS_REJECTED", means: "The account is closed." },
      "TOO-MANY": { class: "BUSINESS_REJECTED", means: "More than they deliver." },
      "401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "Token refused." },
    },
    factsFrom: ["shop"],
    facts: ["shop.paid"],
    request: ({ data }) => [
      {
        aggregateType: "order",
        aggregateId: String(data.orderId),
        line: null,
        data: { units: data.units as number },
      },
    ],
    send: ({ idempotencyKey, tenantId, data }, means) =>
      call(url, "POST", "/orders", { key: idempotencyKey, tenantId, ...data }, means),
    inquire: ({ idempotencyKey }, means) =>
      call(url, "GET", `/orders?${new URLSearchParams({ key: idempotencyKey })}`, null, means),
    translate: ({ body, status }) => {
      if (status === "401") return { says: "code", code: "401" };
      const said = body as { status?: unknown; code?: unknown; reference?: string };
      if (typeof said.code === "string") return { says: "code", code: said.code };
      const more = typeof said.reference === "string" ? { reference: said.reference } : {};
      switch (said.status) {
        case "DONE":
          return { says: "completed", ...more };
        case "PENDING":
          return { says: "accepted", ...more };
        case "NONE":
          return { says: "not-known" };
        default:
          throw new Error(`no such status: ${String(said.status)}`);
      }
    },
    callback: {
      schema: Type.Object({
        tenantId: Type.String(),
        key: Type.String(),
        id: Type.String(),
        status: Type.String(),
      }),
      verification: { scheme: "timestamped-hmac", header: "x-odd-signature", secrets: ["callback-secret"] },
      identify: (body) => {
        const { tenantId, key, id } = body as { tenantId: string; key: string; id: string };
        return { tenantId, reference: key, messageId: id };
      },
    },
    times: {
      answerWithinMs: 30_000,
      retryFirstMs: 2_000,
      retryLongestMs: 60_000,
      inFlightMs: 30_000,
      resultWithinMs: 15 * 60_000,
      reconcileEveryMs: 15 * 60_000,
      personAfterMs: 4 * 3_600_000,
    },
    limits: {
      concurrency: 8,
      ratePerSecond: 100,
      triesAllowed: 5,
      circuitFailures: 5,
      circuitOpenMs: 30_000,
    },
    order: "none",
  }) as HandOffTreaty;
}

/** Each wrong in one way that treaties are wrong in. */
export const plantedBugs = {
  none: (treaty: HandOffTreaty) => treaty,
  "takes silence for failure": (treaty: HandOffTreaty): HandOffTreaty => ({
    ...treaty,
    send: (dispatch, means) =>
      treaty.send(dispatch, { ...means, signal: AbortSignal.timeout(600) }).catch((error: unknown) => {
        throw isFailure(error) ? error : notSent(error);
      }),
  }),
  "makes a new key for every sending": (treaty: HandOffTreaty): HandOffTreaty => ({
    ...treaty,
    send: (dispatch, means) =>
      treaty.send(
        dispatch.tries === 1 ? dispatch : { ...dispatch, idempotencyKey: `again-${dispatch.messageId}` },
        means,
      ),
  }),
  "trusts recorded callbacks": (treaty: HandOffTreaty): HandOffTreaty => {
    const { callback } = treaty;
    if (callback === undefined) throw new Error("it has callbacks");
    const verification = { ...callback.verification, toleranceMs: 365 * 86_400_000 };
    return { ...treaty, callback: { ...callback, verification } };
  },
  /** Its secret is the empty one, which everybody has. The counterparty is started with the same. */
  "trusts unsigned callbacks": (treaty: HandOffTreaty) => treaty,
  "repeats without asking": (treaty: HandOffTreaty): HandOffTreaty => ({
    ...treaty,
    inquire: async () => ({ status: "404", raw: "{}", body: { status: "NONE" } }),
  }),
} as const;

export type PlantedBug = keyof typeof plantedBugs;
