import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import { byteaArray, textArray } from "../postgres/arrays.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { wrapKey } from "./seal.ts";
import { type KeyRow, ownerOf, unwrappedBy } from "./subject-key.ts";

export interface RewrapOptions {
  /** What the subjects' keys are to be wrapped by. 32 bytes. */
  readonly to: Buffer;
  /** What they may be wrapped by now. 32 bytes. */
  readonly from: Buffer;
  /** Keys of one transaction. */
  readonly perBatch: number;
  /** Epoch milliseconds, for the record. */
  readonly now: () => number;
  readonly probe?: (point: string) => Promise<void> | void;
}

export interface RewrapReport {
  readonly rewrapped: number;
  /** Wrapped by `to` before. */
  readonly already: number;
  readonly erased: number;
  /** Wrapped by neither: left as they are. */
  readonly unreadable: number;
}

const someKeys: Statement = {
  name: "subject-keys-some",
  text: `select key_id, tenant_id, subject_id, wrapped from entente.subject_key where (tenant_id, subject_id) > ($1, $2)
    order by tenant_id, subject_id limit $3 for update`,
};

/** The row is locked, so that a key that was erased meanwhile stays erased. */
const rewrap: Statement = {
  name: "subject-keys-rewrap",
  text: `update entente.subject_key k set wrapped = n.wrapped
    from unnest($1::text[], $2::text[], $3::bytea[]) as n(tenant_id, subject_id, wrapped)
    where k.tenant_id = n.tenant_id and k.subject_id = n.subject_id and k.wrapped is not null`,
};

export const keysRewrappedType = "entente.subject-keys-rewrapped";

/**
 * Wraps the keys of all data subjects anew, batch by batch, each a transaction of its own with an entry per tenant that says how many. Ended
 * anywhere it may be called again: what is wrapped by `to` is passed over. Sealed data are not touched. Programs that have both keys
 * read everything all the while. Memory: one batch.
 */
export async function rewrapKeys(
  database: Database,
  context: string,
  options: RewrapOptions,
): Promise<RewrapReport> {
  const { to, from, perBatch, now, probe } = options;
  const report = { rewrapped: 0, already: 0, erased: 0, unreadable: 0 };
  let after = ["", ""];
  for (;;) {
    const batch = await database.transaction(async (connection) => {
      const rows = await connection.run<KeyRow>(someKeys, [...after, perBatch]);
      const counted = { rewrapped: 0, already: 0, erased: 0, unreadable: 0 };
      const anew: { row: KeyRow; wrapped: Buffer }[] = [];
      for (const row of rows) {
        const found = row.wrapped === null ? null : unwrappedBy([to, from], row);
        if (row.wrapped === null) counted.erased++;
        else if (found === null) counted.unreadable++;
        else if (found.by === 0) counted.already++;
        else anew.push({ row, wrapped: wrapKey(to, ownerOf(row), found.key) });
      }
      counted.rewrapped = anew.length;
      if (anew.length > 0) {
        await connection.run(rewrap, [
          textArray(anew.map(({ row }) => row.tenant_id)),
          textArray(anew.map(({ row }) => row.subject_id)),
          byteaArray(anew.map(({ wrapped }) => wrapped)),
        ]);
        const byTenant = Map.groupBy(anew, ({ row }) => row.tenant_id);
        await appendEntries(
          connection,
          [...byTenant].map(([tenantId, own]) => rewrappedEntry(context, tenantId, own.length, now())),
        );
      }
      await probe?.("rewrap:before-commit");
      return { rows, counted };
    });
    for (const name of ["rewrapped", "already", "erased", "unreadable"] as const)
      report[name] += batch.counted[name];
    const last = batch.rows.at(-1);
    if (last === undefined || batch.rows.length < perBatch) return report;
    after = [last.tenant_id, last.subject_id];
  }
}

function rewrappedEntry(context: string, tenantId: string, keys: number, at: number) {
  const id = newId(at);
  return {
    id,
    kind: "control",
    type: keysRewrappedType,
    schemaVersion: "1.0.0",
    source: context,
    target: null,
    tenantId,
    key: "subject-keys",
    keyVersion: null,
    processId: id,
    correlationId: id,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: at,
    data: { keys },
  } as const;
}
