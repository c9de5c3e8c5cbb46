import { type Failure, isFailure } from "@entente/core/model";
import { Command } from "commander";
import type { ArchiveVerifyOptions } from "./archive.ts";
import type { AuditExportOptions, AuditVerifyOptions } from "./audit.ts";
import type { AuditReplayOptions } from "./audit-replay.ts";
import type { CallbacksOptions } from "./callbacks.ts";
import type { AcceptOptions, CheckOptions } from "./contracts.ts";
import type { DocsOptions } from "./docs.ts";
import type { FitnessOptions } from "./fitness.ts";
import type { FlowsOptions } from "./flows.ts";
import type { ProcessShowOptions } from "./process.ts";
import type { RewrapKeysOptions } from "./rewrap-keys.ts";
import type { SimulateOptions } from "./simulate.ts";

// Each command loads what it needs and no more: a simulator beside a system must not slow down its start.

const program = new Command("entente")
  .description("Integrations between systems of record, declared once as executable treaties.")
  .showHelpAfterError();

program
  .command("up")
  .argument("<system>", "the system to run: flux")
  .option("--contexts <names>", "comma-separated contexts this process works for (default: all)")
  .description(
    "Run a system. Environment: PORT, ENTENTE_HOME, ENTENTE_DATABASE_URL, ENTENTE_MODE; see docs/reference/configuration.md.",
  )
  .action(async (system: string, options: { contexts?: string }) => {
    const { up } = await import("./up.ts");
    await up(system, options.contexts?.split(","), process.env);
  });

program
  .command("simulator")
  .argument("<name>", "the system to simulate; see docs/reference/simulators.md")
  .option("--port <n>", "port on the loopback interface (0: any free one)", "0")
  .option("--seed <n>", "seed of everything left to chance (default: chosen, and printed)")
  .option(
    "--state <folder>",
    "folder that keeps its world from one start to the next (default: it ends with it)",
  )
  .option(
    "--until-input-ends",
    "end when standard input does, as it does with the program that started this one",
  )
  .description("Run one simulator of a system outside ours, with its control interface under /_control.")
  .action(async (name: string, options: SimulateOptions) => {
    const { simulate } = await import("./simulate.ts");
    await simulate(name, options, process.env);
  });

program
  .command("docs")
  .argument("<system>", "the system to document: flux")
  .option("--out <dir>", "folder of the site (default: site/<system>)")
  .description(
    "Write contract sheets, runbooks, context map and API descriptions; see docs/reference/documents.md.",
  )
  .action(async (system: string, options: DocsOptions) => {
    const { writeDocuments } = await import("./docs.ts");
    await writeDocuments(system, options);
  });

const contracts = program
  .command("contracts")
  .description("What the systems promise. Rules: docs/reference/contract-compatibility.md.");

contracts
  .command("check")
  .argument("[system]", "one system (default: all)")
  .option("--in-flight", "look into the journals as well; databases as for `up`")
  .option("--json", "for programs")
  .option("--snapshot <file>", "compare with this file instead of the committed one")
  .description(
    "Compare the contract with the committed one. Exit code 1 when a change breaks somebody, or may.",
  )
  .action(async (system: string | undefined, options: CheckOptions) => {
    const { checkContracts } = await import("./contracts.ts");
    process.exitCode = await checkContracts(system, options, process.env);
  });

contracts
  .command("accept")
  .argument("[system]", "one system (default: all)")
  .option("--breaking <reason>", "accept a change that breaks somebody, and record why")
  .option("--snapshot <file>", "write this file instead of the committed one")
  .description("Make the contract of today the committed one.")
  .action(async (system: string | undefined, options: AcceptOptions) => {
    const { acceptContracts } = await import("./contracts.ts");
    acceptContracts(system, options, new Date());
  });

const audit = program
  .command("audit")
  .description("The audit log, and proofs from it. Formats: docs/reference/audit-log.md.");

