import { auditLogName } from "../audit/audit-log.ts";
import { processStartsName } from "../statistics/process-starts.ts";
import { deskName } from "../treaty/hand-off-desk.ts";
import { openerName } from "../treaty/hand-off-opener.ts";
import { isHandOffTreaty } from "../treaty/treaty.ts";
import type { ContextDefinition } from "./definition.ts";

/** What a consumer makes of what it reads, and so what reading it again would do. */
export type ConsumerKind = "decider" | "projection" | "process-view" | "treaty" | "audit" | "statistics";

/** A consumer and one journal it has cursors in. */
export interface Follower {
  readonly consumer: string;
  readonly kind: ConsumerKind;
  /** Name of the context whose journal it is. */
  readonly journal: string;
}

/** Every consumer of a context with every journal it follows, its own included. */
export function followersIn(definition: ContextDefinition): Follower[] {
  const { name, deciders = [], projections = [], treaties = [], audit, intake } = definition;
  const acting = treaties.filter(isHandOffTreaty);
  return [
    ...deciders.flatMap(({ decider, commandsFrom }) =>
      // Due timers reach a decider through its own context's journal.
      [...new Set([...commandsFrom, name])].map((journal) => {
        return { consumer: decider.name, kind: "decider", journal } as const;
      }),
    ),
    ...projections.map((projection) => {
      return { consumer: projection.name, kind: "projection", journal: name } as const;
    }),
    // An act asked for again is found by its key, so that reading again opens nothing twice.
    ...[...new Set(acting.flatMap(({ factsFrom }) => factsFrom))].map((journal) => {
      return { consumer: openerName, kind: "treaty", journal } as const;
    }),
    ...(acting.length === 0 ? [] : [{ consumer: deskName, kind: "treaty", journal: name } as const]),
    // Read again, entries are logged again, with the generation of the journal they were read from: nothing is hidden by it.
    ...(audit?.follows ?? []).map((journal) => {
      return { consumer: auditLogName, kind: "audit", journal } as const;
    }),
    ...(intake?.factsFrom ?? []).map((journal) => {
      return { consumer: "process-view", kind: "process-view", journal } as const;
    }),
    ...(intake === undefined
      ? []
      : [{ consumer: processStartsName, kind: "statistics", journal: name } as const]),
  ];
}
