import { contextAct } from "../context/context-act.ts";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import { Failure } from "../model/failure.ts";
import type { Connection, Database } from "../postgres/database.ts";
import { operation } from "./operate-case.ts";

/**
 * Recovery mode: many hand-offs in fallout sent anew at once. One person asks, another approves, and no more than a bounded number is
 * touched. Without it a command is never replayed. The desk still refuses whatever is in doubt.
 */
export interface RecoveryAsk {
  readonly treaty: string;
  readonly tenantId: string;
  readonly handOffIds: readonly string[];
  readonly by: string;
  readonly why: string;
}

export interface RecoveryApproval {
  readonly tenantId: string;
  readonly requestId: string;
  readonly by: string;
}

export interface RecoveryRequest {
  readonly requestId: string;
  readonly handOffs: number;
}

/** Hand-offs one recovery may touch. */
export const recoveryAllowed = 200;

/** Stores the wish. Errors: `recovery-too-large` (refused), `reason-missing` (refused), `hand-off-not-in-fallout` (conflict). */
export async function askRecovery(
  database: Database,
  context: string,
  now: number,
  ask: RecoveryAsk,
): Promise<RecoveryRequest> {
  const handOffIds = [...new Set(ask.handOffIds)];
  if (ask.why.trim() === "") throw new Failure("refused", "reason-missing", "A recovery takes a reason.");
  if (handOffIds.length === 0 || handOffIds.length > recoveryAllowed) {
    throw new Failure(
      "refused",
      "recovery-too-large",
      `A recovery touches 1 to ${recoveryAllowed} hand-offs; this one names ${handOffIds.length}.`,
      { fields: { named: handOffIds.length, allowed: recoveryAllowed } },
    );
  }
  const requestId = newId(now);
  await database.transaction(async (connection) => {
    const found = await inFallout(connection, ask.tenantId, ask.treaty, handOffIds);
    if (found.length !== handOffIds.length) throw notInFallout(handOffIds.length - found.length);
    await connection.execute(
      `insert into entente.recovery_request (tenant_id, request_id, treaty, act, hand_off_ids, asked_by, asked_why, asked_at)
       values ($1, $2, $3, 'try-anew', $4::uuid[], $5, $6, to_timestamp($7::float8 / 1000))`,
      [ask.tenantId, requestId, ask.treaty, handOffIds, ask.by, ask.why, now],
    );
    const data = { treaty: ask.treaty, requestId, handOffs: handOffIds.length, by: ask.by, why: ask.why };
    await appendEntries(connection, [contextAct(context, now, ask.tenantId, "entente.recovery-asked", data)]);
  });
  return { requestId, handOffs: handOffIds.length };
}

/**
 * Approves and carries out. Returns how many commands were given to the desk.
 * Errors: `second-person-needed` (refused) for the one who asked, `recovery-not-open` (conflict), `hand-off-not-in-fallout`.
 */
export async function approveRecovery(
  database: Database,
  context: string,
  now: number,
  approval: RecoveryApproval,
): Promise<number> {
  return database.transaction(async (connection) => {
    const [request] = await connection.execute<{
      treaty: string;
      ids: string[];
      asked_by: string;
      asked_why: string;
    }>(
      `select treaty, hand_off_ids as ids, asked_by, asked_why from entente.recovery_request
       where tenant_id = $1 and request_id = $2 and approved_at is null for update`,
      [approval.tenantId, approval.requestId],
    );
    if (request === undefined) {
      throw new Failure("conflict", "recovery-not-open", "No such recovery waits for approval.", {
        fields: { requestId: approval.requestId },
      });
    }
    if (request.asked_by === approval.by) {
      throw new Failure("refused", "second-person-needed", "Whoever asked for a recovery cannot approve it.");
    }
    const found = await inFallout(connection, approval.tenantId, request.treaty, request.ids);
    if (found.length !== request.ids.length) throw notInFallout(request.ids.length - found.length);
    await connection.execute(
      `update entente.recovery_request set approved_by = $3, approved_at = to_timestamp($4::float8 / 1000)
       where tenant_id = $1 and request_id = $2`,
      [approval.tenantId, approval.requestId, approval.by, now],
    );
    const why = `recovery ${approval.requestId}: ${request.asked_why}`;
    const data = {
      treaty: request.treaty,
      requestId: approval.requestId,
      askedBy: request.asked_by,
      by: approval.by,
      why,
    };
    const act = contextAct(context, now, approval.tenantId, "entente.recovery-approved", data);
    await appendEntries(connection, [
      act,
      ...found.map(({ handOffId, key, processId, correlationId }) =>
        operation(
          context,
          now,
          { ...act, key, processId, correlationId },
          {
            treaty: request.treaty,
            handOffId,
            act: "try-anew",
            by: `${request.asked_by}, ${approval.by}`,
            why,
          },
        ),
      ),
    ]);
    return found.length;
  });
}

async function inFallout(
  connection: Connection,
  tenantId: string,
  treaty: string,
  handOffIds: readonly string[],
): Promise<{ handOffId: string; key: string; processId: string; correlationId: string }[]> {
  return connection.execute(
    `select hand_off_id as "handOffId", key, process_id as "processId", correlation_id as "correlationId" from entente.hand_off
     where tenant_id = $1 and hand_off_id = any($2::uuid[]) and treaty = $3 and state in ('fallout', 'rejected') order by hand_off_id`,
    [tenantId, handOffIds, treaty],
  );
}

function notInFallout(missing: number): Failure {
  return new Failure(
    "conflict",
    "hand-off-not-in-fallout",
    `${missing} of the hand-offs are not in fallout of this tenant and treaty.`,
    { fields: { missing } },
  );
}
