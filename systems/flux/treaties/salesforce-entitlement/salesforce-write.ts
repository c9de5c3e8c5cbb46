import {
  type DomainCommand,
  defineTreaty,
  type Entry,
  type ErrorMap,
  type HandOffNews,
  type HandOffTreaty,
  type JsonObject,
  type Reply,
  type Runbook,
  type SheetText,
  type Subject,
  type Translation,
  type TreatyAnswers,
  type TreatyLimits,
  type TreatyStyle,
  type TreatyTimes,
} from "@entente/core";
import { handOffKey } from "@entente/core/model";
import { type TSchema, Type } from "typebox";
import type { HttpAnswer } from "../http-call.ts";
import { budgetsOfOrg, type SalesforceOrg } from "./salesforce-org.ts";
import {
  callSignedIn,
  codeOf,
  dataPath,
  type SalesforceCall,
  salesforceCredentials,
  whileSignedIn,
} from "./salesforce-session.ts";
import { soqlQuery, soqlText } from "./soql.ts";

/** Without a tenant the org is everybody's who asks: for tests of the treaties alone. */
export type WrittenOrg = Omit<SalesforceOrg, "tenantId"> & { readonly tenantId?: string };

/** Where our key stands in their record: by it a write is found again. */
export interface Mark {
  readonly object: string;
  readonly field: string;
  /** Longest text the field holds. */
  readonly longest: number;
}

/** What one write at Salesforce is about; all else every write has in common. */
export interface SalesforceWrite<Wanted extends object> {
  readonly name: string;
  readonly purpose: string;
  readonly relation?: NonNullable<HandOffTreaty["relation"]>;
  readonly sheet: SheetText;
  readonly runbook: Runbook;
  readonly answers: TreatyAnswers;
  readonly errorMap: ErrorMap;
  /** The context whose facts lead to it. */
  readonly context: string;
  readonly facts: readonly string[];
  readonly input: TSchema;
  readonly output: TSchema;
  readonly mark: Mark;
  wanted(fact: Entry): Omit<Subject, "line"> & { readonly data: Wanted };
  /** Writes once, in one session, with our key in the field of the mark. */
  write(wanted: Wanted, ourKey: string, ask: (call: SalesforceCall) => Promise<HttpAnswer>): Promise<Reply>;
  /** What the answer to the writing says. Errors: thrown for one that says something else than that it was done. */
  written(body: unknown): Translation;
  /** What is read of a marked record, and under which kind of call; and what it says. */
  readonly lookFor: { readonly operation: string; readonly fields: readonly string[] };
  found(record: Readonly<Record<string, unknown>>): Translation;
  tells(news: HandOffNews): readonly DomainCommand[];
  readonly times: TreatyTimes;
  readonly limits: TreatyLimits;
  readonly order: HandOffTreaty["order"];
}

const style: TreatyStyle = {
  userWaitsForTheAnswer: false,
  runsLong: false,
  counterpartyMayBeAway: true,
  hasAnEffect: true,
  staleAnswerWillDo: false,
  flowNeedsTheResult: true,
};

const attemptsFitting = 99;

/**
 * One write at Salesforce: sent within one session, marked with our key, and found again by that mark alone. What they have no record of
 * was not done; whatever they say in an error is a code for the map.
 */
export function salesforceWrite<Wanted extends object>(
  { origin, tenantId: ofOrg, ...allowed }: WrittenOrg,
  { context, mark, lookFor, ...own }: SalesforceWrite<Wanted>,
): HandOffTreaty {
  const { name, purpose, relation, sheet, runbook, answers, errorMap, facts, input, output } = own;
  const { times, limits, order } = own;
  const target = "salesforce";
  return defineTreaty({
    name,
    version: "1.0.0",
    kind: "command-with-callback",
    target,
    ...(relation === undefined ? {} : { relation }),
    purpose,
    sheet,
    runbook,
    answers,
    style,
    errorMap,
    credentials: salesforceCredentials,
    budgets: budgetsOfOrg(allowed),
    input,
    output,
    factsFrom: [context],
    facts,
    request(fact) {
      // One org is one tenant's: what another tenant wants never reaches it.
      if (ofOrg !== undefined && fact.tenantId !== ofOrg) return [];
      const { data, ...about } = own.wanted(fact);
      const subject = { ...about, line: null };
      const key = handOffKey({ tenantId: fact.tenantId, target, purpose, ...subject }, attemptsFitting);
      // Better no hand-off at all than one whose mark is cut off over there.
      if (key.length > mark.longest)
        throw new Error("the tenant's name is too long for the field that holds the key");
      return [{ ...subject, data: data as unknown as JsonObject }];
    },
    send: ({ idempotencyKey, data }, means) =>
      whileSignedIn(origin, means, (ask) => own.write(data as Wanted, idempotencyKey, ask)),
    inquire({ idempotencyKey }, means) {
      const marked = `WHERE ${mark.field} = ${soqlText(idempotencyKey)}`;
      const query = new URLSearchParams({ q: soqlQuery(lookFor.fields, mark.object, marked) });
      const { operation } = lookFor;
      return callSignedIn(origin, { operation, method: "GET", path: `${dataPath}/query?${query}` }, means);
    },
    translate({ body, status }, of) {
      const code = codeOf(body);
      if (code !== null || (status !== "200" && status !== "201"))
        return { says: "code", code: code ?? `HTTP ${status}` };
      return of === "inquiry" ? aboutFound(body, own.found) : own.written(body);
    },
    tells: own.tells,
    times,
    limits,
    order,
  }) as HandOffTreaty;
}

function aboutFound(body: unknown, found: SalesforceWrite<object>["found"]): Translation {
  const { records } = (body ?? {}) as { readonly records?: readonly Readonly<Record<string, unknown>>[] };
  if (!Array.isArray(records)) throw new Error("not the answer to a query");
  const [record] = records;
  return record === undefined ? { says: "not-known" } : found(record);
}

/** The answer to an upsert, or the records with our mark. */
export const UpsertSaid = Type.Union([
  Type.Object({ id: Type.String(), success: Type.Literal(true) }),
  Type.Object({ totalSize: Type.Integer(), records: Type.Array(Type.Object({ Id: Type.String() })) }),
]);

/** An upsert was done: their id of the record. */
export function upserted(body: unknown): Translation {
  const { id } = (body ?? {}) as { readonly id?: unknown };
  if (typeof id !== "string") throw new Error("not the answer to an upsert");
  return { says: "completed", reference: id };
}

/** A record with our mark is what we wrote, and `field` is what it is called. */
export function doneAs(field: string): SalesforceWrite<object>["found"] {
  return ({ [field]: reference }) => ({ says: "completed", reference: String(reference) });
}
