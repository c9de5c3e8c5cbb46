import type { ConsumerDefinition, ConsumerSource } from "../consumer/consumer.ts";
import type { Entry } from "../model/entry.ts";
import type { ProcessDefinition } from "../model/process.ts";
import { openProcessMinutes } from "./process-minutes.ts";

export const processStartsName = "process-starts";

/**
 * Counts the processes that customers start, from the journal of the context that accepts them. Their ends are counted by the process
 * view, which alone knows what a fact makes of a process. Not in a hurry: it is given a long pause to gather.
 */
export function processStartsConsumer(options: {
  readonly definitions: readonly ProcessDefinition[];
  readonly source: ConsumerSource;
  readonly random: () => number;
}): ConsumerDefinition {
  const shard = Math.floor(options.random() * 1024);
  const typeOf = new Map(options.definitions.map(({ startedBy, type }) => [startedBy, type]));
  return {
    name: processStartsName,
    sources: [options.source],
    wants: (entry) => entry.kind === "command" && typeOf.has(entry.type) && isFromOutside(entry),
    // A count with a hole is a lie: an entry that could not be counted waits for a person, as with every read model.
    policy: () => "hold-key",
    async apply(_connection, batch) {
      const minutes = openProcessMinutes();
      for (const command of batch.entries) {
        if (batch.blocked(command)) continue;
        minutes.started(command.tenantId, typeOf.get(command.type) as string, command.processId);
      }
      for (const write of minutes.writes(shard)) batch.writeLast(write);
    },
  };
}

/** What a due timer or another decision set off belongs to the process it came from, or is nobody's wish. */
function isFromOutside({ id, processId, correlationId }: Entry): boolean {
  return id === processId && correlationId === id;
}
