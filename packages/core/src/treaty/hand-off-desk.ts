import type { Batch } from "../consumer/batch.ts";
import type { ConsumerDefinition, ConsumerSource } from "../consumer/definition.ts";
import { shortHash } from "../intake/payload-hash.ts";
import type { Entry, Json, JsonObject } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import type { Finding } from "../model/hand-off.ts";
import type { Translation } from "../model/hand-off-answer.ts";
import { textArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import { advanceHandOffs, type Outcome, type Surroundings, type Witnessed } from "./advance-hand-offs.ts";
import { type CallbackStatus, markCallbacks } from "./callback-records.ts";
import { readReply } from "./reach.ts";
import type { HandOffTreaty } from "./treaty.ts";
import { type Counts, openCounts } from "./treaty-counts.ts";
import { type TreatyEvent, tellLater } from "./treaty-events.ts";
import { undo } from "./undo-hand-offs.ts";

/**
 * Decides about what others say: a consumer of the context's own journal that turns callbacks, findings of reconciliation and acts of
 * persons into moves of hand-offs. A callback is an observation; here is where it becomes one.
 */

export const deskName = "hand-off-desk";

/** A message of a counterparty, verified and stored. */
export const callbackType = "entente.callback-received";
/** An early callback whose hand-off is there by now. */
export const recallCommand = "entente.recall-callback";
/** What reconciliation found. */
export const correctCommand = "entente.correct-hand-off";
/** What a person decided or can prove. */
export const operateCommand = "entente.operate-hand-off";

export interface CallbackData {
  readonly treaty: string;
  readonly messageId: string;
  /** Our key or their name for it. */
  readonly reference: string;
  readonly schemaVersion: string;
  readonly payloadHash: string;
  readonly body: Json;
}

export interface CorrectionData {
  readonly treaty: string;
  readonly handOffId: string;
  readonly translation: Translation;
  readonly responseHash: string;
}

export interface OperationData {
  readonly treaty: string;
  readonly handOffId: string;
  readonly act: "prove-completed" | "prove-not-done" | "try-anew" | "give-up" | "escalate";
  readonly by: string;
  readonly why: string;
}

export interface DeskOptions {
  readonly around: Surroundings;
  readonly sources: readonly ConsumerSource[];
  readonly onAdvanced: () => void;
  readonly report: (event: TreatyEvent) => void;
}

/** Commands that are the desk's own: no decider of the context answers for them. */
export const deskCommands: ReadonlySet<string> = new Set([recallCommand, correctCommand, operateCommand]);

export function handOffDesk(options: DeskOptions): ConsumerDefinition {
  const { around } = options;
  const told = tellLater(options.report);
  const isOwnCommand = (entry: Entry): boolean =>
    entry.kind === "command" && entry.source === around.context && deskCommands.has(entry.type);

  async function apply(connection: Connection, batch: Batch): Promise<void> {
    told.forget();
    const entries = batch.entries.filter((entry) => !batch.blocked(entry));
    const counts = openCounts(around.shard);
    const said = await callbacksOf(connection, entries);
    const places = await placesOf(connection, around.treaties, said);
    const witnessed: Witnessed[] = [];
    const about: { readonly callback: Said | null }[] = [];
    const marks: { callback: Said; status: CallbackStatus; code: string | null; handOffId: string | null }[] =
      [];
    for (const entry of entries) {
      const callback = said.get(entry.id);
      if (callback !== undefined) {
        const place = places.get(callback.entry.id);
        const treaty = around.treaties.get(callback.data.treaty);
        const seen = treaty === undefined ? null : translated(treaty, callback);
        if (treaty === undefined || seen === null)
          marks.push({ callback, status: "refused", code: "callback-unreadable", handOffId: null });
        else if (place === undefined)
          marks.push({ callback, status: "waiting", code: null, handOffId: null });
        else if (place.tenantId !== callback.entry.tenantId)
          marks.push({ callback, status: "refused", code: "tenant-mismatch", handOffId: null });
        else {
          const { tenantId, handOffId } = place;
          const cause = { by: "callback", entryId: callback.entry.id } as const;
          witnessed.push({ tenantId, handOffId, seen, cause, responseHash: callback.data.payloadHash });
          about.push({ callback });
        }
      } else if (entry.type === correctCommand) {
        witnessed.push(correction(entry));
        about.push({ callback: null });
      } else if (entry.type === operateCommand) {
        witnessed.push(...operations(entry));
        while (about.length < witnessed.length) about.push({ callback: null });
      }
    }
    const advanced = await advanceHandOffs(connection, around, witnessed);
    told.keep(advanced.lines);
    advanced.outcomes.forEach((outcome, n) => {
      const callback = about[n]?.callback;
      if (callback != null) {
        marks.push({
          callback,
          status: statusOf(outcome),
          code: null,
          handOffId: witnessed[n]?.handOffId ?? null,
        });
        countCallback(counts, callback, outcome);
      } else if (witnessed[n]?.cause.by === "inquiry" && outcome.moves > 0) {
        counts.add(outcome.handOff?.treaty ?? "", "corrections", outcome.handOff?.state ?? "");
      }
    });
    const undone = await undo(connection, around, advanced.unwanted);
    told.keep(() => undone);
    await markCallbacks(
      connection,
      marks.map(({ callback, ...mark }) => {
        const { treaty, messageId } = callback.data;
        return { tenantId: callback.entry.tenantId, treaty, messageId, ...mark };
      }),
    );
    await counts.write(connection);
  }

  return {
    name: deskName,
    sources: options.sources,
    wants: (entry) => (entry.kind === "callback" && entry.type === callbackType) || isOwnCommand(entry),
    policy: () => "step-aside",
    apply,
    committed() {
      told.tell();
      options.onAdvanced();
    },
    forget: told.forget,
  };
}

interface Said {
  readonly entry: Entry;
  readonly data: CallbackData;
}

const recalled: Statement = {
  name: "desk-recalled",
  text: `select id, tenant_id, data, occurred_at from entente.journal where id = any($1::uuid[]) and kind = 'callback'`,
};

/** Callbacks by the entry that brings them up: their own, or the command that recalls one. */
async function callbacksOf(connection: Connection, entries: readonly Entry[]): Promise<Map<string, Said>> {
  const said = new Map<string, Said>();
  const recalls = new Map<string, Entry>();
  for (const entry of entries) {
    if (entry.kind === "callback") said.set(entry.id, { entry, data: entry.data as unknown as CallbackData });
    else if (entry.type === recallCommand) recalls.set(String(entry.data.entryId), entry);
  }
  if (recalls.size === 0) return said;
  const rows = await connection.run<{ id: string; tenant_id: string; data: JsonObject; occurred_at: number }>(
    recalled,
    [uuidArray([...recalls.keys()])],
  );
  for (const row of rows) {
    const command = recalls.get(row.id) as Entry;
    const entry = {
      ...command,
      id: row.id,
      tenantId: row.tenant_id,
      data: row.data,
      occurredAt: row.occurred_at,
    };
    said.set(command.id, { entry, data: row.data as unknown as CallbackData });
  }
  return said;
}

interface Place {
  readonly tenantId: string;
  readonly handOffId: string;
}

/** Which hand-off each callback speaks of. */
async function placesOf(
  connection: Connection,
  treaties: Surroundings["treaties"],
  said: ReadonlyMap<string, Said>,
): Promise<Map<string, Place>> {
  const found = new Map<string, Place>();
  if (said.size === 0) return found;
  const all = [...said.values()];
  const rows = await connection.run<{ entryId: string } & Place & Record<string, unknown>>(byReference, [
    uuidArray(all.map(({ entry }) => entry.id)),
    textArray(all.map(({ entry }) => entry.tenantId)),
    textArray(all.map(({ data }) => data.treaty)),
    textArray(all.map(({ data }) => treaties.get(data.treaty)?.target ?? null)),
    textArray(all.map(({ data }) => data.reference)),
    textArray(all.map(({ entry, data }) => foreignTenant(data.reference, entry.tenantId))),
  ]);
  for (const { entryId, tenantId, handOffId } of rows)
    if (!found.has(entryId)) found.set(entryId, { tenantId, handOffId });
  return found;
}

const byReference: Statement = {
  name: "desk-by-reference",
  // By our key, then by their name for it. A key of another tenant is looked up only to be refused: nothing of it is shown to anybody.
  text: `select n.entry_id as "entryId", h.tenant_id as "tenantId", h.hand_off_id as "handOffId"
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
      as n(entry_id, tenant_id, treaty, target, reference, key_tenant)
    cross join lateral (
      select k.tenant_id, k.hand_off_id, 1 as rank from entente.hand_off k
        where k.tenant_id = n.tenant_id and k.target = n.target and k.idempotency_key = n.reference and k.treaty = n.treaty
      union all
      select r.tenant_id, r.hand_off_id, 2 from entente.hand_off r
        where r.tenant_id = n.tenant_id and r.treaty = n.treaty and r.external_reference = n.reference
      union all
      select f.tenant_id, f.hand_off_id, 3 from entente.hand_off f
        where f.tenant_id = n.key_tenant and f.target = n.target and f.idempotency_key = n.reference) h
    order by h.rank`,
};

/** The tenant a key of ours begins with, when it is another one than the message speaks for. */
function foreignTenant(reference: string, tenantId: string): string | null {
  try {
    const tenant = decodeURIComponent(reference.slice(0, Math.max(0, reference.indexOf(":"))));
    return tenant === "" || tenant === tenantId ? null : tenant;
  } catch {
    return null;
  }
}

function translated(treaty: HandOffTreaty, { data }: Said): Witnessed["seen"] | null {
  const reply = { body: data.body, status: "callback", raw: "" };
  const translation = readReply(treaty, reply, "callback");
  return translation === null ? null : { what: "said", by: "callback", translation };
}

function correction(entry: Entry): Witnessed {
  const { handOffId, translation, responseHash } = entry.data as unknown as CorrectionData;
  return {
    tenantId: entry.tenantId,
    handOffId,
    seen: { what: "said", by: "inquiry", translation },
    cause: { by: "inquiry", entryId: entry.causationId ?? entry.id },
    responseHash,
  };
}

function operations(entry: Entry): Witnessed[] {
  const { handOffId, act, by, why } = entry.data as unknown as OperationData;
  const cause = { by: "person", entryId: entry.id, person: { by, why } } as const;
  const base = { tenantId: entry.tenantId, handOffId, cause };
  const proven = (finding: Finding): Witnessed => ({
    ...base,
    seen: { what: "found", by: "person", finding },
  });
  switch (act) {
    case "prove-completed":
      return [proven("completed")];
    case "prove-not-done":
      return [proven("not-done")];
    case "try-anew":
    case "give-up":
      // From a rejection through its case: both moves are the person's.
      return [
        { ...base, seen: { what: "decided", decision: "escalate" } },
        { ...base, seen: { what: "decided", decision: act } },
      ];
    case "escalate":
      return [{ ...base, seen: { what: "decided", decision: "escalate" } }];
    default:
      throw new Failure("defect", "act-unknown", `There is no act ${String(act)} on a hand-off.`);
  }
}

function statusOf(outcome: Outcome): CallbackStatus {
  switch (outcome.verdict) {
    case "moved":
      return "applied";
    case "noted":
      return "noted";
    case "impossible":
      return "impossible";
    case "unheard":
      return "waiting";
    default:
      return "stale";
  }
}

function countCallback(counts: Counts, callback: Said, outcome: Outcome): void {
  const { handOff } = outcome;
  if (handOff === null) return;
  counts.add(handOff.treaty, "callbacks", statusOf(outcome));
  if (outcome.moves > 0 && handOff.firstSentAt !== null) {
    counts.add(
      handOff.treaty,
      "callback-latency-ms",
      "",
      Math.max(0, callback.entry.occurredAt - handOff.firstSentAt),
    );
  }
}

/** Hexadecimal, as kept for evidence. */
export function bodyHash(raw: Uint8Array): string {
  return shortHash(Buffer.from(raw).toString("latin1"));
}
