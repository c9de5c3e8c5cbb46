import { Failure, isFailure } from "../model/failure.ts";
import { int8Array, textArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { edgeOf, type TreeRow } from "./append-to-logs.ts";
import { type Checkpoint, signCheckpoint } from "./checkpoint.ts";
import { LastSigned } from "./last-signed.ts";
import { verifyConsistency } from "./merkle-proof.ts";
import { rootOf } from "./merkle-tree.ts";
import { LogTiles } from "./read-audit-log.ts";
import type { SigningKey } from "./signed-note.ts";

/**
 * Signs what the logs have come to. Nothing is signed that is not committed, that has less than was signed before, or that does not
 * begin with it: a log that refuses stays unsigned until a person has decided, the others go on.
 */

export interface CheckpointSigning {
  readonly database: Database;
  /** Its name is the first part of every log's origin. */
  readonly key: SigningKey;
  /** File that says what was signed last; see LastSigned. */
  readonly lastSignedFile: string;
  /** A log refuses to be signed; told once, and again when the reason is another. */
  readonly refused: (tenantId: string, failure: Failure) => void;
  readonly probe?: (point: string) => Promise<void> | void;
}

export interface CheckpointSigner {
  /** Signs what is new, as of `now` in business time. One process at a time; others pass. Errors: `audit-record-unreadable`. */
  turn(now: number): Promise<void>;
  /** Why logs are not signed, by tenant, as of the last turn. */
  refusals(): ReadonlyMap<string, Failure>;
}

/** `flux.example/audit/demo`: the log of one tenant. Names of any characters become names of keys. */
export function originOf(keyName: string, tenantId: string): string {
  return `${keyName}/${encodeURIComponent(tenantId)}`;
}

/** The tenant of an origin; null when the key of this name signs no such log. */
export function tenantOf(keyName: string, origin: string): string | null {
  if (!origin.startsWith(`${keyName}/`)) return null;
  try {
    return decodeURIComponent(origin.slice(keyName.length + 1));
  } catch {
    return null;
  }
}

const takeTurn: Statement = {
  name: "audit-sign-lock",
  text: "select pg_try_advisory_xact_lock(hashtextextended('entente.audit_sign', 0)) as ours",
};

const treesStatement: Statement = {
  name: "audit-sign-trees",
  text: `select t.tenant_id, t.size, t.edge, c.size as signed, c.note from entente.audit_tree t left join lateral (
      select size, note from entente.audit_checkpoint where tenant_id = t.tenant_id order by hour desc limit 1) c on true`,
};

const storeCheckpoints: Statement = {
  name: "audit-sign-store",
  text: `insert into entente.audit_checkpoint (tenant_id, hour, size, note, signed_at)
    select tenant_id, date_trunc('hour', clock_timestamp()), size, note, to_timestamp($4::float8 / 1000)
      from unnest($1::text[], $2::int8[], $3::text[]) as s(tenant_id, size, note)
    on conflict (tenant_id, hour) do update set size = excluded.size, note = excluded.note, signed_at = excluded.signed_at`,
};

interface SignRow extends TreeRow {
  signed: string | null;
  note: string | null;
}

export function openCheckpointSigner(signing: CheckpointSigning): CheckpointSigner {
  const { database, key } = signing;
  const record = new LastSigned(signing.lastSignedFile);
  let refusals: ReadonlyMap<string, Failure> = new Map();

  async function sign(connection: Connection, now: number): Promise<ReadonlyMap<string, Failure>> {
    const refused = new Map<string, Failure>();
    const [[lock], rows] = await Promise.all([
      connection.run<{ ours: boolean }>(takeTurn),
      connection.run<SignRow>(treesStatement),
    ]);
    if (lock?.ours !== true) return refusals;
    const before = await record.read();
    const trees = new Map(rows.map((row) => [row.tenant_id, row]));
    for (const last of before?.values() ?? []) {
      const tenantId = tenantOf(key.name, last.origin);
      if (tenantId !== null && !trees.has(tenantId)) refused.set(tenantId, behind(last, 0));
    }
    const fresh: (Checkpoint & { readonly tenantId: string })[] = [];
    for (const row of rows) {
      const origin = originOf(key.name, row.tenant_id);
      const last = before?.get(origin);
      const edge = edgeOf(row);
      const next = { origin, size: edge.size, root: rootOf(edge) };
      // A key of another name makes another log: what was signed of this one before begins anew.
      const signed = row.note?.startsWith(`${origin}\n`) === true ? Number(row.signed) : 0;
      const failure =
        last === undefined
          ? signed > 0
            ? recordMissing(origin, signed, signing.lastSignedFile)
            : null
          : await contradiction(connection, row.tenant_id, last, next);
      if (failure !== null) refused.set(row.tenant_id, failure);
      else if (edge.size > signed) fresh.push({ tenantId: row.tenant_id, ...next });
    }
    if (fresh.length === 0) return refused;
    await record.write(
      new Map([
        ...(before ?? []),
        ...fresh.map(({ origin, size, root }) => [origin, { origin, size, root }] as const),
      ]),
    );
    await signing.probe?.("audit:recorded");
    const notes = fresh.map((checkpoint) => signCheckpoint(checkpoint, key.named(checkpoint.origin)));
    await connection.run(storeCheckpoints, [
      textArray(fresh.map(({ tenantId }) => tenantId)),
      int8Array(fresh.map(({ size }) => size)),
      textArray(notes),
      now,
    ]);
    return refused;
  }

  return {
    async turn(now) {
      const refused = await database.transaction((connection) => sign(connection, now));
      for (const [tenantId, failure] of refused) {
        if (refusals.get(tenantId)?.code !== failure.code) signing.refused(tenantId, failure);
      }
      refusals = refused;
    },
    refusals: () => refusals,
  };
}

/** Why the log must not be signed after what was signed before, or null. */
async function contradiction(
  connection: Connection,
  tenantId: string,
  last: Checkpoint,
  next: Checkpoint,
): Promise<Failure | null> {
  if (next.size < last.size) return behind(last, next.size);
  if (next.size === last.size) return next.root.equals(last.root) ? null : differs(last);
  try {
    const tiles = new LogTiles(connection, tenantId, next.size);
    const [proof = []] = await tiles.consistency([last.size]);
    return verifyConsistency(last, next, proof) ? null : differs(last);
  } catch (error) {
    if (isFailure(error, "audit-log-damaged")) return error;
    throw error;
  }
}

function behind({ origin, size }: Checkpoint, entries: number): Failure {
  const text =
    `The log ${origin} has ${entries} entries and was signed with ${size}: entries ${entries} to ${size - 1} are missing, ` +
    "as after a restore from an older backup. Nothing is signed: docs/operations/audit-signing.md.";
  return new Failure("refused", "audit-log-behind", text, { fields: { origin, entries, signed: size } });
}

function differs({ origin, size }: Checkpoint): Failure {
  const text =
    `The first ${size} entries of the log ${origin} are not those that were signed: one of them was changed. ` +
    "Nothing is signed: docs/operations/audit-signing.md.";
  return new Failure("refused", "audit-log-differs", text, { fields: { origin, signed: size } });
}

function recordMissing(origin: string, signed: number, file: string): Failure {
  const text =
    `The log ${origin} was signed with ${signed} entries, and ${file} knows nothing of it. ` +
    "Without the record nobody can tell whether the log is still the one that was signed: docs/operations/audit-signing.md.";
  return new Failure("refused", "audit-record-missing", text, { fields: { origin, signed, file } });
}
