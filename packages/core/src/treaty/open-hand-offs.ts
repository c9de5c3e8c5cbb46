import { payloadHash } from "../intake/payload-hash.ts";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { JsonObject, NewEntry } from "../model/entry.ts";
import { newHandOff } from "../model/hand-off.ts";
import { handOffKey } from "../model/hand-off-key.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import { textArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import type { Surroundings } from "./advance-hand-offs.ts";
import { insertRows, knownRows, type NewRow, rowKeyHash, rowName } from "./batch-rows.ts";
import { type NewCase, openCases } from "./fallout-cases.ts";
import { keyHash, type OpeningData, type OpeningRow, openedType } from "./hand-off-entries.ts";
import { insertHandOffs } from "./hand-off-rows.ts";
import { nextOpen } from "./sending-window.ts";
import type { HandOffRequest, HandOffTreaty, Subject } from "./treaty.ts";
import { openCounts } from "./treaty-counts.ts";
import { type CaseLine, tenantSubject } from "./treaty-events.ts";

/** Opens hand-offs: intentions, alone or gathered into batches, as entries and rows of one transaction. */

/** One act wanted, with where the wish comes from. */
export interface Wanted {
  readonly treaty: HandOffTreaty;
  readonly tenantId: string;
  readonly key: string;
  readonly processId: string;
  readonly correlationId: string;
  readonly causationId: string;
  readonly customerId: string | null;
  readonly traceparent: string | null;
  readonly request: HandOffRequest;
}

interface Opening {
  readonly handOff: HandOff;
  readonly entry: NewEntry<object>;
  readonly rows: readonly NewRow[];
}

/**
 * Stores intentions. One hand-off per tenant, target and key: the same request again changes nothing, another one under the same
 * key is a conflict and a person's case.
 */
export async function openHandOffs(
  connection: Connection,
  around: Surroundings,
  wanted: readonly Wanted[],
): Promise<OpenedHandOffs> {
  if (wanted.length === 0) return { handOffIds: [], lines: [] };
  const now = around.now();
  const counts = openCounts(around.shard);
  const conflicts: NewCase[] = [];
  const asActs = wanted.map((one) => act(one));
  const fresh = await withoutKnown(connection, asActs, (one) => {
    conflicts.push(conflictCase(one));
    counts.add(one.wanted.treaty.name, "conflicts");
    counts.add(one.wanted.treaty.name, "fallout", "key-conflict");
  });
  const openings = [
    ...fresh
      .filter(({ wanted: { treaty } }) => treaty.batch === undefined)
      .map((one) => openAlone(around.context, one, now)),
    ...gather(fresh.filter(({ wanted: { treaty } }) => treaty.batch !== undefined)).map((acts) =>
      openTogether(around.context, acts, now),
    ),
  ];
  const [lines] = await Promise.all([
    openCases(connection, conflicts, now),
    appendEntries(
      connection,
      openings.map(({ entry }) => entry),
    ),
    insertHandOffs(
      connection,
      openings.map(({ handOff }) => handOff),
    ),
    insertRows(
      connection,
      openings.flatMap(({ rows }) => rows),
    ),
    counts.write(connection),
  ]);
  return { handOffIds: openings.map(({ handOff }) => handOff.handOffId), lines };
}

export interface OpenedHandOffs {
  /** Of what was opened. */
  readonly handOffIds: readonly string[];
  /** About cases of conflicts; to be told once it is committed. */
  readonly lines: readonly CaseLine[];
}

interface Act {
  readonly wanted: Wanted;
  readonly idempotencyKey: string;
  readonly keyHash: Buffer;
  readonly requestHash: Buffer;
}

function act(wanted: Wanted): Act {
  const { treaty, tenantId, request } = wanted;
  const { aggregateType, aggregateId, line } = request;
  const { target, purpose } = treaty;
  const idempotencyKey = handOffKey({ tenantId, aggregateType, aggregateId, line, target, purpose }, 1);
  return {
    wanted,
    idempotencyKey,
    keyHash: rowKeyHash(idempotencyKey),
    requestHash: Buffer.from(payloadHash(request.data), "hex"),
  };
}

/**
 * By what it is about and not by the key it carries now: a person's new attempt gives it another key, and a fact that is
 * read again must still find it. Index: hand_off_subject.
 */
