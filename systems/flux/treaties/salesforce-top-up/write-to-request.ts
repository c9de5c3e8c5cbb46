import { defineTreaty, type Entry, type HandOffTreaty, type Runbook, type SheetText } from "@entente/core";
import { handOffKey } from "@entente/core/model";
import { type Static, type TSchema, Type } from "typebox";
import { budgetsOfOrg, type SalesforceOrg } from "../salesforce-entitlement/salesforce-org.ts";
import {
  callSignedIn,
  codeOf,
  dataPath,
  salesforceCredentials,
} from "../salesforce-entitlement/salesforce-session.ts";
import { soqlQuery, soqlText } from "../salesforce-entitlement/soql.ts";
import { requestErrors } from "./request-errors.ts";
import { objectName, refuseLongKey } from "./request-record.ts";
import { requestAnswers } from "./request-sheet.ts";

/** The answer to an upsert, or the records with our mark. */
const Said = Type.Union([
  Type.Object({ id: Type.String(), success: Type.Literal(true) }),
  Type.Object({ totalSize: Type.Integer(), records: Type.Array(Type.Object({ Id: Type.String() })) }),
]);

const attemptsFitting = 99;

/** Without a tenant the org is everybody's who asks: for tests of the treaties alone. */
export type RequestOrg = Omit<SalesforceOrg, "tenantId"> & { readonly tenantId?: string };

/** What one of the two writes to a request's record is about; all else they have in common. */
export interface RequestWrite<Wanted> {
  readonly name: string;
  readonly purpose: string;
  /** Their field that holds our key: each write leaves the mark of the other alone. */
  readonly markField: string;
  readonly sheet: SheetText;
  readonly runbook: Runbook;
  readonly facts: readonly string[];
  readonly input: TSchema;
  wanted(fact: Entry): Wanted;
  readonly operation: string;
  write(wanted: Wanted): {
    readonly path: string;
    readonly fields: Readonly<Record<string, string | number | null>>;
  };
  readonly tells: NonNullable<HandOffTreaty["tells"]>;
}

/** One write to the record of a request, found again by its mark. */
export function writeToRequest<Wanted extends { readonly requestId: string }>(
  { origin, tenantId, ...allowed }: RequestOrg,
  { name, purpose, markField, ...own }: RequestWrite<Wanted>,
): HandOffTreaty {
  return defineTreaty({
    name,
    version: "1.0.0",
    kind: "command-with-callback",
    target: "salesforce",
    relation: "customer-supplier",
    purpose,
    sheet: own.sheet,
    runbook: own.runbook,
    answers: requestAnswers,
    style: {
      userWaitsForTheAnswer: false,
      runsLong: false,
      counterpartyMayBeAway: true,
      hasAnEffect: true,
      staleAnswerWillDo: false,
      flowNeedsTheResult: true,
    },
    errorMap: requestErrors,
    credentials: salesforceCredentials,
    budgets: budgetsOfOrg(allowed),
    input: own.input,
    output: Said,
    factsFrom: ["request"],
    facts: own.facts,
    request(fact) {
      // One org is one tenant's: another tenant's request never reaches it, and waits here.
      if (tenantId !== undefined && fact.tenantId !== tenantId) return [];
      const data = own.wanted(fact);
      const subject = { aggregateType: "top-up", aggregateId: data.requestId, line: null };
      refuseLongKey(
        handOffKey({ tenantId: fact.tenantId, target: "salesforce", purpose, ...subject }, attemptsFitting),
      );
      return [{ ...subject, data }];
    },
    async send({ idempotencyKey, data }, means) {
      const { path, fields } = own.write(data as Wanted);
      const body = { ...fields, [markField]: idempotencyKey };
      return callSignedIn(origin, { operation: own.operation, method: "PATCH", path, body }, means);
    },
    async inquire({ idempotencyKey }, means) {
      const soql = soqlQuery(["Id"], objectName, `WHERE ${markField} = ${soqlText(idempotencyKey)}`);
      const path = `${dataPath}/query?${new URLSearchParams({ q: soql })}`;
      return callSignedIn(origin, { operation: "look-for-request", method: "GET", path }, means);
    },
    translate({ body, status }, of) {
      if (status !== "200" && status !== "201")
        return { says: "code", code: codeOf(body) ?? `HTTP ${status}` };
      const said = body as Static<typeof Said>;
      if (of === "inquiry") {
        if (!("records" in said)) throw new Error("not the answer to a query");
        const [record] = said.records;
        return record === undefined ? { says: "not-known" } : { says: "completed", reference: record.Id };
      }
      if (!("id" in said)) throw new Error("not the answer to an upsert");
      return { says: "completed", reference: said.id };
    },
    tells: own.tells,
    times: {
      answerWithinMs: 20_000,
      retryFirstMs: 2_000,
      retryLongestMs: 5 * 60_000,
      // Their longest transaction runs for ten minutes.
      inFlightMs: 10 * 60_000,
      resultWithinMs: 60 * 60_000,
      reconcileEveryMs: 5 * 60_000,
      personAfterMs: 24 * 3_600_000,
    },
    limits: {
      concurrency: 8,
      ratePerSecond: 20,
      triesAllowed: 100,
      circuitFailures: 5,
      circuitOpenMs: 15_000,
    },
    // Of one account a later top-up never overtakes an earlier one.
    order: "per-key",
  }) as HandOffTreaty;
}
