import {
  type Dispatch,
  type DomainCommand,
  defineTreaty,
  type Entry,
  type HandOffNews,
  type HandOffRequest,
  type HandOffTreaty,
  type Means,
  type Question,
  type Reply,
} from "@entente/core";
import { type Static, Type } from "typebox";
import { Identifier } from "../../contexts/gateway/contract/identifier.ts";
import { CycleMonth, Units } from "../../contexts/subscription/contract/quantities.ts";
import {
  type NoteQuotaAnswer,
  noteQuotaAnswer,
  noteQuotaReturn,
  type QuotaAnswer,
  type QuotaAsked,
  type QuotaLent,
  type QuotaRecalled,
  type QuotaRestored,
  quotaAsked,
  quotaLent,
  quotaRecalled,
  quotaRestored,
} from "../../contexts/subscription/contract/quota-keeper.ts";
import { type HttpAnswer, httpCall } from "../http-call.ts";
import { basic } from "../sap-ledger/communication-user.ts";
import { quotaErrors } from "./quota-errors.ts";
import { quotaAnswersOfTreaty, quotaRunbook, quotaSheet, quotaStyle } from "./quota-sheet.ts";

const path = "/sap/bc/flux/quota";

/** What is put to them; `asked`: the question in our own words, to be told with its answer. */
const QuotaRequest = Type.Object({
  act: Type.Enum(["ask", "lend", "recall", "restore"]),
  accountId: Identifier,
  cycle: CycleMonth,
  units: Units,
  quotaUnits: Units,
  onDemandUnitsAllowed: Units,
  takenUnits: Units,
  asked: Type.Union([quotaAsked.schema, Type.Null()]),
});
type QuotaRequest = Static<typeof QuotaRequest>;

const Decided = Type.Object({
  key: Type.String(),
  decision: Type.Union([Type.Integer(), Type.Null()]),
  says: Type.Enum(["taken", "exceeded", "not-here", "kept", "released", "restored"]),
  fromQuota: Units,
  cycle: CycleMonth,
  takenUnits: Units,
});
type Decided = Static<typeof Decided>;
const Refused = Type.Object({ error: Type.Object({ code: Type.String(), message: Type.String() }) });
const NotKnown = Type.Object({ key: Type.String(), says: Type.Literal("not-known") });
/** Null: not an answer of the service but of what stands before it. */
const Said = Type.Object({ said: Type.Union([Decided, Refused, NotKnown, Type.Null()]) });
type Said = Static<typeof Said>;

/**
 * Asks SAP about the quota of accounts that it still keeps, and tells it which accounts it keeps and keeps no more. `url`: SAP's, without a path.
 * Of one account everything is sent in the order of its facts, each once the one before it has its answer: a question that comes after the
 * recall is answered "not here", and its answer comes after the return.
 */
export function sapQuota(url: string): HandOffTreaty {
  return defineTreaty({
    name: "sap-quota",
    version: "1.0.0",
    kind: "command-with-callback",
    target: "sap",
    purpose: "quota",
    sheet: quotaSheet,
    runbook: quotaRunbook,
    answers: quotaAnswersOfTreaty,
    style: quotaStyle,
    errorMap: quotaErrors,
    credentials: ["user", "password"],
    input: QuotaRequest,
    output: Said,
    factsFrom: ["subscription"],
    facts: [quotaAsked.type, quotaLent.type, quotaRestored.type, quotaRecalled.type],
    request: requestOf,
    send: (dispatch, means) => decide(url, dispatch, means),
    inquire: (question, means) => lookFor(url, question, means),
    translate({ status, body }) {
      const { said } = body as Said;
      if (said === null) return { says: "code", code: status };
      if ("error" in said) return { says: "code", code: said.error.code };
      if (said.says === "not-known") return { says: "not-known" };
      return { says: "completed", reference: referenceOf(said) };
    },
    tells: tellOfQuota,
    times: {
      answerWithinMs: 10_000,
      retryFirstMs: 1_000,
      retryLongestMs: 60_000,
      inFlightMs: 30_000,
      resultWithinMs: 60 * 60_000,
      reconcileEveryMs: 60_000,
      personAfterMs: 4 * 3_600_000,
    },
    limits: {
      concurrency: 16,
      ratePerSecond: 200,
      triesAllowed: 100,
      circuitFailures: 5,
      circuitOpenMs: 5_000,
    },
    order: "per-key",
  }) as unknown as HandOffTreaty;
}

const nothing = { units: 0, quotaUnits: 0, onDemandUnitsAllowed: 0, takenUnits: 0, asked: null };

