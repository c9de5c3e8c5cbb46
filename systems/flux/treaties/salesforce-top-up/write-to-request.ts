import type { Entry, HandOffTreaty, Runbook, SheetText } from "@entente/core";
import type { TSchema } from "typebox";
import { replyOf } from "../salesforce-entitlement/salesforce-session.ts";
import {
  doneAs,
  salesforceWrite,
  UpsertSaid,
  upserted,
  type WrittenOrg,
} from "../salesforce-entitlement/salesforce-write.ts";
import { requestErrors } from "./request-errors.ts";
import { keyFieldLength, objectName } from "./request-record.ts";
import { requestAnswers } from "./request-sheet.ts";

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

/** One write to the record of a request. Another tenant's request waits here. */
export function writeToRequest<Wanted extends { readonly requestId: string }>(
  org: WrittenOrg,
  { name, purpose, markField, ...own }: RequestWrite<Wanted>,
): HandOffTreaty {
  return salesforceWrite<Wanted>(org, {
    name,
    relation: "customer-supplier",
    purpose,
    sheet: own.sheet,
    runbook: own.runbook,
    answers: requestAnswers,
    errorMap: requestErrors,
    context: "request",
    facts: own.facts,
    input: own.input,
    output: UpsertSaid,
    mark: { object: objectName, field: markField, longest: keyFieldLength },
    wanted(fact) {
      const data = own.wanted(fact);
      return { aggregateType: "top-up", aggregateId: data.requestId, data };
    },
    async write(wanted, ourKey, ask) {
      const { path, fields } = own.write(wanted);
      const body = { ...fields, [markField]: ourKey };
      return replyOf(await ask({ operation: own.operation, method: "PATCH", path, body }));
    },
    written: upserted,
    lookFor: { operation: "look-for-request", fields: ["Id"] },
    found: doneAs("Id"),
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
  });
}
