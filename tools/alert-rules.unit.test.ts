import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Registry } from "prom-client";
import { runbookOf, symptomNames } from "../packages/core/src/fitness/symptoms.ts";
import { safeActs } from "../packages/core/src/treaty/fallout-cases.ts";
import { incidentMetrics } from "../packages/edge/src/incident-metrics.ts";
import { treatyMetrics } from "../packages/edge/src/treaty-metrics.ts";
import { everyCounterparty } from "../systems/flux/app/contract.ts";
import { treatiesWith } from "../systems/flux/app/counterparties.ts";
import { stages } from "../systems/flux/app/stage.ts";
import { anchorsOf } from "./markdown.ts";
import { readText, repositoryFiles } from "./tree.ts";

/**
 * The alert rules and the runbooks say the same, and about metrics that exist. Whoever hears of one is told how urgent it is and
 * where to read on; only what customers suffer from pages.
 */

interface Rule {
  readonly group: string;
  readonly name: string;
  readonly expr: string;
  readonly severity: string;
  readonly threshold: string;
  readonly runbook: string;
}

/** The file keeps one key a line; what does not is not a rule to this test, nor to whoever reads it. */
function rulesIn(text: string): readonly Rule[] {
  return text.split(/^ {2}- name: /m).flatMap((part, n) => {
    if (n === 0) return [];
    const [group = "", ...rules] = part.split(/^ {6}- alert: /m);
    return rules.map((rule) => {
      const value = (key: string) => new RegExp(`^ +${key}: (.+)$`, "m").exec(rule)?.[1] ?? "";
      const name = rule.split("\n")[0] ?? "";
      return {
        group: group.split("\n")[0] ?? "",
        name,
        expr: value("expr"),
        severity: severityOf(rule),
        threshold: value("threshold"),
        runbook: value("runbook"),
      };
    });
  });
}

/** Where Prometheus looks for it: among the labels, and not among the annotations. */
function severityOf(rule: string): string {
  return /^ {8}labels:\n {10}severity: (.+)$/m.exec(rule)?.[1] ?? "";
}

const files = new Set(repositoryFiles());

/** Why nobody would know how urgent a rule is or what to do about it; empty: all is there. */
function missingIn({ name, group, severity, runbook }: Rule): readonly string[] {
  const missing: string[] = [];
  const expected = group === "incidents" ? "page" : "ticket";
  if (severity === "") missing.push(`${name} has no severity`);
  else if (severity !== expected) missing.push(`${name} of ${group} is a ${expected}, not a ${severity}`);
  const [file = "", anchor] = runbook.split("#");
  if (runbook === "") missing.push(`${name} has no runbook`);
  else if (!files.has(file)) missing.push(`${name} leads to ${file}, which does not exist`);
  else if (anchor !== undefined && !anchorsOf(readText(file)).has(anchor))
    missing.push(`${name} leads to #${anchor}, which ${file} does not have`);
  return missing;
}

const all = rulesIn(readText("docs/operations/alerts.rules.yml"));
/** What customers suffer from; the others watch treaties. */
const pages = all.filter(({ group }) => group === "incidents");
const rules = all.filter(({ group }) => group !== "incidents");
const declared = stages.flatMap((stage) => treatiesWith(everyCounterparty, stage));
const treaties = [...new Map(declared.map(({ treaty }) => [treaty.name, treaty])).values()];

/** `One blocked hand-off; five in fallout.` is two; a runbook that begins with `None` has none. */
function thresholdsOf(text: string): readonly string[] {
  return text.startsWith("None") ? [] : text.replace(/\.$/, "").split("; ");
}

test("every threshold of a runbook has one rule in its words, and every rule is a threshold of a runbook", () => {
  for (const { name, runbook } of treaties) {
    const own = rules.filter(({ group }) => group === name).map(({ threshold }) => threshold);
    assert.deepEqual(own, thresholdsOf(runbook.alertThresholds), name);
  }
  const known = new Set(treaties.map(({ name }) => name));
  assert.deepEqual(
    [...new Set(rules.map(({ group }) => group))].filter((group) => !known.has(group)),
    [],
  );
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
});

const specimen = `groups:
  - name: incidents
    rules:
      - alert: ProcessesLate
        expr: max by (symptom) (entente_open_incidents{symptom="processes-late"}) > 0
        labels:
          severity: page
        annotations:
          threshold: any process unfinished past its promise
          runbook: docs/operations/incidents.md#processes-late
  - name: sap-ledger
    rules:
      - alert: SapOldestBatch
        expr: max(entente_treaty_pending_age_seconds{treaty="sap-ledger"}) > 3600
        labels:
          severity: ticket
        annotations:
          threshold: Oldest unposted batch over 1 h
          runbook: systems/flux/docs/runbooks/sap-ledger.md
`;

