/** The pure part of the runtime, for domains: no Node built-ins, no I/O. */
export { type CausedEntry, orderByCause } from "./cause-order.ts";
export type { Clock } from "./clock.ts";
export type {
  CommandRule,
  Decider,
  Decision,
  DecisionContext,
  Fact,
  FactType,
  OutgoingCommand,
  ParkingPolicy,
  Refusal,
  Timer,
} from "./decider.ts";
export { isRefusal } from "./decider.ts";
export type { Entry, EntryKind, Json, JsonObject, NewEntry, Position } from "./entry.ts";
export { comparePositions, entryKinds, journalStart } from "./entry.ts";
export type { FailureFields, FailureKind } from "./failure.ts";
export { Failure, isFailure } from "./failure.ts";
export {
  type BusiestDay,
  type BusiestTime,
  type EndedIncidents,
  evidenceOf,
  type FitnessFunction,
  type FitnessMeasures,
  type FitnessState,
  type FitnessTrend,
  type FitnessUnit,
  judge,
  type ProcessCounts,
  type SaidFigure,
  trendOf,
  weekMs,
  weekOf,
} from "./fitness.ts";
export { type Freshness, freshUntil, isStale, ttlOf } from "./freshness.ts";
export type {
  Advance,
  Finding,
  HandOffLife,
  HandOffState,
  MoveName,
  Observation,
  Witness,
} from "./hand-off.ts";
export { advance, handOffMoves, isDispatchable, isSettled, newHandOff } from "./hand-off.ts";
export type { AnswerClass, CodeMeaning, ErrorMap, RowTranslation, Translation } from "./hand-off-answer.ts";
export { answerClasses, classify } from "./hand-off-answer.ts";
export { type BusinessIdentity, handOffKey, handOffKeyParts } from "./hand-off-key.ts";
export type { HandOff, HandOffRow, RowOutcome } from "./hand-off-record.ts";
export type { HandOffTimes } from "./hand-off-times.ts";
export { deriveId, firstIdAt, isId, timeOfId } from "./id.ts";
export { type JsonChange, jsonChanges } from "./json-changes.ts";
export { laneCount, laneOf } from "./lane.ts";
export {
  type LatencyHistogram,
  latencyBucket,
  latencyErrorBound,
  latencyOfBucket,
  latencyWithin,
} from "./latency-histogram.ts";
export type { ProcessDefinition, ProcessReason, ProcessState, ProcessStep, ProcessView } from "./process.ts";
export { isFinal, queuedProcess } from "./process.ts";
export type { ProcessReducer, Reducer, ReplayRules, ReplayStep, StoredOutcome } from "./replay.ts";
export { openReplay } from "./replay.ts";
