import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Registry } from "prom-client";
import { runbookOf, symptomNames } from "../packages/core/src/fitness/symptoms.ts";
import { safeActs } from "../packages/core/src/treaty/fallout-cases.ts";
import { incidentMetrics } from "../packages/edge/src/incident-metrics.ts";
import { treatyMetrics } from "../packages/edge/src/treaty-metrics.ts";
import { everyCounterparty } from "../systems/flux/app/contract.ts";
import { treatiesWith } from "../systems/flux/app/counterparties.ts";
import { stages } from "../systems/flux/app/stage.ts";

/** The alert rules and the runbooks say the same, and about metrics that exist. */

const url = new URL("../docs/operations/alerts.rules.yml", import.meta.url);

interface Rule {
  readonly group: string;
  readonly name: string;
  readonly expr: string;
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
      const [expr, threshold, runbook] = ["expr", "threshold", "runbook"].map(value) as [
        string,
        string,
        string,
      ];
      return { group: group.split("\n")[0] ?? "", name, expr, threshold, runbook };
    });
  });
}

const all = rulesIn(readFileSync(url, "utf8"));
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

test("every symptom that opens incidents pages by one rule, which leads to its section of the runbook", () => {
  const runbook = readFileSync(new URL("../docs/operations/incidents.md", import.meta.url), "utf8");
  assert.deepEqual(
    pages.map(({ expr }) => expr),
    symptomNames.map((symptom) => `entente_open_incidents{symptom="${symptom}"} > 0`),
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
