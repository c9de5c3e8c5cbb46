import type { JsonObject } from "../model/entry.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import type { Surroundings } from "./advance-hand-offs.ts";
import { type NewCase, openCases } from "./fallout-cases.ts";
import type { OpeningData } from "./hand-off-entries.ts";
import { openHandOffs, type Wanted } from "./open-hand-offs.ts";
import type { HandOffTreaty } from "./treaty.ts";

const openingData: Statement = {
  name: "hand-off-opening-data",
  text: "select id, data from entente.journal where id = any($1::uuid[])",
};

/** Opens the acts that undo what happened and is not wanted; a treaty without one leaves a case instead. */
export async function undo(
  connection: Connection,
  around: Surroundings,
  unwanted: readonly HandOff[],
): Promise<void> {
  const undoable = unwanted.filter(({ treaty }) => around.treaties.get(treaty)?.undoes !== undefined);
  if (undoable.length === 0) return;
  const now = around.now();
  const rows = await connection.run<{ id: string; data: OpeningData & JsonObject }>(openingData, [
    undoable.map(({ handOffId }) => handOffId),
  ]);
  const requests = new Map(rows.map(({ id, data }) => [id, data.request ?? {}]));
  const wanted: Wanted[] = [];
  const cases: NewCase[] = [];
  for (const handOff of undoable) {
    const { tenantId, handOffId, key, processId, correlationId, target } = handOff;
    const treaty = around.treaties.get(handOff.treaty) as HandOffTreaty;
    const request = treaty.undoes?.(handOff, requests.get(handOffId) ?? {}) ?? null;
    const undoing = request === null ? undefined : around.treaties.get(request.treaty);
    if (request !== null && undoing !== undefined) {
      wanted.push({
        treaty: undoing,
        tenantId,
        key: request.key ?? key,
        processId,
        correlationId,
        causationId: handOffId,
        request,
      });
    } else {
      const says = "It was withdrawn and happened all the same.";
      const owner = treaty.runbook.businessOwner;
      cases.push({
        tenantId,
        handOffId,
        treaty: treaty.name,
        target,
        kind: "unwanted-effect",
        code: null,
        says,
        owner,
      });
    }
  }
  await openHandOffs(connection, around, wanted);
  await openCases(connection, cases, now);
}
