import { contextAct } from "../context/context-act.ts";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import { Failure } from "../model/failure.ts";
import { int8Array, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Database } from "../postgres/database.ts";
import { operation } from "./operate-case.ts";

/**
 * Recovery mode: many hand-offs in fallout sent anew at once. One person asks, another approves, and no more than a bounded number is
 * touched. Without it a command is never replayed. What may have had its effect is not even a candidate, and the desk refuses it once more.
 */
export interface RecoveryAsk {
  readonly treaty: string;
  readonly tenantId: string;
  readonly handOffIds: readonly string[];
  readonly by: string;
  readonly why: string;
}

export interface RecoveryDecision {
  readonly tenantId: string;
  readonly requestId: string;
  readonly by: string;
  readonly why: string;
}

export interface RecoveryRequest {
  readonly requestId: string;
  readonly handOffs: number;
}

/** Hand-offs one recovery may touch. */
export const recoveryAllowed = 200;
/** Milliseconds of business time after which nobody may approve it any more: 24 h. */
export const recoveryOpenMs = 86_400_000;

/** What a person may have sent anew: given up or refused, known not to have happened, wanted, and not on its way already. */
const isCandidate =
  "state in ('fallout', 'rejected') and not in_doubt and not effect_known and not withdrawn and not released";

/**
 * Stores the wish. Errors: `recovery-empty`, `recovery-too-large`, `reason-missing` (refused), `hand-off-not-in-fallout` (conflict) when one
 * of them is not the tenant's and treaty's, not in fallout or rejected, or may not be sent anew.
 */
export async function askRecovery(
  database: Database,
  context: string,
  now: number,
  ask: RecoveryAsk,
): Promise<RecoveryRequest> {
  const named = [...new Set(ask.handOffIds)];
  if (ask.why.trim() === "") throw new Failure("refused", "reason-missing", "A recovery takes a reason.");
  boundRecovery(named.length);
  const requestId = newId(now);
  await database.transaction(async (connection) => {
    const found = await candidates(connection, ask.tenantId, ask.treaty, named);
    if (found.length !== named.length) throw notInFallout(named.length - found.length);
    const handOffIds = found.map(({ handOffId }) => handOffId);
    await connection.execute(
      `insert into entente.recovery_request (tenant_id, request_id, treaty, act, hand_off_ids, versions, asked_by, asked_why, asked_at)
       values ($1, $2, $3, 'try-anew', $4::uuid[], $5::int8[], $6, $7, to_timestamp($8::float8 / 1000))`,
      [
        ask.tenantId,
        requestId,
        ask.treaty,
        uuidArray(handOffIds),
        int8Array(found.map(({ version }) => version)),
        ask.by,
        ask.why,
        now,
      ],
    );
    const data = {
      treaty: ask.treaty,
      requestId,
      handOffs: named.length,
      handOffIds,
      by: ask.by,
      why: ask.why,
    };
    await appendEntries(connection, [contextAct(context, now, ask.tenantId, "entente.recovery-asked", data)]);
  });
  return { requestId, handOffs: named.length };
}

/** Errors: `recovery-empty`, `recovery-too-large` (refused). */
export function boundRecovery(named: number): void {
  if (named === 0) {
    throw new Failure("refused", "recovery-empty", "Nothing of this treaty may be sent anew.");
  }
  if (named <= recoveryAllowed) return;
  throw new Failure(
    "refused",
    "recovery-too-large",
    `A recovery touches ${recoveryAllowed} hand-offs at most; this one names ${named}.`,
    { fields: { named, allowed: recoveryAllowed } },
  );
}

/**
 * Approves and carries out. Returns how many commands were given to the desk.
 * Errors: `reason-missing`, `second-person-needed` (refused) for the one who asked, `recovery-not-open` (conflict), `recovery-stale` (conflict)
 * when it is older than a day, or a hand-off has moved since it was asked for: then it was asked for something else.
 */
export async function approveRecovery(
  database: Database,
  context: string,
  now: number,
  approval: RecoveryDecision,
): Promise<number> {
  needReason(approval);
  return database.transaction(async (connection) => {
    const request = await lockOpen(connection, approval);
    if (request.askedBy === approval.by) {
      throw new Failure("refused", "second-person-needed", "Whoever asked for a recovery cannot approve it.");
    }
    const found = await candidates(connection, approval.tenantId, request.treaty, request.handOffIds);
    const versions = new Map(request.handOffIds.map((id, n) => [id, request.versions?.[n]]));
    const unmoved = found.filter(
      ({ handOffId, version }) => (versions.get(handOffId) ?? version) === version,
    );
    const moved = request.handOffIds.length - unmoved.length;
    if (moved > 0 || now > request.askedAt + recoveryOpenMs) {
      throw new Failure(
        "conflict",
        "recovery-stale",
        moved > 0
          ? `${moved} of its hand-offs moved since this recovery was asked for. Look, and ask anew.`
          : "This recovery was asked for more than a day ago. Look, and ask anew.",
        { fields: { requestId: approval.requestId, moved } },
      );
    }
    await connection.execute(
      `update entente.recovery_request set approved_by = $3, approved_why = $4, approved_at = to_timestamp($5::float8 / 1000)
       where tenant_id = $1 and request_id = $2`,
      [approval.tenantId, approval.requestId, approval.by, approval.why, now],
    );
    const data = {
      treaty: request.treaty,
      requestId: approval.requestId,
      handOffs: found.length,
      askedBy: request.askedBy,
      askedWhy: request.askedWhy,
      by: approval.by,
      why: approval.why,
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
            by: `${request.askedBy}, ${approval.by}`,
            why: `recovery ${approval.requestId}: ${request.askedWhy}; ${approval.why}`,
          },
        ),
      ),
    ]);
    return found.length;
  });
}

