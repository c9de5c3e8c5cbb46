import type { SystemDefinition } from "@entente/core";

/**
 * Drills for development mode; production ignores them.
 * - `ENTENTE_DIE_AT=consumer:before-commit:3` ends this process without warning the third time it passes that point, as a
 *   crash would. Points: intake:before-commit, intake:after-commit, consumer:read, consumer:before-commit,
 *   consumer:after-commit, consumer:before-resume-commit, rewrap:before-commit (of `entente keys rewrap`), and retention-<context>:
 *   with detached, archived, recorded, dropped.
 * - `ENTENTE_POISON=car-0666` makes every command break its decider whose data mentions that value, as a bug would.
 */
export function dieAt(order: string | undefined): ((point: string) => void) | undefined {
  const match = /^([a-z-]+:[a-z-]+):(\d+)$/.exec(order ?? "");
  const [, where, times] = match ?? [];
  if (where === undefined || times === undefined) return undefined;
  let left = Number(times);
  return (point) => {
    if (point === where && --left === 0) process.kill(process.pid, "SIGKILL");
  };
}

/** The system with deciders that throw at commands whose data has a member of this value. */
export function poisoned(definition: SystemDefinition, value: string | undefined): SystemDefinition {
  if (value === undefined || value === "") return definition;
  return {
    ...definition,
    contexts: definition.contexts.map((context) => ({
      ...context,
      deciders: (context.deciders ?? []).map(({ decider, commandsFrom }) => ({
        commandsFrom,
        decider: {
          ...decider,
          decide: (...given: Parameters<typeof decider.decide>) => {
            if (Object.values(given[1].data).includes(value)) throw new Error("poisoned by a drill");
            return decider.decide(...given);
          },
        },
      })),
    })),
  };
}
