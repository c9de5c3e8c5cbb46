/** The promised API of the runtime. The pure part for domains is `@entente/core/model`. */
export type { AuditReader } from "./audit/audit-reader.ts";
export type { BundleSelection } from "./audit/bundle.ts";
export type { OutcomeSource } from "./audit/read-outcomes.ts";
export type { BusinessClock } from "./clock/business-clock.ts";
export type { ConsumerEvent } from "./consumer/consumer.ts";
export type { ContextState } from "./context/control.ts";
export type { ContextDefinition, SystemDefinition, SystemSettings } from "./context/definition.ts";
export { defaultSettings } from "./context/definition.ts";
export type { ConsumerKind } from "./context/followers.ts";
export type { CursorSummary } from "./context/list-cursors.ts";
export type { AuditSigning } from "./context/open-context.ts";
export type { CursorReset, CursorResetAct } from "./context/reset-cursor.ts";
export type { SystemStatus } from "./context/status.ts";
export { type ReachableContext, type System, type SystemOptions, startSystem } from "./context/system.ts";
export type { JsonSchema } from "./contract/json-schema.ts";
export type {
  Compatibility,
  PublishedMessage,
  RetryPolicy,
  SystemContract,
  TreatySchema,
  TreatyTerms,
} from "./contract/published-message.ts";
export type { Incident, ReviewItem } from "./fitness/fitness-records.ts";
export type { Fitness, Scorecard, ScoredFunction } from "./fitness/open-fitness.ts";
export { runbookOf, type SymptomName, symptomNames } from "./fitness/symptoms.ts";
export type { BacklogReading } from "./intake/backlog.ts";
export type { Acceptance, Submission } from "./intake/intake.ts";
export { type CloudEventJson, fromCloudEvent, toCloudEvent } from "./journal/cloud-event.ts";
export type { FeedPage } from "./journal/feed.ts";
export type { Amounts, DayRecord, DayTotals } from "./model/day-totals.ts";
export * from "./model/index.ts";
export type { OperatorAct, ParkedSummary } from "./parked/operate.ts";
export type { Erasure, PersonalFields } from "./personal/personal-data.ts";
export { withheld } from "./personal/seal.ts";
export { keysContext, withKeys } from "./personal/with-keys.ts";
export { int8Array, jsonArray, textArray, timeArray, uuidArray } from "./postgres/arrays.ts";
export type { Connection, Database, Statement } from "./postgres/database.ts";
export type { Watcher } from "./process/process-push.ts";
export type { ProcessTimeline, TimelineHandOff, TimelineStep } from "./process/process-timeline.ts";
export type { ProcessRecord } from "./process/read-process.ts";
export type { TimelineReader } from "./process/read-timeline.ts";
export type { Actor } from "./process/timeline-actor.ts";
export type { Attempt, Attempted, AttemptOutcome } from "./process/timeline-attempts.ts";
export type { Projection } from "./projection/projection.ts";
export type { LeavingMonth } from "./retention/leaving-month.ts";
export type { Hold } from "./retention/month-holds.ts";
export type { DeletionAct, KeptJournal, KeptMonth, Retention } from "./retention/retention.ts";
export type { Flow, FlowReader, ServingLag } from "./statistics/flows.ts";
export {
  daysAllowed,
  type ProcessStatistics,
  partsAllowed,
  type Resolution,
  resolutions,
  type StatisticsPart,
  type StatisticsQuestion,
  type TypeStatistics,
} from "./statistics/read-statistics.ts";
export type { ConsumerServing, Serving, TreatyServing } from "./statistics/served-by.ts";
export type { Span, SpanAttributes, SpanKind, SpanRef, SpansTaken, Telemetry } from "./telemetry/span.ts";
export { type ScheduledTimer, scheduleTimers } from "./timer/timers.ts";
export type { Asked } from "./treaty/ask-counterparty.ts";
export type { BudgetCaller, BudgetUse, CallBudget } from "./treaty/call-budget.ts";
export { type CallbackStatus, callbackStatuses } from "./treaty/callback-records.ts";
export type { CallbackHeaders, Verification } from "./treaty/callback-verification.ts";
export { checkTreaty, contractSheet, missingIn, treatyParts } from "./treaty/check-treaty.ts";
export type { CircuitState } from "./treaty/circuit.ts";
export type { Runbook, SheetText, TreatyAnswers, TreatyStyle } from "./treaty/contract-sheet.ts";
export {
  runbookEntries,
  sheetTextEntries,
  styleQuestions,
  treatyQuestions,
} from "./treaty/contract-sheet.ts";
export { type Destination, type Egress, type EgressRules, openEgress } from "./treaty/egress.ts";
export { type CaseKind, type FalloutCase, type SafeAct, safeActs } from "./treaty/fallout-cases.ts";
export type { FollowedFeed, FollowedState } from "./treaty/followed-feed.ts";
export { ownErrorText } from "./treaty/hand-off-evidence.ts";
export type { CallbackRecord, CallbackRefusals, CallbackSelection } from "./treaty/list-callbacks.ts";
export type { CaseAct, CaseDecision } from "./treaty/operate-case.ts";
export { promisedTerms, systemContract } from "./treaty/promised-terms.ts";
export { notSent } from "./treaty/reach.ts";
export {
  type CallbackReceipt,
  type CallbackRefusal,
  callbackBytesAllowed,
  callbackRefusals,
} from "./treaty/receive-callback.ts";
export type {
  Comparison,
  ReconciliationFinding,
  ReconciliationReport,
  ReconciliationRun,
  RunAsk,
  SumsComparison,
} from "./treaty/reconciliation-runs.ts";
export {
  type RecoveryAsk,
  type RecoveryDecision,
  type RecoveryPreview,
  type RecoveryRequest,
  recoveryAllowed,
} from "./treaty/recovery.ts";
export type { Recovery, RecoveryProgress, RecoveryState } from "./treaty/recovery-records.ts";
export type { SendingWindow } from "./treaty/sending-window.ts";
export type { SystemTreaties } from "./treaty/system-treaties.ts";
export type {
  CallbackRule,
  DeclaredTimes,
  Dispatch,
  DispatchRow,
  DomainCommand,
  FeedNews,
  FollowingTimes,
  FollowingTreaty,
  HandOffDeclaration,
  HandOffNews,
  HandOffRequest,
  HandOffTreaty,
  Listening,
  Means,
  Question,
  ReadingTreaty,
  RecordNews,
  RecordPage,
  Reply,
  Subject,
  TotalsPage,
  TotalsQuestion,
  TotalsRefusal,
  TotalsRule,
  Treaty,
  TreatyLimits,
  TreatyTimes,
  UndoRequest,
} from "./treaty/treaty.ts";
export {
  defineFollowingTreaty,
  defineReadingTreaty,
  defineTreaty,
  isFollowingTreaty,
  isHandOffTreaty,
  isReadingTreaty,
} from "./treaty/treaty.ts";
export type { HandOffLine, LineSubject, TreatyEvent } from "./treaty/treaty-events.ts";
export { figureNames, type TreatyFigure } from "./treaty/treaty-figures.ts";
export { type Contradiction, contradictionsIn } from "./treaty/treaty-style.ts";
export type { Outside } from "./treaty/work-treaties.ts";
