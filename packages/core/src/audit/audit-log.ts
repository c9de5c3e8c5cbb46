import { randomBytes } from "node:crypto";
import type { ConsumerDefinition, ConsumerSource } from "../consumer/consumer.ts";
import type { Entry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import { appendToLogs, lockTrees } from "./append-to-logs.ts";
import { nonceBytes } from "./leaf.ts";
import { sheetsOf } from "./sheet.ts";

/**
 * The consumer that writes every entry of every journal into its tenant's audit log, once, with a dense index, in the transaction that
 * moves its cursor. Of one key the log keeps the journal's order; entries of different keys come as they are read.
 */

export const auditLogName = "audit-log";

/** `random` gives the bytes that hide payloads; they must not be guessable. */
export function auditLogConsumer(
  sources: readonly ConsumerSource[],
  onAppended: () => void,
  random: (bytes: number) => Buffer = randomBytes,
): ConsumerDefinition {
  return {
    name: auditLogName,
    sources,
    wants: () => true,
    // Nothing of a key is logged before what came earlier: a gap would be an omission.
    policy: () => "hold-key",
    async apply(connection, batch) {
      const entries = batch.entries.filter((entry) => !batch.blocked(entry));
      if (entries.length === 0) return;
      const generations = await readGenerations(connection);
      const generationOf = (entry: Entry): string => {
        const generation = generations.get(entry.source);
        if (generation === undefined) throw foreign(entry);
        return generation;
      };
      const byTenant = Map.groupBy(entries, (entry) => entry.tenantId);
      const sheets = new Map(
        [...byTenant].map(([tenantId, own]) => {
          return [tenantId, sheetsOf(own, random(nonceBytes * own.length), generationOf)] as const;
        }),
      );
      const trees = await lockTrees(connection, [...byTenant.keys()]);
      batch.writeLast(appendToLogs(trees.map((tree) => ({ tree, sheets: sheets.get(tree.tenantId) ?? [] }))));
    },
    committed: onAppended,
  };
}

/** Every entry stands in the journal of its writer; one that does not is not of this system. */
function foreign({ source, id }: Entry): Failure {
  return new Failure(
    "defect",
    "audit-source-unknown",
    "The entry names a writer whose journal is not followed.",
    {
      fields: { source, entryId: id },
    },
  );
}

const generations: Statement = {
  name: "audit-generations",
  text: "select journal, generation from entente.cursor where consumer = $1 and lane = 0",
};

/** Of each journal, as the cursors know it that this transaction moves. */
async function readGenerations(connection: Connection): Promise<ReadonlyMap<string, string>> {
  const rows = await connection.run<{ journal: string; generation: string }>(generations, [auditLogName]);
  return new Map(rows.map(({ journal, generation }) => [journal, generation]));
}
