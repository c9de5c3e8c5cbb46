import { type Database, type Statement, textArray } from "@entente/core";
import { type TopUpFact, undoableFacts } from "../domain/undoable-top-up.ts";

const read: Statement = {
  name: "top-up-facts",
  text: `select j.id, j.type, j.causation_id as "causationId", j.process_id as "processId", j.data from entente.journal j
    where j.process_id = $2 and j.process_id <> j.id and j.tenant_id = $1 and j.type = any($3::text[]) order by j.xid, j.seq`,
};

/** What the subscription has of a top-up that its undo must know; none for what is not there, or is another tenant's. Index: journal_process. */
export function readTopUp(database: Database, tenantId: string, processId: string): Promise<TopUpFact[]> {
  return database.run<TopUpFact & Record<string, unknown>>(read, [
    tenantId,
    processId,
    textArray(undoableFacts),
  ]);
}
