import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { changeKinds, undecidedChanges } from "./change-kinds.fixture.ts";
import { validator } from "./compare-schemas.ts";
import type { ContractFinding, Direction } from "./contract-finding.ts";
import type { JsonSchema } from "./json-schema.ts";
import { schemaFindings } from "./schema-findings.ts";
import { writerView } from "./writer-view.ts";

/** Through JSON, as a snapshot would come back. */
function read(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema));
}

function found(findings: readonly ContractFinding[], direction: Direction): ContractFinding[] {
  return findings.filter((finding) => finding.direction === direction);
}

describe("to", () => {
  for (const { change, before, after, backward, forward } of changeKinds) {
    test(`${change} is ${backward ?? "fine"} for new readers and ${forward ?? "fine"} for old ones`, () => {
      const findings = schemaFindings("t", "1.0.0", read(before), after, "full");
      for (const [direction, rule, writer, reader] of [
        ["old writer, new reader", backward, before, after],
        ["new writer, old reader", forward, after, before],
      ] as const) {
        const told = found(findings, direction);
        assert.deepEqual([...new Set(told.map((one) => one.rule))], rule === null ? [] : [rule]);
        for (const { severity, counterExample } of told) {
          assert.equal(severity, "breaking");
          assert.ok(counterExample !== undefined);
          assert.equal(validator(writerView(writer))(counterExample), true);
          assert.equal(validator(reader)(counterExample), false);
        }
      }
    });
  }
});

describe("undecided, and said so:", () => {
  for (const { change, before, after, rule } of undecidedChanges) {
    test(change, () => {
      const findings = found(
        schemaFindings("t", "1.0.0", read(before), after, "backward"),
        "old writer, new reader",
      );
      assert.deepEqual(
        findings.map((one) => [one.rule, one.severity]),
        [[rule, "undecided"]],
      );
    });
  }
});
