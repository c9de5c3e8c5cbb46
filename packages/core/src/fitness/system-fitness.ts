import type { SystemSettings } from "../context/definition.ts";
import type { ReachableContext } from "../context/system.ts";
import { type Fitness, type FitnessSetting, openFitness } from "./open-fitness.ts";

type Given = "context" | "functions" | "records" | "everyMs";

/** Fitness as the context that the system declares for it keeps it, looked at when this process runs that one; null without. */
export function openSystemFitness(
  setting: Omit<FitnessSetting, Given> & { readonly contexts: ReadonlyMap<string, ReachableContext> },
  run: readonly string[],
  { fitnessEveryMs }: SystemSettings,
): Fitness | null {
  for (const [context, { definition, database: records }] of setting.contexts) {
    if (definition.fitness === undefined) continue;
    const everyMs = run.includes(context) ? fitnessEveryMs : null;
    return openFitness({ ...setting, ...definition.fitness, context, records, everyMs });
  }
  return null;
}