audit
  .command("export")
  .argument("<system>", "the system whose log it is: flux")
  .requiredOption("--tenant <name>", "whose log")
  .requiredOption("--out <dir>", "folder for the bundle: a new or an empty one")
  .option("--process <id>", "only entries of this process")
  .option("--account <key>", "only entries of this account, or whatever the ordering key is")
  .option("--from <time>", "only from this time on, ISO 8601")
  .option("--to <time>", "only before this time, ISO 8601")
  .option("--known <file...>", "checkpoints that the reader has from earlier")
  .option("--no-outcomes", "without what is stored of a process or account, for comparing with a replay")
  .description(
    "Write a bundle that its reader verifies off line. Environment: as for `up`, and ENTENTE_AUDIT_KEY.",
  )
  .action(async (system: string, options: AuditExportOptions) => {
    const { exportAudit } = await import("./audit.ts");
    await exportAudit(system, options, process.env);
  });

audit
  .command("verify")
  .argument("<bundle>", "folder of the bundle")
  .requiredOption("--key <key>", "the log's public key, or a file with it; not the one in the bundle")
  .option("--known <file...>", "checkpoints you have from earlier: the log must still begin with them")
  .option("--list", "print every entry that is proved, a JSON document per line")
  .description(
    "Verify a bundle off line. Exit code 1 when anything is not as it was signed; says what and where.",
  )
  .action(async (bundle: string, options: AuditVerifyOptions) => {
    const { verifyAudit } = await import("./audit.ts");
    process.exitCode = await verifyAudit(bundle, options);
  });

audit
  .command("replay")
  .argument("<what>", "folder of a bundle, or a process or an account of a running system")
  .option("--key <key>", "the log's public key, or a file with it; not the one in the bundle")
  .option("--system <name>", "whose rules it is replayed by", "flux")
  .option("--tenant <name>", "whose log, asked of a running system (default: the token's)")
  .option("--keep <dir>", "keep the bundle that a running system gave")
  .option("--json", "for programs")
  .description(
    "Rebuild states from evidence alone and compare them with those stored. Exit code 1 when they differ; names the entry. Of a running system: ENTENTE_URL, ENTENTE_TOKEN.",
  )
  .action(async (what: string, options: AuditReplayOptions) => {
    const { replayAudit } = await import("./audit-replay.ts");
    process.exitCode = await replayAudit(what, options, process.env);
  });

audit
  .command("key")
  .argument("<file>", "the secret key; made when there is no such file")
  .option(
    "--name <name>",
    "name of a new key, such as example.com/audit: the first part of every log's origin",
  )
  .option("--tenant <name>", "print the public key of this tenant's log")
  .description("Make a key to sign the audit log with, or print its public keys.")
  .action(async (file: string, options: { name?: string; tenant?: string }) => {
    const { auditKey } = await import("./audit.ts");
    auditKey(file, options);
  });

const archive = program
  .command("archive")
  .description("Months that have left the journals. Format: docs/operations/retention.md.");

archive
  .command("list")
  .argument("<folder>", "folder of the archives")
  .description("Name the archives of a folder and what is in each. Exit code 1 when one is not whole.")
  .action(async (folder: string) => {
    const { listArchives } = await import("./archive.ts");
    process.exitCode = await listArchives(folder);
  });

archive
  .command("verify")
  .argument("<file>", "the archive")
  .option("--key <key...>", "the audit log's public key, or a file with it: of one tenant, or of the system")
  .option("--digest <sha256>", "what the journal's entry about the archive says")
  .description(
    "Verify an archive off line, every entry and proof. Exit code 1 when anything is not as it was written.",
  )
  .action(async (file: string, options: ArchiveVerifyOptions) => {
    const { verifyOneArchive } = await import("./archive.ts");
    process.exitCode = await verifyOneArchive(file, options);
  });

