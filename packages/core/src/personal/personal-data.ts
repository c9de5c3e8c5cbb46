import { randomBytes, randomUUID } from "node:crypto";
import canonicalize from "canonicalize";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { JsonObject } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { uuidArray } from "../postgres/arrays.ts";
import type { Database, Statement } from "../postgres/database.ts";
import {
  keyBytes,
  keyedHash,
  keyIdOf,
  type SubjectKey,
  seal,
  sealedFields,
  unseal,
  wrapKey,
} from "./seal.ts";
import { type KeyRow, ownerOf, unwrappedBy } from "./subject-key.ts";

/** Personal data at rest: sealed under a key per data subject, readable while the key is there, gone for everybody once it is erased. */
export interface PersonalData {
  /**
   * Seals fields of a command's data. `payloadHash`: tells a repeat from another request, to nobody without the key.
   * Errors: `subject-erased` (refused), `database-unavailable`.
   */
  seal(
    tenantId: string,
    personal: PersonalFields,
    data: JsonObject,
    keptApartBy: string,
  ): Promise<{ readonly data: JsonObject; readonly payloadHash: string }>;
  /** Data with its sealed members in the open. Asks nothing when none is sealed. Errors: `personal-data-erased` (refused), `personal-data-damaged` (defect). */
  open(tenantId: string, data: JsonObject): Promise<JsonObject>;
  /** Takes a subject's key, for ever, and records who did it and why. `erased`: false when there was none, or it was taken before. */
  erase(act: Erasure): Promise<{ readonly erased: boolean }>;
}

/** Whose data it is, and which members of the data are personal. */
export interface PersonalFields {
  readonly subject: string;
  readonly fields: readonly string[];
}

export interface Erasure {
  readonly tenantId: string;
  readonly subject: string;
  readonly by: string;
  readonly why: string;
}

export interface PersonalDataOptions {
  /** Of the context that keeps the keys. */
  readonly database: Database;
  readonly context: string;
  /** 32 bytes that wrap the subjects' keys; kept outside of every database. */
  readonly wrappingKey: Buffer;
  /** Another one that keys may be wrapped by, while the wrapping key is changed. New keys are never wrapped by it. */
  readonly otherWrappingKey?: Buffer;
  readonly now: () => number;
}

const columns = "key_id, tenant_id, subject_id, wrapped";

const ofSubject: Statement = {
  name: "subject-key",
  text: `select ${columns} from entente.subject_key where tenant_id = $1 and subject_id = $2`,
};

const make: Statement = {
  name: "subject-key-make",
  text: `insert into entente.subject_key (tenant_id, subject_id, key_id, wrapped, made_at)
    values ($1, $2, $3::uuid, $4, to_timestamp($5::float8 / 1000)) on conflict (tenant_id, subject_id) do nothing`,
};

const byIds: Statement = {
  name: "subject-keys-by-id",
  text: `select ${columns} from entente.subject_key where tenant_id = $1 and key_id = any($2::uuid[])`,
};

/** A subject without a key gets a row without one: nothing is sealed for it from now on either. */
const take: Statement = {
  name: "subject-key-take",
  text: `insert into entente.subject_key as k (tenant_id, subject_id, key_id, wrapped, made_at, erased_at)
    values ($1, $2, $3::uuid, null, to_timestamp($4::float8 / 1000), to_timestamp($4::float8 / 1000))
    on conflict (tenant_id, subject_id) do update set wrapped = null, erased_at = excluded.erased_at
      where k.wrapped is not null
    returning key_id`,
};

export const subjectErasedType = "entente.subject-erased";

export function openPersonalData(options: PersonalDataOptions): PersonalData {
  const { database, context, wrappingKey, otherWrappingKey, now } = options;
  const wrappingKeys = [wrappingKey, ...(otherWrappingKey === undefined ? [] : [otherWrappingKey])];

  /** Null: erased. Errors: `personal-key-unreadable` (defect). */
  function keyOf(row: KeyRow): SubjectKey | null {
    if (row.wrapped === null) return null;
    const found = unwrappedBy(wrappingKeys, row);
    if (found !== null) return { keyId: row.key_id, key: found.key };
    throw new Failure(
      "defect",
      "personal-key-unreadable",
      "The key of a data subject is wrapped by none of the wrapping keys that this program has.",
      { fields: { keyId: row.key_id } },
    );
  }

  async function madeFor(tenantId: string, subject: string): Promise<SubjectKey> {
    let [row] = await database.run<KeyRow>(ofSubject, [tenantId, subject]);
    if (row === undefined) {
      const keyId = randomUUID();
      const wrapped = wrapKey(
        wrappingKey,
        ownerOf({ tenant_id: tenantId, subject_id: subject, key_id: keyId }),
        randomBytes(keyBytes),
      );
      await database.run(make, [tenantId, subject, keyId, wrapped, now()]);
      // Another request of the same subject may have been quicker: its key serves both.
      [row] = await database.run<KeyRow>(ofSubject, [tenantId, subject]);
    }
    const key = row === undefined ? null : keyOf(row);
    if (key !== null) return key;
    throw new Failure(
      "refused",
      "subject-erased",
      "What we knew of this customer was erased; nothing personal is taken in any more.",
    );
  }

  return {
    async seal(tenantId, { subject, fields }, data, keptApartBy) {
      // Keys are not remembered: what was erased must be unreadable at once, in every process.
      const key = await madeFor(tenantId, subject);
      const sealed: Record<string, JsonObject[string]> = { ...data };
      for (const field of fields) {
        const plain = data[field];
        if (typeof plain === "string") sealed[field] = seal(key, { tenantId, field }, plain);
      }
      return {
        data: sealed,
        payloadHash: keyedHash(key, canonicalize({ key: keptApartBy, data }) as string),
      };
    },
    async open(tenantId, data) {
      const fields = sealedFields(data);
      if (fields.length === 0) return data;
      const ids = [...new Set(fields.map((field) => keyIdOf(data[field]) as string))];
      const rows = await database.run<KeyRow>(byIds, [tenantId, uuidArray(ids)]);
      const keys = new Map(rows.map((row) => [row.key_id, keyOf(row)]));
      const opened: Record<string, JsonObject[string]> = { ...data };
      for (const field of fields) {
        const key = keys.get(keyIdOf(data[field]) as string);
        if (key === undefined || key === null)
          throw new Failure("refused", "personal-data-erased", "The personal data in it was erased.");
        try {
          opened[field] = unseal(key, { tenantId, field }, data[field] as string);
        } catch (cause) {
          throw new Failure(
            "defect",
            "personal-data-damaged",
            `The sealed ${field} is not what was sealed.`,
            { cause },
          );
        }
      }
      return opened;
    },
    async erase({ tenantId, subject, by, why }) {
      const at = now();
      return database.transaction(async (connection) => {
        const [taken] = await connection.run<{ key_id: string }>(take, [tenantId, subject, randomUUID(), at]);
        const id = newId(at);
        await appendEntries(connection, [
          {
            id,
            kind: "control",
            type: subjectErasedType,
            schemaVersion: "1.0.0",
            source: context,
            target: null,
            tenantId,
            key: subject,
            keyVersion: null,
            processId: id,
            correlationId: id,
            causationId: null,
            customerId: null,
            ttlMs: null,
            traceparent: null,
            occurredAt: at,
            data: { subject, keyId: taken?.key_id ?? null, by, why },
          },
        ]);
        return { erased: taken !== undefined };
      });
    },
  };
}
