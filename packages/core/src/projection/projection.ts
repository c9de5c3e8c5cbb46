import type { ConsumerDefinition, ConsumerSource } from "../consumer/consumer.ts";
import type { Entry } from "../model/entry.ts";
import type { Connection } from "../postgres/database.ts";

/**
 * A read model: a table that facts keep up to date and readers query without touching anything else.
 * Replaying facts it has seen must not happen and cannot: the cursor moves in the same transaction.
 */
export interface Projection {
  /** Unique in its context. */
  readonly name: string;
  /** The table, schema-qualified, made by the context's migrations. */
  readonly table: string;
  /** Fact types it follows. */
  readonly facts: readonly string[];
  /**
   * Writes what the facts mean into `table`, which is the projection's own or, during a rebuild, its successor.
   * Facts come in order per key; several of one key may come at once and are best folded into one write.
   */
  apply(connection: Connection, facts: readonly Entry[], table: string): Promise<void>;
}

export function projectionConsumer(
  projection: Projection,
  sources: readonly ConsumerSource[],
  onChange: () => void,
): ConsumerDefinition {
  const facts = new Set(projection.facts);
  return {
    name: projection.name,
    sources,
    wants: (entry) => facts.has(entry.type),
    // A read model with a hole is a lie: later facts of the key wait until somebody mends the cause.
    policy: () => "hold-key",
    async apply(connection, batch) {
      const wanted = batch.entries.filter((entry) => !batch.blocked(entry));
      if (wanted.length > 0) await projection.apply(connection, wanted, projection.table);
    },
    committed: onChange,
  };
}
