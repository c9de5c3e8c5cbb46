import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { Database } from "../postgres/database.ts";
import type { Surroundings } from "./advance-hand-offs.ts";
import { takeArrived, takeUnmatched } from "./callback-records.ts";
import { type NewCase, openCases } from "./fallout-cases.ts";
import { recallCommand } from "./hand-off-desk.ts";
import { plainEntry } from "./hand-off-entries.ts";
import type { HandOffTreaty } from "./treaty.ts";

/** Early callbacks recalled by one look at most. */
const perTurn = 64;

/** Brings early callbacks back once their hand-off is there, and gives up those that waited in vain. */
export async function recallEarly(
  database: Database,
  around: Surroundings,
  treaty: HandOffTreaty,
): Promise<boolean> {
  if (treaty.callback === undefined) return false;
  const now = around.now();
  return database.transaction(async (connection) => {
    const back = await takeArrived(connection, treaty.name, treaty.target, perTurn);
    await appendEntries(
      connection,
      back.map(({ tenantId, entryId, reference }) => {
        const id = newId(now);
        return {
          ...plainEntry(around.context, id, tenantId, `callback:${reference}`, now),
          kind: "command",
          type: recallCommand,
          target: around.context,
          processId: id,
          correlationId: entryId,
          causationId: entryId,
          data: { entryId },
        };
      }),
    );
    const unmatched = await takeUnmatched(connection, treaty.name, now);
    const cases = unmatched.map(({ tenantId, messageId }): NewCase => {
      const says = `The message ${messageId} speaks of something we never asked for.`;
      const owner = treaty.runbook.businessOwner;
      return {
        tenantId,
        handOffId: null,
        treaty: treaty.name,
        target: treaty.target,
        kind: "callback-unmatched",
        code: null,
        says,
        owner,
      };
    });
    await openCases(connection, cases, now);
    return back.length > 0;
  });
}