describe("rules of which nobody would know how urgent they are, or what to do:", () => {
  const sapLedger = "systems/flux/docs/runbooks/sap-ledger.md";
  const incidents = "docs/operations/incidents.md";
  const labels = "        labels:\n          severity: ticket\n";
  for (const [title, from, to, says] of [
    ["no severity", labels, "", "SapOldestBatch has no severity"],
    [
      "a severity that is only an annotation",
      `${labels}        annotations:\n`,
      "        annotations:\n          severity: ticket\n",
      "SapOldestBatch has no severity",
    ],
    [
      "another severity",
      "severity: ticket",
      "severity: critical",
      "SapOldestBatch of sap-ledger is a ticket, not a critical",
    ],
    [
      "a cause that pages beside the symptom",
      "severity: ticket",
      "severity: page",
      "SapOldestBatch of sap-ledger is a ticket, not a page",
    ],
    [
      "a symptom that does not page",
      "severity: page",
      "severity: ticket",
      "ProcessesLate of incidents is a page, not a ticket",
    ],
    ["no runbook", `          runbook: ${sapLedger}\n`, "", "SapOldestBatch has no runbook"],
    [
      "a runbook that does not exist",
      sapLedger,
      "docs/operations/sap.md",
      "SapOldestBatch leads to docs/operations/sap.md, which does not exist",
    ],
    [
      "a section that its runbook does not have",
      "#processes-late",
      "#too-late",
      `ProcessesLate leads to #too-late, which ${incidents} does not have`,
    ],
  ] as const) {
    test(title, () => {
      assert.deepEqual(rulesIn(specimen).flatMap(missingIn), []);
      const broken = specimen.replace(from, to);
      assert.notEqual(broken, specimen);
      assert.deepEqual(rulesIn(broken).flatMap(missingIn), [says]);
    });
  }
});

test("every rule says how urgent it is and leads to a runbook that exists; symptoms page, and nothing else", () => {
  assert.ok(all.length > pages.length);
  assert.deepEqual(all.flatMap(missingIn), []);
  for (const { name, group, runbook } of rules)
    assert.equal(runbook, `systems/flux/docs/runbooks/${group}.md`, name);
});

test("every symptom that opens incidents pages by one rule, which leads to its section of the runbook", () => {
  const runbook = readText("docs/operations/incidents.md");
  assert.deepEqual(
    pages.map(({ expr }) => expr),
    symptomNames.map((symptom) => `max by (symptom) (entente_open_incidents{symptom="${symptom}"}) > 0`),
  );
  for (const [n, symptom] of symptomNames.entries()) {
    assert.equal(pages[n]?.runbook, runbookOf(symptom));
    assert.match(runbook, new RegExp(`^## ${symptom}$`, "m"));
    assert.ok(runbook.includes(pages[n]?.threshold ?? "?"), symptom);
  }
  const register = new Registry();
  incidentMetrics(register, { fitness: null } as never);
  assert.ok(register.getSingleMetric("entente_open_incidents") !== undefined);
});

test("rules speak of metrics, treaties, kinds of case and states that there are", () => {
  const register = new Registry();
  treatyMetrics(register, {} as never);
  const metrics = new Set(register.getMetricsAsArray().map(({ name }) => name));
  const names = new Set(["", ...treaties.map(({ name }) => name)]);
  const states =
    "created sent accepted completed rejected unknown retry_wait blocked fallout cancelled".split(" ");
  const labels: Readonly<Record<string, readonly string[]>> = {
    entente_treaty_fallout_total: Object.keys(safeActs),
    entente_treaty_waiting: states,
    entente_treaty_pending_age_seconds: states,
    entente_treaty_states_total: states,
    entente_treaty_feed_age_seconds: ["reading", "following", "away"],
  };
  for (const { name, expr } of rules) {
    const used = [...expr.matchAll(/(entente_\w+)\{([^}]*)\}/g)];
    assert.ok(used.length > 0, name);
    for (const [, metric = "", selector = ""] of used) {
      assert.ok(metrics.has(metric), `${name}: ${metric}`);
      const treaty = /treaty="([^"]*)"/.exec(selector)?.[1] ?? "";
      assert.ok(names.has(treaty), `${name}: ${treaty}`);
      for (const label of /label=~?"([^"]*)"/.exec(selector)?.[1]?.split("|") ?? []) {
        assert.ok(labels[metric]?.includes(label) ?? true, `${name}: ${label}`);
      }
    }
  }
});
