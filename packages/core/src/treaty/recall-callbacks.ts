import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { Database } from "../postgres/database.ts";
import type { Surroundings } from "./advance-hand-offs.ts";
import { takeArrived, takeUnmatched } from "./callback-records.ts";
import { type NewCase, openCases } from "./fallout-cases.ts";
import { recallCommand } from "./hand-off-desk.ts";
import { keyHash, plainEntry } from "./hand-off-entries.ts";
import type { HandOffTreaty } from "./treaty.ts";
import { type TreatyEvent, tenantSubject } from "./treaty-events.ts";

/** Early callbacks recalled by one look at most. */
const perTurn = 64;

/** Brings early callbacks back once their hand-off is there, and gives up those that waited in vain. */
export async function recallEarly(
  database: Database,
  around: Surroundings,
  treaty: HandOffTreaty,
  report: (event: TreatyEvent) => void,
): Promise<boolean> {
  if (treaty.callback === undefined) return false;
  const now = around.now();
  const { isBack, lines } = await database.transaction(async (connection) => {
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
    const cases = unmatched.map(({ tenantId, messageId, entryId, reference }): NewCase => {
      const says = `The message ${messageId} speaks of something we never asked for.`;
      const owner = treaty.runbook.businessOwner;
      const known = { correlationId: entryId, keyHash: keyHash(reference) };
      return {
        about: { ...tenantSubject(tenantId, treaty.target), ...known },
        treaty: treaty.name,
        kind: "callback-unmatched",
        code: null,
        says,
        owner,
      };
    });
    return { isBack: back.length > 0, lines: await openCases(connection, cases, now) };
  });
  for (const line of lines) report(line);
  return isBack;
}
