import { Failure, isFailure } from "../model/failure.ts";
import { int8Array, textArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { edgeOf, type TreeRow } from "./append-to-logs.ts";
import { type Checkpoint, signCheckpoint } from "./checkpoint.ts";
import { LastSigned } from "./last-signed.ts";
import { verifyConsistency } from "./merkle-proof.ts";
import { rootOf } from "./merkle-tree.ts";
import { LogTiles } from "./read-audit-log.ts";
import { noteVerifier, type SigningKey } from "./signed-note.ts";
import { type WitnessedNote, WitnessedNotes } from "./witnessed-notes.ts";

/**
 * Signs what the logs have come to. Nothing is signed that is not committed, that has less than was signed before, or that does not
 * begin with it, by our own record and by what somebody outside kept: a log that refuses stays unsigned until a person has decided,
 * the others go on.
 */

export interface CheckpointSigning {
  readonly database: Database;
  /** Its name is the first part of every log's origin. */
  readonly key: SigningKey;
  /** File that says what was signed last; see LastSigned. */
  readonly lastSignedFile: string;
  /** File or folder of checkpoints that somebody outside kept; absent: the record alone is asked. See WitnessedNotes. */
  readonly witnessed?: string;
  /** A log refuses to be signed; told once, and again when the reason is another. */
  readonly refused: (tenantId: string, failure: Failure) => void;
  readonly probe?: (point: string) => Promise<void> | void;
}

export interface CheckpointSigner {
  /**
   * Signs what is new, as of `now` in business time. One process at a time; others pass. A record or a witness that cannot be read is
   * a refusal of every log.
   */
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
  const witnessed =
    signing.witnessed === undefined
      ? null
      : new WitnessedNotes(signing.witnessed, (origin) =>
          tenantOf(key.name, origin) === null ? null : noteVerifier(key.named(origin).verifierKey),
        );
  let refusals: ReadonlyMap<string, Failure> = new Map();
  /** By origin, what these notes were found to be beginnings of: while the record says the same, only others have to be proved. */
  const agreed = new Map<string, { readonly with: Checkpoint; readonly notes: ReadonlySet<WitnessedNote> }>();

  async function sign(connection: Connection, now: number): Promise<ReadonlyMap<string, Failure>> {
    const refused = new Map<string, Failure>();
    const [[lock], rows] = await Promise.all([
      connection.run<{ ours: boolean }>(takeTurn),
      connection.run<SignRow>(treesStatement),
    ]);
    if (lock?.ours !== true) return refusals;
    let before: ReadonlyMap<string, Checkpoint> | null;
    let kept: ReadonlyMap<string, readonly WitnessedNote[]>;
    try {
      [before, kept] = await Promise.all([record.read(), witnessed?.all() ?? new Map()]);
    } catch (error) {
      if (!isFailure(error)) throw error;
      return new Map(rows.map((row) => [row.tenant_id, error]));
    }
    const trees = new Set(rows.map((row) => row.tenant_id));
    for (const earlier of [...(before?.values() ?? []), ...[...kept.values()].flat()]) {
      const tenantId = tenantOf(key.name, earlier.origin);
      if (tenantId !== null && !trees.has(tenantId) && !refused.has(tenantId))
        refused.set(tenantId, behind(earlier, 0));
    }
    const fresh: (Checkpoint & { readonly tenantId: string })[] = [];
    for (const row of rows) {
      const origin = originOf(key.name, row.tenant_id);
      const last = before?.get(origin);
      const edge = edgeOf(row);
      const next = { origin, size: edge.size, root: rootOf(edge) };
      // A key of another name makes another log: what was signed of this one before begins anew.
      const signed = row.note?.startsWith(`${origin}\n`) === true ? Number(row.signed) : 0;
      const notes = kept.get(origin) ?? [];
      const proved = agreed.get(origin);
      const isProved = last !== undefined && proved !== undefined && isSame(proved.with, last);
      const earlier = isProved ? notes.filter((note) => !proved.notes.has(note)) : notes;
      const failure =
        last === undefined && signed > 0
          ? recordMissing(origin, signed, signing.lastSignedFile)
          : await contradiction(
              connection,
              row.tenant_id,
              last === undefined ? earlier : [last, ...earlier],
              next,
            );
      if (failure !== null) {
        refused.set(row.tenant_id, failure);
        continue;
      }
      agreed.set(origin, { with: next, notes: new Set(notes) });
      if (edge.size > signed) fresh.push({ tenantId: row.tenant_id, ...next });
    }
    if (fresh.length === 0) return refused;
    try {
      await record.write(
        new Map([
          ...(before ?? []),
          ...fresh.map(({ origin, size, root }) => [origin, { origin, size, root }] as const),
        ]),
      );
    } catch (error) {
      if (!isFailure(error)) throw error;
      for (const { tenantId } of fresh) refused.set(tenantId, error);
      return refused;
    }
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

/** What was signed before: by our record, or as a witness kept it. */
type Earlier = Checkpoint | WitnessedNote;

function isSame(one: Checkpoint, other: Checkpoint): boolean {
  return one.size === other.size && one.root.equals(other.root);
}

/** Why the log must not be signed after what was signed before, or null. */
async function contradiction(
  connection: Connection,
  tenantId: string,
  earlier: readonly Earlier[],
  next: Checkpoint,
): Promise<Failure | null> {
  const ahead = earlier.find(({ size }) => size > next.size);
  if (ahead !== undefined) return behind(ahead, next.size);
  const same = earlier.find((one) => one.size === next.size && !isSame(one, next));
  if (same !== undefined) return differs(same);
  const smaller = earlier.filter(({ size }) => size < next.size);
  if (smaller.length === 0) return null;
  try {
    const tiles = new LogTiles(connection, tenantId, next.size);
    const proofs = await tiles.consistency(smaller.map(({ size }) => size));
    const other = smaller.find((one, n) => !verifyConsistency(one, next, proofs[n] ?? []));
    return other === undefined ? null : differs(other);
  } catch (error) {
    if (isFailure(error, "audit-log-damaged")) return error;
    throw error;
  }
}

const nothingSigned = "Nothing is signed: docs/operations/audit-signing.md.";

function behind(earlier: Earlier, entries: number): Failure {
  const { origin, size } = earlier;
  const missing = `entries ${entries} to ${size - 1} are missing`;
  if ("file" in earlier) {
    const text =
      `The log ${origin} has ${entries} entries, and the checkpoint in ${earlier.file}, which this key signed, has ${size}: ${missing}, ` +
      `as after a restore of the database together with the record of what was signed last. ${nothingSigned}`;
    const fields = { origin, entries, signed: size, file: earlier.file };
    return new Failure("refused", "audit-witness-ahead", text, { fields });
  }
  const text =
    `The log ${origin} has ${entries} entries and was signed with ${size}: ${missing}, ` +
    `as after a restore from an older backup. ${nothingSigned}`;
  return new Failure("refused", "audit-log-behind", text, { fields: { origin, entries, signed: size } });
}

function differs(earlier: Earlier): Failure {
  const { origin, size } = earlier;
  if ("file" in earlier) {
    const text =
      `The first ${size} entries of the log ${origin} are not those of the checkpoint in ${earlier.file}, which this key signed: ` +
      `the log is another one, or one of them was changed. ${nothingSigned}`;
    const fields = { origin, signed: size, file: earlier.file };
    return new Failure("refused", "audit-witness-differs", text, { fields });
  }
  const text =
    `The first ${size} entries of the log ${origin} are not those that were signed: one of them was changed. ` +
    nothingSigned;
  return new Failure("refused", "audit-log-differs", text, { fields: { origin, signed: size } });
}

function recordMissing(origin: string, signed: number, file: string): Failure {
  const text =
    `The log ${origin} was signed with ${signed} entries, and ${file} knows nothing of it. ` +
    "Without the record nobody can tell whether the log is still the one that was signed: docs/operations/audit-signing.md.";
  return new Failure("refused", "audit-record-missing", text, { fields: { origin, signed, file } });
}
