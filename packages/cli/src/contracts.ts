import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Failure, type SystemContract, type SystemDefinition } from "@entente/core";
import {
  acceptContract,
  type ContractFinding,
  type ContractSnapshot,
  checkContract,
  checkInFlight,
  checkTreatiesInFlight,
  emptySnapshot,
  inOrder,
  readSnapshot,
  snapshotText,
  stopsRelease,
} from "@entente/core/internal";
import { everyCounterparty, fluxContract, fluxSnapshot, fluxWith } from "@entente/flux";
import { foundText, reportJson, reportText } from "./contract-report.ts";
import { stageFromEnvironment } from "./stage-from-environment.ts";
import { versionsInFlight } from "./versions-in-flight.ts";

interface Contracted {
  /** As it runs with this environment. */
  definition(environment: NodeJS.ProcessEnv): SystemDefinition;
  readonly contract: SystemContract;
  readonly snapshot: URL;
}

const systems: Readonly<Record<string, Contracted>> = {
  flux: {
    definition: (environment) => fluxWith(everyCounterparty, stageFromEnvironment(environment)),
    contract: fluxContract,
    snapshot: fluxSnapshot,
  },
};

export interface CheckOptions {
  readonly inFlight?: boolean;
  readonly json?: boolean;
  /** Instead of the system's own file, for one that was saved from another release. */
  readonly snapshot?: string;
}

/**
 * Compares what the systems promise with their committed snapshots, and with what waits in their journals and what is under way
 * at counterparties. Prints what it found. Resolves to the exit code: 0 when nobody is broken and nobody is left in doubt.
 * Errors: `system-unknown`, `contract-snapshot-missing`, `contract-snapshot-unreadable`, `database-url-missing`, `stage-unknown` (refused), and
 * those of reading a database.
 */
export async function checkContracts(
  system: string | undefined,
  options: CheckOptions,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const reports: { system: string; findings: ContractFinding[] }[] = [];
  for (const [name, contracted] of chosen(system)) {
    const before = openSnapshot(options.snapshot ?? fileURLToPath(contracted.snapshot), name);
    const findings = checkContract(contracted.contract, before);
    if (options.inFlight === true) {
      const found = await versionsInFlight(contracted.definition(environment), environment);
      findings.push(
        ...checkInFlight(contracted.contract, before, found.versions),
        ...checkTreatiesInFlight(contracted.contract, before, found.treaties),
      );
    }
    reports.push({ system: name, findings: inOrder(findings) });
  }
  console.log(options.json === true ? reportJson(reports) : reports.map(reportText).join("\n\n"));
  return reports.some(({ findings }) => stopsRelease(findings)) ? 1 : 0;
}

export interface AcceptOptions {
  /** Why a change that breaks somebody is made all the same. */
  readonly breaking?: string;
  readonly snapshot?: string;
}

/**
 * Makes what the systems promise now the committed promise.
 * Errors: `contract-breaking` (refused; nothing written) when a change breaks somebody, or may, and no reason is given;
 * `system-unknown`, `contract-snapshot-unreadable`.
 */
export function acceptContracts(system: string | undefined, options: AcceptOptions, now: Date): void {
  const reason = options.breaking?.trim() ?? "";
  const because = reason === "" ? null : { reason, date: now.toISOString().slice(0, 10) };
  const accepted = chosen(system).map(([name, { contract, snapshot }]) => {
    const file = options.snapshot ?? fileURLToPath(snapshot);
    const before = existsSync(file) ? openSnapshot(file, name) : emptySnapshot(name);
    const findings = checkContract(contract, before);
    if (because === null && stopsRelease(findings)) {
      console.log(reportText({ system: name, findings }));
      throw new Failure(
        "refused",
        "contract-breaking",
        `The contract of ${name} changes in a way that breaks somebody, or may. Nothing was accepted.\n` +
          '  Keep the old promise beside the new one, or say why not:  --breaking "<reason>"',
        { fields: { system: name } },
      );
    }
    return { name, file, findings, text: snapshotText(acceptContract(contract, before, findings, because)) };
  });
  for (const { name, file, findings, text } of accepted) {
    writeFileSync(file, text);
    console.log(`${foundText({ system: name, findings })}\n  accepted: ${file}`);
  }
}

function chosen(system: string | undefined): [string, Contracted][] {
  if (system === undefined) return Object.entries(systems);
  const contracted = systems[system];
  if (contracted !== undefined) return [[system, contracted]];
  const known = Object.keys(systems).join(", ");
  throw new Failure("refused", "system-unknown", `There is no system "${system}". There is: ${known}.`);
}

function openSnapshot(file: string, system: string): ContractSnapshot {
  if (!existsSync(file)) {
    const says = `${file} does not exist. Accept the contract of ${system} once:  entente contracts accept ${system}`;
    throw new Failure("refused", "contract-snapshot-missing", says, { fields: { file } });
  }
  const snapshot = readSnapshot(readFileSync(file, "utf8"));
  if (snapshot !== null && snapshot.system === system) return snapshot;
  const says = `${file} is not a contract snapshot of ${system}. Take it from version control again.`;
  throw new Failure("refused", "contract-snapshot-unreadable", says, { fields: { file } });
}
