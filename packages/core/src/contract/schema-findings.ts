import { compareSchemas } from "./compare-schemas.ts";
import type { ContractFinding, Direction } from "./contract-finding.ts";
import { type JsonSchema, schemaText } from "./json-schema.ts";
import type { Compatibility } from "./published-message.ts";
import { writerView } from "./writer-view.ts";

/** True when `all` holds as much as `one` does. */
export function promises(all: Compatibility, one: Compatibility): boolean {
  return all === "full" || all === one;
}

/** What readers and writers of two versions of one schema do to each other. */
export function schemaFindings(
  subject: string,
  version: string,
  before: JsonSchema,
  now: JsonSchema,
  compatibility: Compatibility,
): ContractFinding[] {
  // Unchanged, whatever it says and whether we read it or not.
  if (schemaText(before) === schemaText(now)) return [];
  const directions: [Direction, JsonSchema, JsonSchema][] = [];
  if (promises(compatibility, "backward")) directions.push(["old writer, new reader", before, now]);
  if (promises(compatibility, "forward")) directions.push(["new writer, old reader", now, before]);
  return directions.flatMap(([direction, writer, reader]) => {
    const { verdict, findings } = compareSchemas(writerView(writer), reader);
    if (verdict === "compatible") return [];
    return findings.map(
      ({ rule, at, says, counterExample }): ContractFinding => ({
        rule,
        severity: counterExample === undefined ? "undecided" : "breaking",
        subject,
        says,
        version,
        direction,
        at,
        ...(counterExample === undefined ? {} : { counterExample }),
      }),
    );
  });
}
