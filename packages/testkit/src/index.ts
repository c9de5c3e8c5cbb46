/** What tests and benchmarks are promised. Never loaded in production. */
export type { ArmedFault, ArmOptions } from "./armed-faults.ts";
export type { ClientRecord } from "./client-journal.ts";
export { conformance } from "./conformance/conformance.ts";
export { type ControlledOptions, controlledCounterparty } from "./conformance/controlled-counterparty.ts";
export { type ControlledRecordsOptions, controlledRecords } from "./conformance/controlled-records.ts";
export type { FollowingOptions } from "./conformance/following-conformance.ts";
export type { ReadingOptions } from "./conformance/reading-conformance.ts";
export type {
  AnswerBehaviour,
  Edition,
  NewsBehaviour,
  RecordsCounterparty,
  TheirRecords,
} from "./conformance/records-counterparty.ts";
export type {
  CounterpartyBehaviour,
  CounterpartyEffect,
  TreatyCounterparty,
} from "./conformance/treaty-counterparty.ts";
export type { ConformanceOptions, ExampleFact } from "./conformance/treaty-stage.ts";
export type { TemplateOptions, TestDatabase } from "./database.ts";
export { cloneDatabase, createTemplate } from "./database.ts";
export { eventually } from "./eventually.ts";
export type { FiredStatement } from "./fault-connection.ts";
export type { Direction } from "./fault-link.ts";
export type { FaultCounters, FaultProxy, LastingFault, Side } from "./fault-proxy.ts";
export { startFaultProxy } from "./fault-proxy.ts";
export type { CommandLike, Given, Outcome } from "./given.ts";
export { given } from "./given.ts";
export {
  type ActBelief,
  checkHandOffs,
  type HandOffRun,
  type HandOffViolation,
  type HandOffViolationCode,
} from "./hand-off-check.ts";
export type { JournalCounts, LedgerFact, Violation, ViolationCode } from "./journal-check.ts";
export { checkJournal, countJournal } from "./journal-check.ts";
export type { SeededRandom } from "./seeded-random.ts";
export { seededRandom } from "./seeded-random.ts";
export type { ProcessExit, ServerProcess, StartOptions } from "./server-process.ts";
export { disposeAll, startProcess } from "./server-process.ts";
export { type SimulatedLedgerOptions, simulatedLedger } from "./simulated/ledger-treaty.ts";
export { type SimulatedPaymentsOptions, simulatedPayments } from "./simulated/payments-treaty.ts";
export { testServer } from "./test-server.ts";