const knownHandOffs: Statement = {
  name: "hand-off-known",
  text: `select h.tenant_id, h.target, n.idempotency_key, encode(h.request_hash, 'hex') as request_hash
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
      as n(tenant_id, target, idempotency_key, purpose, aggregate_type, aggregate_id, line)
    join entente.hand_off h using (tenant_id, target, purpose, aggregate_type, aggregate_id)
    where h.line is not distinct from n.line`,
};

/** Leaves out what is here already, or came twice; calls `conflict` for a key with another request. */
async function withoutKnown(
  connection: Connection,
  acts: readonly Act[],
  conflict: (one: Act) => void,
): Promise<Act[]> {
  const alone = acts.filter(({ wanted }) => wanted.treaty.batch === undefined);
  const [handOffs, rows] = await Promise.all([
    alone.length === 0
      ? []
      : connection.run<{ tenant_id: string; target: string; idempotency_key: string; request_hash: string }>(
          knownHandOffs,
          [
            textArray(alone.map(({ wanted }) => wanted.tenantId)),
            textArray(alone.map(({ wanted }) => wanted.treaty.target)),
            textArray(alone.map(({ idempotencyKey }) => idempotencyKey)),
            textArray(alone.map(({ wanted }) => wanted.treaty.purpose)),
            textArray(alone.map(({ wanted }) => wanted.request.aggregateType)),
            textArray(alone.map(({ wanted }) => wanted.request.aggregateId)),
            textArray(alone.map(({ wanted }) => wanted.request.line)),
          ],
        ),
    knownRows(
      connection,
      acts
        .filter(({ wanted }) => wanted.treaty.batch !== undefined)
        .map(({ wanted, keyHash }) => ({ tenantId: wanted.tenantId, target: wanted.treaty.target, keyHash })),
    ),
  ]);
  const known = new Map(
    handOffs.map((h) => [
      rowName(h.tenant_id, h.target, rowKeyHash(h.idempotency_key).toString("hex")),
      h.request_hash,
    ]),
  );
  for (const [name, requestHash] of rows) known.set(name, requestHash);
  return acts.filter((one) => {
    const { tenantId, treaty } = one.wanted;
    const name = rowName(tenantId, treaty.target, one.keyHash.toString("hex"));
    const earlier = known.get(name);
    const own = one.requestHash.toString("hex");
    if (earlier === undefined) known.set(name, own);
    else if (earlier !== own) conflict(one);
    return earlier === undefined;
  });
}

function conflictCase({ wanted, idempotencyKey }: Act): NewCase {
  const { treaty, tenantId, correlationId, causationId, request } = wanted;
  const says = `Fact ${causationId} asks for something else under a key in use: ${idempotencyKey}`;
  const owner = treaty.runbook.businessOwner;
  const known = { correlationId, aggregateId: request.aggregateId, keyHash: keyHash(idempotencyKey) };
  return {
    about: { ...tenantSubject(tenantId, treaty.target), ...known },
    treaty: treaty.name,
    kind: "key-conflict",
    code: "idempotency-conflict",
    says,
    owner,
  };
}

/** Acts of one tenant and treaty travel together, as many as the treaty allows. */
function gather(acts: readonly Act[]): Act[][] {
  const groups = Map.groupBy(acts, ({ wanted }) => `${wanted.treaty.name}\u0000${wanted.tenantId}`);
  return [...groups.values()].flatMap((group) => {
    const size = group[0]?.wanted.treaty.batch?.rowsAllowed ?? 1;
    return Array.from({ length: Math.ceil(group.length / size) }, (_, n) =>
      group.slice(n * size, (n + 1) * size),
    );
  });
}

function openAlone(context: string, one: Act, now: number): Opening {
  const { treaty, tenantId, key, processId, correlationId, causationId, customerId, traceparent, request } =
    one.wanted;
  const { aggregateType, aggregateId, line } = request;
  // Fresh ids: an id derived from the fact could meet others derived from the same cause. The key keeps it single.
  const id = newId(now);
  const requestHash = one.requestHash.toString("hex");
  const data: OpeningData = {
    treaty: treaty.name,
    treatyVersion: treaty.version,
    target: treaty.target,
    purpose: treaty.purpose,
    aggregateType,
    aggregateId,
    line,
    idempotencyKey: one.idempotencyKey,
    requestHash,
    request: request.data,
    rows: [],
  };
  const handOff = opened(
    { id, tenantId, key, processId, correlationId, customerId, traceparent, rows: 0 },
    treaty,
    request,
    one.idempotencyKey,
    requestHash,
    now,
  );
  return { handOff, entry: openingEntry(context, handOff, causationId, data), rows: [] };
}

