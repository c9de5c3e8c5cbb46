import type { HandOffTreaty, TreatySchema, TreatyTerms } from "@entente/core";

/** What a treaty promises, read from its declaration, so that the two cannot differ. */
export function termsOf({
  name,
  times,
  limits,
  errorMap,
  input,
  output,
  callback,
}: HandOffTreaty): TreatyTerms {
  // What waits in a journal, or comes from a counterparty that has not changed, must still be understood.
  const understood = (schema: object): TreatySchema => ({
    schema: schema as TreatySchema["schema"],
    compatibility: "backward",
  });
  return {
    name,
    // The engine's own key: model/hand-off-key.ts.
    idempotencyKey: ["tenantId", "aggregateType", "aggregateId", "line", "target", "purpose", "attempt"],
    timeoutMs: times.answerWithinMs,
    errorCodes: Object.keys(errorMap).sort(),
    retry: {
      attempts: limits.triesAllowed,
      firstDelayMs: times.retryFirstMs,
      longestDelayMs: times.retryLongestMs,
    },
    schemas: {
      request: understood(input),
      answer: understood(output),
      ...(callback === undefined ? {} : { callback: understood(callback.schema) }),
    },
  };
}
