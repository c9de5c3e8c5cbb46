import { Failure, type FeedNews, type Listening, type Means } from "@entente/core";
import { Type } from "typebox";
import { Compile } from "typebox/schema";
import { deliveredEvents } from "./salesforce-org.ts";
import {
  apiVersion,
  codeOf,
  dataPath,
  jsonOf,
  refused,
  type SalesforceSession,
} from "./salesforce-session.ts";
import { soqlText } from "./soql.ts";

/**
 * Their change events over Bayeux long polling. An event says which records changed; the records themselves are read at once, in one
 * query per object, so that events with half the fields, gap events and repeated ones all come to the same.
 */

/** What of their feed is followed. */
export interface FollowedFeed {
  /** `/data/ChangeEvents` carries every object that is selected for change events; others carry one. A place is one of a channel. */
  readonly channel: string;
  readonly objects: readonly FollowedObject[];
}

export interface FollowedObject {
  readonly name: string;
  /** A record without this key is none of ours. */
  readonly keyField: string;
  /** Reads what we know of it, without a condition. */
  readonly soql: string;
}

const isEvent = Compile(
  Type.Object({
    channel: Type.String(),
    data: Type.Object({
      event: Type.Object({ replayId: Type.Integer() }),
      payload: Type.Object({
        ChangeEventHeader: Type.Object({
          entityName: Type.String(),
          changeType: Type.String(),
          recordIds: Type.Array(Type.String()),
        }),
      }),
    }),
  }),
);

interface ChangeEvent {
  readonly data: {
    readonly event: { readonly replayId: number };
    readonly payload: {
      readonly ChangeEventHeader: { readonly entityName: string; readonly recordIds: readonly string[] };
    };
  };
}

interface BayeuxMessage extends Readonly<Record<string, unknown>> {
  readonly channel?: unknown;
  readonly successful?: unknown;
  readonly clientId?: unknown;
  readonly error?: unknown;
}

/** Ids in one query; a longer address than this many make is refused on its way. */
const idsPerQuery = 200;

/** Errors: `feed-place-lost` (conflict); `salesforce-refused` (unavailable). */
export async function listenToChanges(
  session: SalesforceSession,
  { channel, objects }: FollowedFeed,
  after: string | null,
  means: Means,
): Promise<Listening> {
  const { clientId } = succeeded(await shakeHands(session, means));
  const replay = { [channel]: after === null ? -1 : Number(after) };
  const [subscribed] = await bayeux(session, means, [
    { channel: "/meta/subscribe", clientId, subscription: channel, ext: { replay } },
  ]);
  // What they say in front of the text is a code; 400 is what they say to a place they do not keep.
  if (after !== null && bayeuxCode(subscribed) === "400") {
    throw new Failure(
      "conflict",
      "feed-place-lost",
      "Salesforce does not keep this place of its feed any more.",
      {
        fields: { place: after },
      },
    );
  }
  succeeded(subscribed);
  return {
    async next(waiting) {
      const messages = await bayeux(session, waiting, [
        { channel: "/meta/connect", clientId, connectionType: "long-polling" },
      ]);
      const changes = messages.filter((message) => isChange(message, channel));
      const news = await newsOf(session, objects, changes, waiting);
      // Events come in front of the poll's own answer, which may say that there will be no more.
      const answered = messages.find((message) => message.channel === "/meta/connect");
      if (news.place === null) succeeded(answered);
      return news;
    },
  };
}

/** On the error map: our credentials are not accepted. */
const sessionRefused = "INVALID_SESSION_ID";

const handshake = {
  channel: "/meta/handshake",
  version: "1.0",
  supportedConnectionTypes: ["long-polling"],
  ext: { replay: true },
};

/** That a kept session has ended is nothing; that one just opened is not accepted is for a person. */
async function shakeHands(session: SalesforceSession, means: Means): Promise<BayeuxMessage | undefined> {
  const [first] = await bayeux(session, means, [handshake]);
  if (bayeuxCode(first) !== "401") return first;
  const [second] = await bayeux(session, means, [handshake]);
  if (bayeuxCode(second) === "401") throw refused(sessionRefused);
  return second;
}

function isChange(message: BayeuxMessage, channel: string): message is BayeuxMessage & ChangeEvent {
  if (message.channel !== channel) return false;
  if (isEvent.Check(message)) return true;
  throw refused("event-unreadable");
}

