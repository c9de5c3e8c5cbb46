import type { ContextDefinition } from "./definition.ts";

/** What a consumer makes of what it reads, and so what reading it again would do. */
export type ConsumerKind = "decider" | "projection" | "process-view";

/** A consumer and one journal it has cursors in. */
export interface Follower {
  readonly consumer: string;
  readonly kind: ConsumerKind;
  /** Name of the context whose journal it is. */
  readonly journal: string;
}

/** Every consumer of a context with every journal it follows, its own included. */
export function followersIn(definition: ContextDefinition): Follower[] {
  const { name, deciders = [], projections = [], intake } = definition;
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
    ...(intake?.factsFrom ?? []).map((journal) => {
      return { consumer: "process-view", kind: "process-view", journal } as const;
    }),
  ];
}