function openTogether(context: string, acts: readonly Act[], now: number): Opening {
  const [first] = acts as [Act];
  const { treaty, tenantId, causationId } = first.wanted;
  const id = newId(now);
  const subject: Subject = { aggregateType: "batch", aggregateId: id, line: null };
  const { target, purpose } = treaty;
  const idempotencyKey = handOffKey({ tenantId, ...subject, target, purpose }, 1);
  const rows: OpeningRow[] = acts.map(({ wanted, idempotencyKey: rowKey, requestHash }) => {
    const { aggregateType, aggregateId, line, data: request } = wanted.request;
    const { processId, causationId: factId, traceparent } = wanted;
    return {
      aggregateType,
      aggregateId,
      line,
      idempotencyKey: rowKey,
      requestHash: requestHash.toString("hex"),
      processId,
      factId,
      ...(traceparent === null ? {} : { traceparent }),
      request,
    };
  });
  const requestHash = payloadHash(rows.map((row) => row.requestHash));
  const data: OpeningData = {
    treaty: treaty.name,
    treatyVersion: treaty.version,
    target,
    purpose,
    ...subject,
    idempotencyKey,
    requestHash,
    request: null,
    rows,
  };
  // A batch holds acts of many keys: keeping the order of each of them means sending the treaty's batches one after the other.
  const key = treaty.order === "per-key" ? "batches" : `batch:${id}`;
  // A process, a correlation and a trace of its own, and no customer: its rows belong to many.
  const where = {
    id,
    tenantId,
    key,
    processId: id,
    correlationId: id,
    customerId: null,
    traceparent: null,
    rows: acts.length,
  };
  const handOff = opened(where, treaty, subject, idempotencyKey, requestHash, now);
  return {
    handOff,
    entry: openingEntry(context, handOff, causationId, data),
    rows: acts.map(({ keyHash, requestHash: hash }, row) => ({
      handOffId: id,
      row,
      tenantId,
      target,
      keyHash,
      requestHash: hash,
    })),
  };
}

function opened(
  where: {
    readonly id: string;
    readonly tenantId: string;
    readonly key: string;
    readonly processId: string;
    readonly correlationId: string;
    readonly customerId: string | null;
    readonly traceparent: string | null;
    readonly rows: number;
  },
  treaty: HandOffTreaty,
  subject: Subject,
  idempotencyKey: string,
  requestHash: string,
  now: number,
): HandOff {
  const { id, tenantId, key, processId, correlationId, customerId, traceparent, rows } = where;
  return {
    ...newHandOff,
    tenantId,
    handOffId: id,
    treaty: treaty.name,
    treatyVersion: treaty.version,
    aggregateType: subject.aggregateType,
    aggregateId: subject.aggregateId,
    line: subject.line,
    purpose: treaty.purpose,
    target: treaty.target,
    key,
    processId,
    correlationId,
    customerId,
    traceparent,
    version: 1,
    idempotencyKey,
    requestHash,
    lastResponseHash: null,
    externalReference: null,
    externalCode: null,
    externalLabel: null,
    lastErrorClass: null,
    lastErrorCode: null,
    lastErrorText: null,
    nextTryAt: nextOpen(treaty.window, now),
    lookAt: null,
    deadlineAt: null,
    firstSentAt: null,
    rows,
    rowsOpen: rows,
    createdAt: now,
    updatedAt: now,
  };
}

function openingEntry(
  context: string,
  handOff: HandOff,
  causationId: string,
  data: OpeningData,
): NewEntry<object> {
  return {
    id: handOff.handOffId,
    kind: "event",
    type: openedType,
    schemaVersion: "1.0.0",
    source: context,
    target: null,
    tenantId: handOff.tenantId,
    key: handOff.key,
    keyVersion: null,
    processId: handOff.processId,
    correlationId: handOff.correlationId,
    causationId,
    customerId: handOff.customerId,
    ttlMs: null,
    traceparent: handOff.traceparent,
    occurredAt: handOff.createdAt,
    data: data as unknown as JsonObject,
  };
}
