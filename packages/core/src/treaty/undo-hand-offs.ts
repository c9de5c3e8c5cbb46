import type { HandOff } from "../model/hand-off-record.ts";
import type { Connection } from "../postgres/database.ts";
import type { Surroundings } from "./advance-hand-offs.ts";
import { type NewCase, openCases } from "./fallout-cases.ts";
import { openHandOffs, type Wanted } from "./open-hand-offs.ts";
import { readRequests } from "./read-requests.ts";
import type { HandOffTreaty } from "./treaty.ts";
import { type CaseLine, subjectOf } from "./treaty-events.ts";

/**
 * Opens the acts that undo what happened and is not wanted; a treaty without one leaves a case instead. Returns lines about cases, to be told
 * once it is committed.
 */
export async function undo(
  connection: Connection,
  around: Surroundings,
  unwanted: readonly HandOff[],
): Promise<readonly CaseLine[]> {
  const undoable = unwanted.filter(({ treaty }) => around.treaties.get(treaty)?.undoes !== undefined);
  if (undoable.length === 0) return [];
  const now = around.now();
  const requests = await readRequests(
    connection,
    undoable.map(({ handOffId }) => handOffId),
  );
  const wanted: Wanted[] = [];
  const cases: NewCase[] = [];
  for (const handOff of undoable) {
    const { tenantId, handOffId, key, processId, correlationId, customerId, traceparent } = handOff;
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
        customerId,
        traceparent,
        request,
      });
    } else {
      const says = "It was withdrawn and happened all the same.";
      const owner = treaty.runbook.businessOwner;
      cases.push({
        about: subjectOf(handOff, null),
        treaty: treaty.name,
        kind: "unwanted-effect",
        code: null,
        says,
        owner,
      });
    }
  }
  const { lines } = await openHandOffs(connection, around, wanted);
  return [...lines, ...(await openCases(connection, cases, now))];
}
