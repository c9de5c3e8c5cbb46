/** For sibling packages and tests: not promised to users. */

export { appendToLogs, lockTrees } from "./audit/append-to-logs.ts";
export type { BatchPlace } from "./audit/belonging-entries.ts";
export type { BundleSelection } from "./audit/bundle.ts";
export { type BundleSummary, exportBundle } from "./audit/export-bundle.ts";
export { nonceBytes } from "./audit/leaf.ts";
export { outcomesFile } from "./audit/outcomes.ts";
export type { OutcomePlace } from "./audit/read-outcomes.ts";
export { type RebuiltState, type ReplayReport, replayBundle } from "./audit/replay-bundle.ts";
export { sheetsOf } from "./audit/sheet.ts";
export { originOf } from "./audit/sign-checkpoints.ts";
export {
  isKeyName,
  noteVerifier,
  readSigningKey,
  type SigningKey,
  signingKey,
  signingKeyText,
} from "./audit/signed-note.ts";
export { tilePath } from "./audit/tile.ts";
export { type BundleReport, verifyBundle } from "./audit/verify-bundle.ts";
export { openBusinessClock } from "./clock/business-clock.ts";
export type { ConsumerDefinition, ConsumerSetting, ConsumerSource } from "./consumer/consumer.ts";
export { startConsumer } from "./consumer/consumer.ts";
export { openWakeUps } from "./consumer/wake-up.ts";
export {
  type ContextDatabases,
  readTreatiesInFlight,
  readVersionsInFlight,
} from "./context/versions-in-flight.ts";
export { wakeOthers } from "./context/wake-network.ts";
export { auditContext, withAudit } from "./context/with-audit.ts";
export { fitnessContext, withFitness } from "./context/with-fitness.ts";
export { acceptContract, type BreakReason } from "./contract/accept-contract.ts";
export { checkContract } from "./contract/check-contract.ts";
export { compareSchemas, type SchemaFinding, type SchemaVerdict } from "./contract/compare-schemas.ts";
export {
  type ContractFinding,
  type ContractRule,
  inOrder,
  type Severity,
  stopsRelease,
} from "./contract/contract-finding.ts";
export { checkInFlight, type VersionInFlight } from "./contract/in-flight.ts";
export { type ContractSnapshot, emptySnapshot, readSnapshot, snapshotText } from "./contract/snapshot.ts";
export { checkTreatiesInFlight, type TreatyInFlight } from "./contract/treaties-in-flight.ts";
export { deciderConsumer } from "./decider/decider-consumer.ts";
export { checkServerSettings } from "./embedded/self-check.ts";
export { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded/server.ts";
export { type Intake, openIntake } from "./intake/intake.ts";
export { appendEntries } from "./journal/append.ts";
export { newId } from "./journal/new-id.ts";
export { ensurePartitions } from "./journal/partitions.ts";
export { readEntries, readLanesAfter, readProcessEntries } from "./journal/read.ts";
export { handOffKey } from "./model/hand-off-key.ts";
export { laneOf } from "./model/lane.ts";
export { openPersonalData, type PersonalData } from "./personal/personal-data.ts";
export { type RewrapReport, rewrapKeys } from "./personal/rewrap-keys.ts";
export * from "./postgres/arrays.ts";
export { databaseFailure, openDatabase } from "./postgres/database.ts";
export { loadMigrations, migrate } from "./postgres/migrate.ts";
export { type ContextAccess, contextAccess, databaseNames, provisionContext } from "./postgres/provision.ts";
export { dumpSchema } from "./postgres/schema-dump.ts";
export { rebuildProjection } from "./projection/rebuild.ts";
export { type ArchiveFinding, type ArchiveReport, verifyArchive } from "./retention/verify-archive.ts";
export { spanIdOf, traceIdOf } from "./telemetry/trace-identity.ts";
export { batchTreaties } from "./treaty/rows-of-facts.ts";
export { type SchemaCheck, validatorOf } from "./treaty/schema-check.ts";
