import type { Entry } from "../model/entry.ts";
import { handOffKey } from "../model/hand-off-key.ts";
import { type HandOffTreaty, isHandOffTreaty, type Treaty } from "./treaty.ts";

/** Where a row of a batch is found: a batch belongs to no process, but its treaty says under which keys the rows of a fact went. */
export interface RowPlace {
  readonly target: string;
  readonly key: string;
}

/** The treaties of these that gather their hand-offs into batches. */
export function batchTreaties(treaties: readonly Treaty[] = []): HandOffTreaty[] {
  return treaties.filter(isHandOffTreaty).filter(({ batch }) => batch !== undefined);
}

/** True when the treaty makes hand-offs of such entries. */
export function isHeard(treaty: HandOffTreaty, { kind, type, source }: HeardBy): boolean {
  return kind === "event" && treaty.facts.includes(type) && treaty.factsFrom.includes(source);
}

type HeardBy = Pick<Entry, "kind" | "type" | "source">;

/** The rows that one of these facts led to, by these treaties. Whether they were opened, the store knows. */
export function rowsOfFact(treaties: readonly HandOffTreaty[], fact: Entry): RowPlace[] {
  const { tenantId } = fact;
  return treaties.flatMap((treaty) =>
    requestsOf(treaty, fact).map(({ aggregateType, aggregateId, line }) => {
      const { target, purpose } = treaty;
      return { target, key: handOffKey({ tenantId, aggregateType, aggregateId, line, target, purpose }, 1) };
    }),
  );
}

function requestsOf(treaty: HandOffTreaty, fact: Entry) {
  if (!isHeard(treaty, fact)) return [];
  try {
    return treaty.request(fact);
  } catch {
    // A fact that the treaty cannot read led to no hand-off: the opener put it aside.
    return [];
  }
}