program
  .command("erase")
  .argument("<tenant>", "whose data subject it is")
  .argument("<subject>", "the data subject: for Flux, the account")
  .requiredOption("--reason <text>", "kept with the act")
  .description(
    "Make everything personal of a customer unreadable, for ever; proofs still hold. Environment: ENTENTE_URL, ENTENTE_TOKEN. See docs/operations/erasure.md.",
  )
  .action(async (tenant: string, subject: string, options: { reason: string }) => {
    const { erase } = await import("./erase.ts");
    await erase(tenant, subject, options, process.env);
  });

program
  .command("keys")
  .description("Keys of data subjects. See docs/operations/erasure.md.")
  .command("rewrap")
  .argument("<system>", "the system whose keys they are: flux")
  .option("--batch <n>", "keys of one transaction, 1 to 5000", "500")
  .description(
    "Wrap the keys of all data subjects by ENTENTE_PERSONAL_KEY that are wrapped by ENTENTE_PERSONAL_KEY_OTHER. May be ended and called again. Databases as for `up`. Exit code 1 when neither opens some.",
  )
  .action(async (system: string, options: RewrapKeysOptions) => {
    const { rewrapAllKeys } = await import("./rewrap-keys.ts");
    process.exitCode = await rewrapAllKeys(system, options, process.env);
  });

program
  .command("process")
  .description("What became of a command.")
  .command("show")
  .argument("<id>", "a process, or an entry of it such as a manual act")
  .option("--limit <n>", "entries at most, 1 to 1000", "500")
  .option("--json", "print the answer as it came")
  .description(
    "Print the whole story of a process by cause, asked of a running system. Environment: ENTENTE_URL, ENTENTE_TOKEN.",
  )
  .action(async (id: string, options: ProcessShowOptions) => {
    const { showProcess } = await import("./process.ts");
    await showProcess(id, options, process.env);
  });

program
  .command("fitness")
  .option("--json", "print the answer as it came")
  .description(
    "Print how a running system fares: each figure with its target and trend, open incidents, decisions to look at again. Environment: ENTENTE_URL, ENTENTE_TOKEN.",
  )
  .action(async (options: FitnessOptions) => {
    const { showFitness } = await import("./fitness.ts");
    await showFitness(options, process.env);
  });

program
  .command("flows")
  .option("--minutes <n>", "of processes accepted in the last minutes, 1 to 1440", "15")
  .option("--json", "print the answer as it came")
  .description(
    "Print what customers of a running system wait by type of process, beside how far those are behind that serve it. Environment: ENTENTE_URL, ENTENTE_TOKEN.",
  )
  .action(async (options: FlowsOptions) => {
    const { showFlows } = await import("./flows.ts");
    await showFlows(options, process.env);
  });

program
  .command("callbacks")
  .option("--treaty <name>", "only those of this treaty")
  .option("--state <state>", "only those in this state, such as waiting or impossible")
  .option("--hand-off <id>", "only those that speak of this hand-off")
  .option("--before <id>", "only older ones; of refused ones: a day")
  .option("--limit <n>", "at most, 1 to 1000", "100")
  .option("--refused", "what was not proven to be a counterparty's, counted by treaty, reason and day")
  .option("--json", "print the answer as it came")
  .description(
    "Print what counterparties sent to a running system and what became of it, newest first. Environment: ENTENTE_URL, ENTENTE_TOKEN.",
  )
  .action(async (options: CallbacksOptions) => {
    const { showCallbacks } = await import("./callbacks.ts");
    await showCallbacks(options, process.env);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!isFailure(error)) throw error;
  console.error(textOf(error));
  process.exit(1);
}

/** What went wrong, what it is called, and what caused it: enough to look it up and to act. */
function textOf(failure: Failure): string {
  const cause =
    failure.cause instanceof Error && failure.kind !== "refused" ? `\n  cause: ${failure.cause.message}` : "";
  return `entente: ${failure.message}\n  code: ${failure.code} (docs/reference/errors.md)${cause}`;
}
