import type { OutgoingEvent } from "./event-log.ts";
import type { ObjectSchema, Schema } from "./schema.ts";
import type { Change, Row } from "./store.ts";
import type { Values } from "./value.ts";
import type { Publication } from "./writing.ts";

/** What a transaction's events have in common. */
export interface CommitFacts {
  readonly transactionKey: string;
  readonly commitNumber: number;
  readonly committedAt: number;
  readonly userId: string;
  /** `com/salesforce/api/rest/67.0;client=entente`: writers recognise their own changes by it. */
  readonly changeOrigin: string;
  readonly newUuid: () => string;
}

export const changeTypes = [
  "CREATE",
  "UPDATE",
  "DELETE",
  "UNDELETE",
  "GAP_CREATE",
  "GAP_UPDATE",
  "GAP_DELETE",
  "GAP_UNDELETE",
  "GAP_OVERFLOW",
] as const;
export type ChangeType = (typeof changeTypes)[number];

interface Draft {
  readonly object: ObjectSchema;
  readonly changeType: ChangeType;
  readonly recordIds: readonly string[];
  readonly changedFields: readonly string[];
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * The change events of one committed transaction, in order of its writes. Neighbours with the same change are one event with
 * several record ids, as Salesforce merges them.
 */
export function changeEventsOf(changes: readonly Change[], facts: CommitFacts): readonly OutgoingEvent[] {
  const drafts: Draft[] = [];
  for (const { kind, before, after } of changes) {
    if (after.object.changeEvents !== true) continue;
    const draft = draftOf(kind, before, after);
    const previous = drafts.at(-1);
    if (previous !== undefined && sameChange(previous, draft)) {
      drafts[drafts.length - 1] = { ...previous, recordIds: [...previous.recordIds, ...draft.recordIds] };
    } else drafts.push(draft);
  }
  return drafts.map((draft, i) => changeEvent(draft, facts, i + 1));
}

/** A change without its data: the reader has to ask for the record. `recordIds` may be `["001*"]` on overflow. */
export function gapEvent(
  object: ObjectSchema,
  changeType: ChangeType,
  recordIds: readonly string[],
  facts: CommitFacts,
): OutgoingEvent {
  return changeEvent({ object, changeType, recordIds, changedFields: [], fields: {} }, facts, 1);
}

export function publishedEvent({ object, values, uuid }: Publication): OutgoingEvent {
  const payload = Object.fromEntries(object.fields.map(({ name }) => [name, values[name] ?? null]));
  return { channels: [`/event/${object.name}`], schema: schemaIdOf(object.name), payload, uuid };
}

/** Channels that can be subscribed to. */
export function channelsOf({ objects }: Schema): ReadonlySet<string> {
  return new Set([
    "/data/ChangeEvents",
    ...objects.flatMap((object) => {
      if (object.kind === "event") return [`/event/${object.name}`];
      return object.changeEvents === true ? [changeChannel(object)] : [];
    }),
  ]);
}

function changeChannel({ name }: ObjectSchema): string {
  return `/data/${name.endsWith("__c") ? `${name.slice(0, -1)}ChangeEvent` : `${name}ChangeEvent`}`;
}

function draftOf(kind: Change["kind"], before: Row | null, after: Row): Draft {
  const one = { object: after.object, changeType: kind, recordIds: [after.id] };
  if (kind === "DELETE") return { ...one, changedFields: [], fields: {} };
  const names = after.object.fields
    .map(({ name }) => name)
    .filter((name) => name !== "Id" && name !== "IsDeleted");
  if (before === null) {
    const fields = names.filter((name) => (after.values[name] ?? null) !== null && name !== "SystemModstamp");
    return { ...one, changedFields: [], fields: pick(after.values, fields) };
  }
  const changed = names.filter(
    (name) =>
      name === "LastModifiedDate" ||
      (name !== "SystemModstamp" && (after.values[name] ?? null) !== (before.values[name] ?? null)),
  );
  return { ...one, changedFields: changed, fields: pick(after.values, changed) };
}

function pick(values: Values, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, values[name] ?? null]));
}

function sameChange(a: Draft, b: Draft): boolean {
  return (
    a.object === b.object &&
    a.changeType === b.changeType &&
    JSON.stringify(a.fields) === JSON.stringify(b.fields)
  );
}

function changeEvent(draft: Draft, facts: CommitFacts, sequenceNumber: number): OutgoingEvent {
  const { object, changeType, recordIds, changedFields, fields } = draft;
  return {
    channels: [changeChannel(object), "/data/ChangeEvents"],
    schema: schemaIdOf(`${object.name}ChangeEvent`),
    uuid: facts.newUuid(),
    payload: {
      ChangeEventHeader: {
        entityName: object.name,
        recordIds,
        changeType,
        changeOrigin: facts.changeOrigin,
        transactionKey: facts.transactionKey,
        sequenceNumber,
        commitTimestamp: facts.committedAt,
        commitNumber: facts.commitNumber,
        commitUser: facts.userId,
        nulledFields: [],
        diffFields: [],
        changedFields,
      },
      ...fields,
    },
  };
}

/** Looks like the id of an Avro schema; stands for the object's name alone, for the schema never changes here. */
function schemaIdOf(name: string): string {
  return Buffer.from(name).toString("base64url").padEnd(22, "A").slice(0, 22);
}
