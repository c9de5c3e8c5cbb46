import type { HandOffLife } from "./hand-off.ts";
import type { AnswerClass } from "./hand-off-answer.ts";

/**
 * A hand-off as it is stored and shown. The request itself stands in the opening entry of the journal.
 * Times in epoch milliseconds, business time.
 */
export interface HandOff extends HandOffLife {
  readonly tenantId: string;
  /** Id of the opening entry. */
  readonly handOffId: string;
  readonly treaty: string;
  /** Version of the treaty it was opened with; null: opened before that was recorded. */
  readonly treatyVersion: string | null;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly line: string | null;
  readonly purpose: string;
  /** The system asked. */
  readonly target: string;
  /** Ordering key: hand-offs of one (tenant, treaty, key) are sent in the order they were opened. */
  readonly key: string;
  readonly processId: string;
  readonly correlationId: string;
  /** Whose account it is about; null: nobody's that the fact named, or a batch, which is of many. */
  readonly customerId: string | null;
  /** Trace context of the fact it follows from; null: none, or a batch. */
  readonly traceparent: string | null;
  /** Rises with each move. */
  readonly version: number;
  readonly idempotencyKey: string;
  /** Hexadecimal, first 16 bytes of SHA-256 over the canonical request. */
  readonly requestHash: string;
  readonly lastResponseHash: string | null;
  /** Their name for it. */
  readonly externalReference: string | null;
  readonly externalCode: string | null;
  readonly externalLabel: string | null;
  readonly lastErrorClass: AnswerClass | null;
  readonly lastErrorCode: string | null;
  readonly lastErrorText: string | null;
  readonly nextTryAt: number | null;
  readonly lookAt: number | null;
  readonly deadlineAt: number | null;
  /** First sending under the present key. */
  readonly firstSentAt: number | null;
  /** Rows of a batch, and how many of them have no outcome yet; 0 and 0 for a single hand-off. */
  readonly rows: number;
  readonly rowsOpen: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What became of one row of a batch. */
export type RowOutcome = "open" | "completed" | "rejected" | "cancelled";

export interface HandOffRow {
  /** 0 and up, in the order of the request. */
  readonly row: number;
  readonly idempotencyKey: string;
  readonly requestHash: string;
  readonly outcome: RowOutcome;
  readonly code: string | null;
}
