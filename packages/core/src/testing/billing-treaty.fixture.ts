/** The treaty with the billing system of the tests, and the small system that keeps it. */
import { Agent, type ClientRequestArgs, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { Type } from "typebox";
import type { SystemDefinition } from "../context/definition.ts";
import type { Entry, JsonObject, NewEntry } from "../model/entry.ts";
import { runbookEntries, sheetTextEntries, treatyQuestions } from "../treaty/contract-sheet.ts";
import { notSent } from "../treaty/reach.ts";
import { defineTreaty, type HandOffTreaty, type Means, type Reply } from "../treaty/treaty.ts";
import type { Outside } from "../treaty/work-treaties.ts";
import { apiToken, type Counterparty, callbackSecret } from "./counterparty.fixture.ts";
import { fact } from "./entries.fixture.ts";

const text = <Name extends string>(names: readonly Name[]): Record<Name, string> =>
  Object.fromEntries(names.map((name) => [name, `Says ${name}.`])) as Record<Name, string>;

export interface BillingOptions {
  readonly counterparty: Counterparty;
  readonly name?: string;
  readonly target?: string;
  readonly purpose?: string;
  readonly facts?: readonly string[];
  readonly times?: Partial<HandOffTreaty["times"]>;
  readonly limits?: Partial<HandOffTreaty["limits"]>;
  readonly over?: Partial<HandOffTreaty>;
}

/** Keeps connections, opened by the means of the call that needs one. */
class KeepingAgent extends Agent {
  override createConnection(options: ClientRequestArgs): Socket {
    return (options as ClientRequestArgs & { readonly wayOut: Means["connect"] }).wayOut(options);
  }
}

/** For tests in which something gets lost: how soon that is noticed, and when a lost request cannot arrive any more. */
export const hasty = { answerWithinMs: 500, inFlightMs: 600 };

/** Works through everything quickly, and waits for answers as long as the slowest machine needs: see `hasty`. */
export function billingTreaty(options: BillingOptions): HandOffTreaty {
  const { counterparty, name = "billing-activation", target = "billing" } = options;
  const { inFlightMs = 20_000 } = options.times ?? {};
  const agent = new KeepingAgent({ keepAlive: true, maxSockets: 512 });
  const call = (
    method: string,
    path: string,
    body: object | null,
    means: Means,
    messageId: string,
  ): Promise<Reply> =>
    new Promise((resolve, reject) => {
      void means.secret("api-token").then((token) => {
        const outgoing = httpRequest(
          `http://localhost:${counterparty.port}${path}`,
          {
            method,
            agent,
            ...({ wayOut: means.connect } as object),
            signal: means.signal,
            headers: {
              authorization: `Bearer ${token}`,
              "message-id": messageId,
              "content-type": "application/json",
            },
          },
          (response) => {
            const chunks: Buffer[] = [];
            response.on("data", (chunk: Buffer) => chunks.push(chunk));
            response.on("error", reject);
            response.on("end", () => {
              const raw = Buffer.concat(chunks).toString();
              const retry = response.headers["retry-after"];
              resolve({
                status: `${response.statusCode}${retry === undefined ? "" : `;${retry}`}`,
                raw,
                body: parsed(raw),
              });
            });
          },
        );
        outgoing.on("error", (error: NodeJS.ErrnoException) =>
          reject(error.code === "ECONNREFUSED" || error.code === "ENOTFOUND" ? notSent(error) : error),
        );
        outgoing.end(body === null ? undefined : JSON.stringify(body));
      }, reject);
    });
  const treaty = defineTreaty({
    name,
    version: "1.0.0",
    kind: "command-with-callback",
    target,
    purpose: options.purpose ?? "activate",
    sheet: text(sheetTextEntries),
    runbook: { ...text(runbookEntries), businessOwner: "billing-desk" },
    answers: text(treatyQuestions),
    style: {
      userWaitsForTheAnswer: false,
      runsLong: true,
      counterpartyMayBeAway: true,
      hasAnEffect: true,
      staleAnswerWillDo: false,
      flowNeedsTheResult: true,
    },
    credentials: ["api-token", "callback-secret"],
    input: Type.Object({ amount: Type.Integer() }),
    output: Type.Object({ status: Type.String(), reference: Type.Optional(Type.String()) }),
    errorMap: {
      E10: { class: "BUSINESS_REJECTED", means: "The account is closed." },
      E40: { class: "TECHNICAL_RETRYABLE", means: "Not taken: busy." },
      "401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "Token refused." },
    },
    factsFrom: ["orders"],
    facts: options.facts ?? ["orders.billing-ready", "orders.cancelled"],
    request: (entry: Entry) =>
      entry.type === "orders.cancelled"
        ? []
        : [
            {
              aggregateType: "order",
              aggregateId: String(entry.data.orderId),
              line: String(entry.data.line ?? "1"),
              data: { amount: entry.data.amount as number },
            },
          ],
    withdraws: (entry: Entry) =>
      entry.type === "orders.cancelled"
        ? [
            {
              aggregateType: "order",
              aggregateId: String(entry.data.orderId),
              line: String(entry.data.line ?? "1"),
            },
          ]
        : [],
    send: (dispatch, means) =>
      call(
        "POST",
        "/acts",
        {
          key: dispatch.idempotencyKey,
          requestHash: dispatch.requestHash,
          // So that "not here" can be believed once inFlightMs is over, however long the request lay in a queue.
          validUntil: Date.now() + inFlightMs - 100,
          data: dispatch.data,
          ...(dispatch.rows.length === 0 ? {} : { rows: dispatch.rows.map((row) => row.idempotencyKey) }),
        },
        means,
        dispatch.messageId,
      ),
    inquire: (question, means) => {
      const query = new URLSearchParams({ key: question.idempotencyKey });
      for (const row of question.rowKeys) query.append("row", row);
      return call("GET", `/acts?${query}`, null, means, question.handOffId);
    },
    translate: ({ body, status }) => {
      if (status.startsWith("401")) return { says: "code", code: "401" };
      const said = body as {
        status?: string;
        code?: string;
        text?: string;
        reference?: string;
        requestHash?: string;
        rows?: { key: string; status: string }[];
      };
      const wait = Number(status.split(";")[1] ?? 0) * 1_000;
      if (said.code !== undefined)
        return {
          says: "code",
          code: said.code,
          label: said.text ?? "",
          ...(wait > 0 ? { retryAfterMs: wait } : {}),
        };
      const rows = said.rows?.map((row) =>
        row.status === "DONE"
          ? { key: row.key, says: "completed" as const }
          : row.status === "NONE"
            ? { key: row.key, says: "not-known" as const }
            : { key: row.key, says: "code" as const, code: row.status },
      );
      const more = {
        ...(said.reference === undefined ? {} : { reference: said.reference }),
        ...(rows === undefined ? {} : { rows }),
      };
      if (said.status === "DONE") return { says: "completed", code: said.status, ...more };
      if (said.status === "PENDING") return { says: "accepted", code: said.status, ...more };
      if (said.status === "NONE") return { says: "not-known" };
      if (said.status === "REFUSED") return { says: "code", code: "E10" };
      throw new Error(`cannot read ${JSON.stringify(body)}`);
    },
    callback: {
      schema: Type.Object({ tenantId: Type.String(), key: Type.String(), status: Type.String() }),
      verification: { scheme: "standard-webhooks", secrets: ["callback-secret"] },
      identify: (body) => {
        const { tenantId, key } = body as { tenantId: string; key: string };
        return { tenantId, reference: key };
      },
    },
    times: {
      answerWithinMs: 20_000,
      retryFirstMs: 20,
      retryLongestMs: 200,
      inFlightMs,
      resultWithinMs: 2_000,
      reconcileEveryMs: 1_500,
      personAfterMs: 60_000,
      ...options.times,
    },
    limits: {
      concurrency: 64,
      ratePerSecond: 5_000,
      triesAllowed: 4,
      circuitFailures: 10,
      circuitOpenMs: 100,
      ...options.limits,
    },
    order: "none",
  });
  return { ...(treaty as HandOffTreaty), ...options.over };
}

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return raw;
  }
}

/** Tokens of the tests, and a way to the loopback address. */
export function outside(treaties: readonly HandOffTreaty[], over: Partial<Outside> = {}): Outside {
  return {
    secret: (_treaty, name) => (name === "api-token" ? apiToken : callbackSecret),
    egress: Object.fromEntries(
      treaties.map(({ name }) => [name, { privateRanges: ["127.0.0.0/8", "::1/128"] }]),
    ),
    ...over,
  };
}

/** A front that accepts, and orders that keep treaties. */
export function ordersSystem(name: string, treaties: readonly HandOffTreaty[]): SystemDefinition {
  return {
    name,
    contexts: [
      { name: "front", intake: { processes: [], factsFrom: ["orders"] } },
      { name: "orders", treaties },
    ],
  };
}

/** A line is ready to be billed. */
export function billingReady(orderId: string, said: Partial<NewEntry> = {}, data: JsonObject = {}): NewEntry {
  return fact({
    type: "orders.billing-ready",
    source: "orders",
    key: orderId,
    data: { orderId, line: "1", amount: 5, ...data },
    ...said,
  });
}
