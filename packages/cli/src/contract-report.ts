import { type ContractFinding, inOrder, type Severity, stopsRelease } from "@entente/core/internal";

export interface ContractReport {
  readonly system: string;
  readonly findings: readonly ContractFinding[];
}

const marks: Readonly<Record<Severity, string>> = {
  breaking: "✖ breaking  ",
  undecided: "? undecided ",
  compatible: "✔ compatible",
};

/** For people: one paragraph per finding, the ones that matter first, and what to do at the end. */
export function reportText({ system, findings }: ContractReport): string {
  if (findings.length === 0) return `${system}: the contract is as it was promised.`;
  return [foundText({ system, findings }), advice(findings, system)].join("\n");
}

/** The findings alone. */
export function foundText({ system, findings }: ContractReport): string {
  return [`${system}:`, ...inOrder(findings).map(paragraph)].join("\n");
}

function paragraph({
  severity,
  subject,
  rule,
  version,
  direction,
  at,
  says,
  counterExample,
}: ContractFinding): string {
  const where = `${subject}${at === undefined || at === "" ? "" : ` ${at}`}`;
  const between = [version === undefined ? "" : version, direction ?? ""]
    .filter((text) => text !== "")
    .join(", ");
  const lines = [
    `  ${marks[severity]} ${where}: ${rule}${between === "" ? "" : ` (${between})`}`,
    `      ${says}`,
  ];
  if (counterExample !== undefined) lines.push(`      for example ${JSON.stringify(counterExample)}`);
  return lines.join("\n");
}

function advice(findings: readonly ContractFinding[], system: string): string {
  if (!stopsRelease(findings))
    return `  Nobody is broken. To promise it:  entente contracts accept ${system}`;
  const breaking = findings.filter(({ severity }) => severity === "breaking").length;
  const undecided = findings.filter(({ severity }) => severity === "undecided").length;
  return `  ${breaking} breaking, ${undecided} undecided. What each rule means: docs/reference/contract-compatibility.md`;
}

/** For programs. */
export function reportJson(reports: readonly ContractReport[]): string {
  return JSON.stringify(
    reports.map(({ system, findings }) => ({ system, ok: !stopsRelease(findings), findings })),
    null,
    2,
  );
}