/** Ends a wish without doing anything; also the way to take one's own back. Errors: `reason-missing`, `recovery-not-open`. */
export async function rejectRecovery(
  database: Database,
  context: string,
  now: number,
  rejection: RecoveryDecision,
): Promise<void> {
  needReason(rejection);
  await database.transaction(async (connection) => {
    const { treaty, askedBy } = await lockOpen(connection, rejection);
    const { tenantId, requestId, by, why } = rejection;
    await connection.execute(
      `update entente.recovery_request set rejected_by = $3, rejected_why = $4, rejected_at = to_timestamp($5::float8 / 1000)
       where tenant_id = $1 and request_id = $2`,
      [tenantId, requestId, by, why, now],
    );
    const data = { treaty, requestId, askedBy, by, why };
    await appendEntries(connection, [contextAct(context, now, tenantId, "entente.recovery-rejected", data)]);
  });
}

function needReason({ why }: { readonly why: string }): void {
  if (why.trim() === "")
    throw new Failure("refused", "reason-missing", "Deciding about a recovery takes a reason.");
}

interface OpenRequest {
  readonly treaty: string;
  readonly handOffIds: readonly string[];
  readonly versions: readonly number[] | null;
  readonly askedBy: string;
  readonly askedWhy: string;
  readonly askedAt: number;
}

async function lockOpen(
  connection: Connection,
  { tenantId, requestId }: Pick<RecoveryDecision, "tenantId" | "requestId">,
): Promise<OpenRequest> {
  const [request] = await connection.execute<OpenRequest & Record<string, unknown>>(
    `select treaty, hand_off_ids as "handOffIds", versions::text[]::float8[] as versions, asked_by as "askedBy",
       asked_why as "askedWhy", asked_at as "askedAt" from entente.recovery_request
     where tenant_id = $1 and request_id = $2 and approved_at is null and rejected_at is null for update`,
    [tenantId, requestId],
  );
  if (request === undefined) {
    throw new Failure("conflict", "recovery-not-open", "No such recovery waits for a decision.", {
      fields: { requestId },
    });
  }
  return request;
}

interface Candidate {
  readonly handOffId: string;
  readonly key: string;
  readonly processId: string;
  readonly correlationId: string;
  readonly version: number;
}

async function candidates(
  connection: Connection,
  tenantId: string,
  treaty: string,
  handOffIds: readonly string[],
): Promise<Candidate[]> {
  return connection.execute<Candidate & Record<string, unknown>>(
    `select hand_off_id as "handOffId", key, process_id as "processId", correlation_id as "correlationId", version::float8 as version
     from entente.hand_off where tenant_id = $1 and hand_off_id = any($2::uuid[]) and treaty = $3 and ${isCandidate} order by hand_off_id`,
    [tenantId, uuidArray(handOffIds), treaty],
  );
}

/** What could be recovered, and what could not and why. */
export interface RecoveryPreview {
  readonly candidates: number;
  readonly allowed: number;
  /** Oldest first; as many as asked for. */
  readonly handOffIds: readonly string[];
  /** In fallout or rejected, and not to be sent anew. */
  readonly notSafe: { readonly inDoubt: number; readonly happened: number; readonly withdrawn: number };
}

/** Blast radius of a recovery of everything the treaty has, or of what ended with one code. */
export async function previewRecovery(
  database: Database,
  tenantId: string,
  treaty: string,
  code: string | null,
  limit: number,
): Promise<RecoveryPreview> {
  const scope = `from entente.hand_off where tenant_id = $1 and treaty = $2 and state in ('fallout', 'rejected')
    and ($3::text is null or coalesce(last_error_code, external_code) = $3)`;
  const [[counts], found] = await Promise.all([
    database.execute<Record<string, number>>(
      `select count(*) filter (where ${isCandidate})::float8 as candidates, count(*) filter (where effect_known)::float8 as happened,
         count(*) filter (where in_doubt and not effect_known)::float8 as "inDoubt",
         count(*) filter (where withdrawn and not in_doubt and not effect_known)::float8 as withdrawn ${scope}`,
      [tenantId, treaty, code],
    ),
    database.execute<{ id: string }>(
      `select hand_off_id as id ${scope} and ${isCandidate} order by created_at, hand_off_id limit $4`,
      [tenantId, treaty, code, limit],
    ),
  ]);
  const { candidates: number = 0, inDoubt = 0, happened = 0, withdrawn = 0 } = counts ?? {};
  return {
    candidates: number,
    allowed: recoveryAllowed,
    handOffIds: found.map(({ id }) => id),
    notSafe: { inDoubt, happened, withdrawn },
  };
}

function notInFallout(missing: number): Failure {
  return new Failure(
    "conflict",
    "hand-off-not-in-fallout",
    `${missing} of the hand-offs are not in fallout of this tenant and treaty, or may not be sent anew.`,
    { fields: { missing } },
  );
}