async function newsOf(
  session: SalesforceSession,
  objects: readonly FollowedObject[],
  events: readonly ChangeEvent[],
  means: Means,
): Promise<FeedNews> {
  // Every event told counts, also one that is told again.
  means.count(deliveredEvents, "change-event", events.length);
  const places = events.map(({ data }) => data.event.replayId);
  const records: QueryPage["records"][number][] = [];
  let incomplete = false;
  for (const { name, keyField, soql } of objects) {
    const changed = events
      .map(({ data }) => data.payload.ChangeEventHeader)
      .filter(({ entityName }) => entityName === name);
    const ids = [...new Set(changed.flatMap(({ recordIds }) => recordIds))];
    // A gap over the whole object names no record but `001*`.
    const named = ids.filter((id) => /^[A-Za-z0-9]{15,18}$/.test(id));
    const found: QueryPage["records"][number][] = [];
    for (let from = 0; from < named.length; from += idsPerQuery) {
      const some = named.slice(from, from + idsPerQuery);
      const page = await query(
        session,
        "read-changed",
        `${soql} WHERE Id IN (${some.map(soqlText).join(", ")})`,
        means,
      );
      found.push(...page.records);
    }
    // Emptied from the recycle bin: only a reading of everything shows that it is gone.
    if (found.length < ids.length) incomplete = true;
    records.push(...found.filter((record) => record[keyField] != null));
  }
  return { place: places.length === 0 ? null : String(Math.max(...places)), records, incomplete };
}

export interface QueryPage {
  readonly records: readonly Readonly<Record<string, unknown>>[];
  /** Path of the next page; null: this was the last. */
  readonly next: string | null;
}

/** Deleted records that are still in the recycle bin included. Errors: `salesforce-refused` (unavailable). */
export async function query(
  session: SalesforceSession,
  operation: string,
  soql: string,
  means: Means,
): Promise<QueryPage> {
  return queryPage(session, operation, `${dataPath}/queryAll?${new URLSearchParams({ q: soql })}`, means);
}

/** A page by the path they gave for it. */
export async function queryPage(
  session: SalesforceSession,
  operation: string,
  path: string,
  means: Means,
): Promise<QueryPage> {
  if (!path.startsWith(`${dataPath}/`)) throw refused("page-address-strange");
  const { status, text } = await session.call({ operation, method: "GET", path }, means);
  const body = jsonOf(text) as {
    readonly records?: unknown;
    readonly nextRecordsUrl?: unknown;
    readonly done?: unknown;
  };
  if (status !== 200 || !Array.isArray(body?.records) || typeof body.done !== "boolean") {
    throw refused(codeOf(body) ?? `query-${status}`);
  }
  const next = body.done ? null : body.nextRecordsUrl;
  if (next !== null && typeof next !== "string") throw refused("query-page-missing");
  return { records: body.records as QueryPage["records"], next };
}

async function bayeux(
  session: SalesforceSession,
  means: Means,
  messages: readonly object[],
): Promise<readonly BayeuxMessage[]> {
  // Their streaming is not counted by calls but by the events it delivers.
  const call = { operation: null, method: "POST", path: `/cometd/${apiVersion}`, body: messages } as const;
  const { status, text } = await session.call(call, means);
  const answers = jsonOf(text);
  if (status !== 200 || !Array.isArray(answers) || answers.length === 0) {
    // A session was opened for this very call when the one before had ended.
    throw refused(status === 401 ? sessionRefused : `stream-${status}`);
  }
  const given = answers as readonly BayeuxMessage[];
  // Their streams tell of an ended session in the message alone; whatever it was, the next connection signs in anew.
  if (given.some(({ successful }) => successful === false)) session.forget();
  return given;
}

/** Errors: `salesforce-refused` with the code in front of their text. */
function succeeded(message: BayeuxMessage | undefined): BayeuxMessage {
  if (message?.successful !== true) throw refused(`stream-${bayeuxCode(message) ?? "unreadable"}`);
  return message;
}

function bayeuxCode(message: BayeuxMessage | undefined): string | null {
  return /^(\d{3})::/.exec(String(message?.error ?? ""))?.[1] ?? null;
}
