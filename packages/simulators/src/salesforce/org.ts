import { createHash } from "node:crypto";
import type { CallbackQueue } from "../control/callback-queue.ts";
import type { Control } from "../control/control.ts";
import type { ReceivedCall } from "../control/received-call.ts";
import type { ApiError } from "./api-error.ts";
import { type ApiLimits, type LimitSettings, openApiLimits } from "./api-limits.ts";
import type { BulkJob } from "./bulk-job.ts";
import { type CommitFacts, changeEventsOf, publishedEvent } from "./change-events.ts";
import { fillWithDemoData } from "./demo-data.ts";
import { type EventLog, type OutgoingEvent, openEventLog } from "./event-log.ts";
import { fluxObjects } from "./flux-schema.ts";
import { openQueryCursors, type QueryCursors } from "./query-cursors.ts";
import { recordId } from "./record-id.ts";
import { openSchema, type Schema } from "./schema.ts";
import { openSessions, type Sessions, users } from "./sessions.ts";
import { type Change, type KeptRows, openStore, type Store } from "./store.ts";
import type { Writing } from "./writing.ts";

export interface OrgOptions {
  readonly limits: LimitSettings;
  /** Connected app's public key (PEM) for the JWT bearer flow; null: set over the control interface. */
  readonly jwtPublicKey: string | null;
}

/** One Salesforce org: everything that a reset forgets. */
export interface Org {
  readonly schema: Schema;
  readonly store: Store;
  readonly sessions: Sessions;
  readonly limits: ApiLimits;
  readonly cursors: QueryCursors;
  readonly events: EventLog;
  readonly bulkJobs: Map<string, BulkJob>;
  newJobId(): string;
  jwtPublicKey: string | null;
  /** Simulator's time, milliseconds. */
  now(): number;
  /** Acts in so many milliseconds of the simulator's clock, unless a reset comes first. */
  after(ms: number, act: () => void): void;
  newUuid(): string;
  facts(userId: string, changeOrigin: string): CommitFacts;
  /** Puts events on the bus as they are: for what time or the control interface causes. */
  emit(event: OutgoingEvent): void;
}

export function openOrg(control: Control, { limits, jwtPublicKey }: OrgOptions): Org {
  const now = () => control.clock.now();
  const schema = openSchema(fluxObjects);
  const values: KeptRows["values"] = control.state.map("rows");
  const isNew = values.size === 0;
  const store = openStore(schema, { values, counters: control.state.map("record numbers") });
  if (isNew) fillWithDemoData(schema, store, users[0].id);
  const counters = control.state.map<number>("counters");
  const next = (counter: string, first: number): number => {
    const n = (counters.get(counter) ?? first - 1) + 1;
    counters.set(counter, n);
    return n;
  };
  const uuids = control.random("uuid");
  const events = openEventLog(now, control.random("replay ids"), control.state.map("events"), counters);
  const newUuid = () => {
    const hex = createHash("sha256").update(uuids.token(22)).digest("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  };
  return {
    schema,
    store,
    sessions: openSessions(now, control.random("tokens")),
    limits: openApiLimits(now, limits),
    cursors: openQueryCursors(now, control.random("locators")),
    events,
    bulkJobs: new Map(),
    newJobId() {
      return recordId("750", next("jobs", 1));
    },
    jwtPublicKey,
    now,
    after: (ms, act) => void control.clock.at(now() + ms, act),
    newUuid,
    facts(userId, changeOrigin) {
      return {
        transactionKey: newUuid(),
        commitNumber: next("commits", 10_648_084_001),
        committedAt: Math.trunc(now()),
        userId,
        changeOrigin,
        newUuid,
      };
    },
    emit: (event) => void events.append(event),
  };
}

/** Starts what one request writes. `rejection`: thrown at every write. */
export function beginWriting(org: Org, userId: string, rejection: ApiError | null): Writing {
  return {
    schema: org.schema,
    store: org.store,
    transaction: org.store.begin(),
    publications: [],
    userId,
    now: new Date(org.now()).toISOString(),
    newUuid: org.newUuid,
    rejection,
  };
}

/** Ends a transaction: writes down its effects, and hands its events to the queue under the behaviour of its call. */
export function commit(
  org: Org,
  writing: Writing,
  changeOrigin: string,
  call: ReceivedCall,
  queue: CallbackQueue<OutgoingEvent>,
): void {
  const { changes } = writing.transaction;
  const { publications, userId } = writing;
  for (const change of changes) {
    if (!isReal(change)) continue;
    const { after } = change;
    const operation = isConversion(change) ? "convert-lead" : effectNames[change.kind];
    call.effect({ operation, keys: keysOf(change), id: after.id });
  }
  for (const { object, values, uuid } of publications) {
    const names = [...(object.markerFields ?? []), object.keyField].map((name) => values[name ?? ""] ?? null);
    call.effect({
      operation: "publish-event",
      keys: names.flatMap((name) => (name === null ? [] : [String(name)])),
      id: uuid,
    });
  }
  const events = [
    ...changeEventsOf(changes, org.facts(userId, changeOrigin)),
    ...publications.map((publication) => publishedEvent(publication)),
  ];
  queue.send(events, call.behaviour);
}

const effectNames = { CREATE: "create-row", UPDATE: "update-row", DELETE: "delete-row" } as const;

function isConversion({ before, after }: Change): boolean {
  return after.values.IsConverted === true && before?.values.IsConverted === false;
}

/** A write that leaves every field as it was touches the row's time stamps; it is no effect. */
function isReal({ before, after, kind }: Change): boolean {
  if (before === null || kind === "DELETE") return true;
  const stamps = ["LastModifiedDate", "LastModifiedById", "SystemModstamp"];
  return after.object.fields.some(
    ({ name }) => !stamps.includes(name) && (after.values[name] ?? null) !== (before.values[name] ?? null),
  );
}

/**
 * The command's marker where this write brought a new one, then the external id; the record's id when it has neither. A conversion brings
 * no field of the caller's: it goes by the marker that was left before.
 */
function keysOf(change: Change): readonly string[] {
  const { before, after } = change;
  const { markerFields = [], keyField } = after.object;
  const marks = markerFields
    .filter((name) => isConversion(change) || (after.values[name] ?? null) !== (before?.values[name] ?? null))
    .flatMap((name) => after.values[name] ?? []);
  const key = keyField === undefined ? null : (after.values[keyField] ?? null);
  const names = [...marks.map(String), ...(key === null ? [] : [String(key)])];
  return names.length === 0 ? [after.id] : names;
}
