import { fitnessDecider } from "../fitness/fitness-decider.ts";
import { fitnessRecords } from "../fitness/fitness-records.ts";
import type { Decider } from "../model/decider.ts";
import type { FitnessFunction } from "../model/fitness.ts";
import type { SystemDefinition } from "./definition.ts";

/** Name of the context that writes down how the system fares. */
export const fitnessContext = "fitness";

/** The system with one more context: it keeps incidents, weekly figures and review items. It must be at work where the intake is. */
export function withFitness(
  definition: SystemDefinition,
  functions: readonly FitnessFunction[],
): SystemDefinition {
  return {
    ...definition,
    contexts: [
      ...definition.contexts,
      {
        name: fitnessContext,
        deciders: [{ decider: fitnessDecider as unknown as Decider<object>, commandsFrom: [] }],
        projections: [fitnessRecords],
        fitness: { functions },
      },
    ],
  };
}
