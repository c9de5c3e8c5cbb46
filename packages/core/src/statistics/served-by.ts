import type { ContextDefinition } from "../context/definition.ts";
import type { ProcessDefinition } from "../model/process.ts";
import { openerName } from "../treaty/hand-off-opener.ts";
import { isHandOffTreaty } from "../treaty/treaty.ts";

/** A consumer that entries of a flow have to pass. */
export interface ConsumerServing {
  readonly kind: "consumer";
  readonly context: string;
  readonly name: string;
  /** Context whose journal it reads. */
  readonly journal: string;
  /** Types of the flow's entries that it reads there. */
  readonly types: readonly string[];
  /** Of commands only those for this context. */
  readonly target: string | null;
}

/** A treaty that a flow's facts ask something of. */
export interface TreatyServing {
  readonly kind: "treaty";
  readonly context: string;
  readonly name: string;
  /** The flow needs its result: its customers wait for it. */
  readonly isWaitedFor: boolean;
}

export type Serving = ConsumerServing | TreatyServing;

/**
 * What serves the processes of a type, as the contexts declare it: the deciders of the command that starts them, what makes hand-offs of the
 * facts they listen to with the treaties concerned, and the process view. A command that one context sends another is not
 * followed: the facts that come of it are. Pure.
 */
export function servedBy(definition: ProcessDefinition, contexts: readonly ContextDefinition[]): Serving[] {
  const { startedBy, facts } = definition;
  const intake = contexts.find((context) => context.intake !== undefined);
  if (intake === undefined) return [];
  return contexts.flatMap((context): Serving[] => {
    const { name, deciders = [], treaties = [] } = context;
    const deciding = deciders.filter(
      ({ decider, commandsFrom }) =>
        Object.hasOwn(decider.commands, startedBy) && commandsFrom.includes(intake.name),
    );
    const asking = treaties
      .filter(isHandOffTreaty)
      .filter((treaty) => treaty.facts.some((fact) => facts.includes(fact)));
    const openedFrom = [...new Set(asking.flatMap(({ factsFrom }) => factsFrom))];
    return [
      ...deciding.map(({ decider }) => ({
        ...({ kind: "consumer", context: name, name: decider.name, journal: intake.name } as const),
        ...{ types: [startedBy], target: name },
      })),
      ...openedFrom.map((journal) => ({
        ...({ kind: "consumer", context: name, name: openerName, journal, target: null } as const),
        types: [
          ...new Set(
            asking
              .filter(({ factsFrom }) => factsFrom.includes(journal))
              .flatMap((treaty) => treaty.facts.filter((fact) => facts.includes(fact))),
          ),
        ],
      })),
      ...asking.map(({ name: treaty, style }) => ({
        ...({ kind: "treaty", context: name, name: treaty, isWaitedFor: style.flowNeedsTheResult } as const),
      })),
      ...(context.intake?.factsFrom ?? []).map((journal) => ({
        ...({
          kind: "consumer",
          context: name,
          name: "process-view",
          journal,
          types: facts,
          target: null,
        } as const),
      })),
    ];
  });
}
