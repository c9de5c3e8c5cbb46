import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { JsonObject, NewEntry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import type { Connection, Database } from "../postgres/database.ts";
import { type FalloutCase, lockCase, markClaimed, markClosed, type SafeAct } from "./fallout-cases.ts";
import { type OperationData, operateCommand } from "./hand-off-desk.ts";
import { readHandOff } from "./hand-off-rows.ts";

/** What a person does with a case: claim it, choose a safe act, close it with a reason. Every act is an entry that says who and why. */
export interface CaseAct {
  readonly tenantId: string;
  readonly caseId: string;
  readonly by: string;
  readonly why: string;
}

export interface CaseDecision extends CaseAct {
  readonly act: SafeAct;
}

/** What was acted on, for those who tell of it. */
export interface ActedCase {
  readonly open: FalloutCase;
  readonly handOff: HandOff | null;
}

/** Takes a case over. Errors: `case-not-open`. */
export async function claimCase(
  database: Database,
  context: string,
  now: number,
  act: CaseAct,
): Promise<ActedCase> {
  return database.transaction(async (connection) => {
    const open = await lockCase(connection, act.tenantId, act.caseId);
    await markClaimed(connection, act.tenantId, act.caseId, act.by, now);
    const { entry, acted } = await actEntry(connection, context, now, open, act, "entente.case-claimed", {});
    await appendEntries(connection, [entry]);
    return acted;
  });
}

/** Closes a case. Errors: `case-not-open`, `reason-missing` (refused): without acting, a reason is all that is left. */
export async function closeCase(
  database: Database,
  context: string,
  now: number,
  act: CaseAct,
): Promise<ActedCase> {
  if (act.why.trim() === "") throw new Failure("refused", "reason-missing", "Closing a case takes a reason.");
  return database.transaction(async (connection) => {
    const open = await lockCase(connection, act.tenantId, act.caseId);
    await markClosed(connection, act.tenantId, act.caseId, act.by, act.why, now);
    const { entry, acted } = await actEntry(connection, context, now, open, act, "entente.case-closed", {});
    await appendEntries(connection, [entry]);
    return acted;
  });
}

/** Acts that the desk decides. */
const deskActs = new Set<SafeAct>(["prove-completed", "prove-not-done", "try-anew", "give-up", "escalate"]);

/**
 * Does one of the safe acts of a case. What moves a hand-off is a command: the desk decides, and may still refuse.
 * Errors: `case-not-open`, `reason-missing`, `act-not-safe` (refused) for an act that this kind of case does not offer.
 */
export async function decideCase(
  database: Database,
  context: string,
  now: number,
  decision: CaseDecision,
): Promise<ActedCase> {
  if (decision.why.trim() === "")
    throw new Failure("refused", "reason-missing", "An act on a case takes a reason.");
  return database.transaction(async (connection) => {
    const open = await lockCase(connection, decision.tenantId, decision.caseId);
    if (!open.acts.includes(decision.act)) {
      throw new Failure(
        "refused",
        "act-not-safe",
        `A case "${open.kind}" does not offer "${decision.act}".`,
        {
          fields: { caseId: decision.caseId, acts: open.acts },
        },
      );
    }
    const data = { act: decision.act };
    const { entry, acted } = await actEntry(
      connection,
      context,
      now,
      open,
      decision,
      "entente.case-decided",
      data,
    );
    const entries: NewEntry<object>[] = [entry];
    if (open.handOffId !== null && deskActs.has(decision.act)) {
      const act = decision.act as OperationData["act"];
      entries.push(
        operation(context, now, entry, {
          treaty: open.treaty,
          handOffId: open.handOffId,
          act,
          by: decision.by,
          why: decision.why,
        }),
      );
    }
    if (open.handOffId !== null && decision.act === "ask-again") await askSoon(connection, open, now);
    if (decision.act === "close") {
      await markClosed(connection, decision.tenantId, decision.caseId, decision.by, decision.why, now);
    }
    if (decision.act === "resume-treaty") {
      await connection.execute(
        `update entente.treaty_control set stopped = false, stopped_code = null, stopped_by = $2, stopped_why = $3 where treaty = $1`,
        [open.treaty, decision.by, decision.why],
      );
      // One mended credential clears every case it caused.
      await connection.execute(
        `update entente.fallout_case set closed_by = $2, closed_why = $3, closed_at = to_timestamp($4::float8 / 1000)
         where tenant_id = $5 and treaty = $1 and kind = 'credentials-refused' and closed_at is null`,
        [open.treaty, decision.by, decision.why, now, decision.tenantId],
      );
    }
    await appendEntries(connection, entries);
    return acted;
  });
}

/** Reconciliation looks at it at its next turn. */
async function askSoon(connection: Connection, open: FalloutCase, now: number): Promise<void> {
  await connection.execute(
    `update entente.hand_off set look_at = to_timestamp($3::float8 / 1000)
     where tenant_id = $1 and hand_off_id = $2 and state in ('unknown', 'accepted', 'fallout', 'rejected')`,
    [open.tenantId, open.handOffId, now],
  );
}

/** A command to the desk about one hand-off. */
export function operation(
  context: string,
  now: number,
  cause: NewEntry<object>,
  data: OperationData,
): NewEntry<object> {
  return {
    ...cause,
    id: newId(now),
    kind: "command",
    type: operateCommand,
    target: context,
    causationId: cause.id,
    data: data as unknown as JsonObject,
  };
}

async function actEntry(
  connection: Connection,
  context: string,
  now: number,
  open: FalloutCase,
  act: CaseAct,
  type: string,
  data: JsonObject,
): Promise<{ readonly entry: NewEntry<object>; readonly acted: ActedCase }> {
  const id = newId(now);
  const { tenantId, handOffId, caseId, kind, treaty } = open;
  const handOff = handOffId === null ? null : await readHandOff(connection, { tenantId, handOffId });
  const entry: NewEntry<object> = {
    id,
    kind: "control",
    type,
    schemaVersion: "1.0.0",
    source: context,
    target: null,
    tenantId,
    key: handOff?.key ?? `treaty:${treaty}`,
    keyVersion: null,
    processId: handOff?.processId ?? id,
    correlationId: handOff?.correlationId ?? id,
    causationId: handOffId,
    customerId: handOff?.customerId ?? null,
    ttlMs: null,
    traceparent: handOff?.traceparent ?? null,
    occurredAt: now,
    data: { caseId, caseKind: kind, treaty, handOffId, by: act.by, why: act.why, ...data },
  };
  return { entry, acted: { open, handOff } };
}