function requestOf({ type, data }: Entry): readonly HandOffRequest<QuotaRequest>[] {
  switch (type) {
    case quotaAsked.type: {
      const asked = data as QuotaAsked;
      const { accountId, processId, cycle, units, quotaUnits, onDemandUnitsAllowed } = asked;
      const request = { ...nothing, accountId, cycle, units, quotaUnits, onDemandUnitsAllowed, asked };
      return [
        { aggregateType: "top-up", aggregateId: processId, line: null, data: { act: "ask", ...request } },
      ];
    }
    case quotaRestored.type: {
      const { accountId, undoneProcessId, cycle, units } = data as QuotaRestored;
      const request = { ...nothing, accountId, cycle, units };
      return [
        {
          aggregateType: "top-up",
          aggregateId: undoneProcessId,
          line: "undo",
          data: { act: "restore", ...request },
        },
      ];
    }
    case quotaLent.type: {
      const { accountId, cycle, takenUnits } = data as QuotaLent;
      const request = { ...nothing, accountId, cycle, takenUnits };
      return [
        { aggregateType: "account", aggregateId: accountId, line: "lent", data: { act: "lend", ...request } },
      ];
    }
    case quotaRecalled.type: {
      const { accountId, cycle } = data as QuotaRecalled;
      const request = { ...nothing, accountId, cycle };
      return [
        {
          aggregateType: "account",
          aggregateId: accountId,
          line: "recalled",
          data: { act: "recall", ...request },
        },
      ];
    }
    default:
      return [];
  }
}

async function decide(url: string, dispatch: Dispatch<QuotaRequest>, means: Means): Promise<Reply<Said>> {
  const { idempotencyKey: key, tenantId: tenant, data } = dispatch;
  const { accountId: account, asked: _ours, ...question } = data;
  const authorization = await basic(means);
  const headers = { authorization, "content-type": "application/json" };
  const body = JSON.stringify({ key, tenant, account, ...question });
  return replyOf(await httpCall({ url: url + path, method: "POST", headers, body }, means));
}

async function lookFor(url: string, { idempotencyKey: key }: Question, means: Means): Promise<Reply<Said>> {
  const headers = { authorization: await basic(means) };
  const query = new URLSearchParams({ key });
  return replyOf(await httpCall({ url: `${url}${path}?${query}`, method: "GET", headers }, means));
}

/** Errors: thrown for JSON that is none: it may have been decided. */
function replyOf({ status, headers, text }: HttpAnswer): Reply<Said> {
  const isTheirs = [200, 400, 404, 422].includes(status) && /\bjson\b/.test(headers["content-type"] ?? "");
  const said = isTheirs ? (JSON.parse(text) as Said["said"]) : null;
  return { status: String(status), raw: text, body: { said } };
}

/** Their decision in a line, kept as their name for it: the number, the word and the figures that belong to it. */
function referenceOf({ decision, says, fromQuota, cycle, takenUnits }: Decided): string {
  const figures = { taken: ` ${fromQuota}`, released: ` ${cycle} ${takenUnits}` } as Readonly<
    Record<string, string>
  >;
  return `${decision ?? "-"} ${says}${figures[says] ?? ""}`;
}

/** What the account is told: the answer to a question, and that its quota is back. What a person says was done without their word is no answer. */
function tellOfQuota({ handOff, request, to }: HandOffNews): readonly DomainCommand[] {
  if (request === null) return [];
  const { act, accountId, asked } = request as unknown as QuotaRequest;
  const [, says, ...figures] = (handOff.externalReference ?? "").split(" ");
  if (act === "recall" && to === "completed" && says === "released") {
    const [cycle = "", takenUnits] = figures;
    return [command(noteQuotaReturn, accountId, { accountId, cycle, takenUnits: Number(takenUnits) })];
  }
  if (asked === null || (to !== "completed" && to !== "cancelled")) return [];
  const answer = to === "completed" && isAnswer(says) ? says : "unanswered";
  const fundedFromQuota = answer === "taken" ? Number(figures[0]) : 0;
  const data: NoteQuotaAnswer = { ...asked, answer, fundedFromQuota };
  return [command(noteQuotaAnswer, accountId, data)];
}

function isAnswer(text: string | undefined): text is QuotaAnswer {
  return text === "taken" || text === "exceeded" || text === "not-here";
}

function command(
  { type, schemaVersion }: { readonly type: string; readonly schemaVersion: string },
  key: string,
  data: DomainCommand["data"],
): DomainCommand {
  return { type, schemaVersion, key, data };
}
