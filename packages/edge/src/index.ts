/** The promised API of the HTTP edge. */
export { type Access, identityOf, speakerFor } from "./auth.ts";
export { callbackRoute } from "./callbacks.ts";
export { type ConsumerMetrics, consumerMetrics } from "./consumer-metrics.ts";
export { type ApiToDescribe, describeApi } from "./describe-api.ts";
export { type EdgeError, edgeErrors, streamCloses } from "./edge-errors.ts";
export { type EtagOptions, sendWithEtag } from "./etag.ts";
export { acceptCommand, type Command, idempotencyKeyOf } from "./idempotency.ts";
export { parseJson } from "./json-body.ts";
export { defaultLimits, type EdgeLimits } from "./limits.ts";
export type { ApiInfo } from "./openapi.ts";
export { type FieldError, Invalid, type Problem } from "./problem.ts";
export type { CustomerText, ProcessAnswer } from "./process-answer.ts";
export { buildEdge, type Edge, type EdgeOptions } from "./server.ts";
export { telemetryMetrics } from "./telemetry-metrics.ts";
export type { SigningAlgorithm, TokenKey } from "./token-keys.ts";
export { type Identity, openTokenIssuer, type Role, type TokenClaims, type TokenSettings } from "./tokens.ts";
export { traceparentOf } from "./trace.ts";
