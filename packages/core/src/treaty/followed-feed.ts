import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { JsonObject, NewEntry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { ttlOf } from "../model/freshness.ts";
import { textArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { openCases } from "./fallout-cases.ts";
import { plainEntry } from "./hand-off-entries.ts";
import type { DomainCommand, FollowingTreaty, RecordNews } from "./treaty.ts";
import { type CaseLine, tenantSubject } from "./treaty-events.ts";

/** The record of how far a context has followed the changes of others. Life-cycle: docs/states/followed-feed.md. */

export type FollowedState = "reading" | "following" | "away";

export interface FollowedFeed {
  readonly treaty: string;
  readonly state: FollowedState;
  /** Their name for the place after which we go on; null: everything is read first. */
  readonly place: string | null;
  /** Business time up to which nothing was missed; null: never. */
  readonly heardAt: number | null;
  /** Business time of the last complete reading. */
  readonly readAllAt: number | null;
  /** Why it is away. */
  readonly code: string | null;
}

/** A reading of everything, compared with what we had: kind `reconciliation`. */
export const feedReadType = "entente.feed-read";

// Whoever was killed could not say that it follows no more.
const columns = `treaty, case when state = 'following' and held_until < clock_timestamp() then 'away' else state end as state, place, code, (extract(epoch from heard_at) * 1000)::float8 as "heardAt",
  (extract(epoch from read_all_at) * 1000)::float8 as "readAllAt"`;

const hold: Statement = {
  name: "feed-hold",
  text: `insert into entente.followed_feed as f (treaty, state, holder, held_until)
      values ($1, 'away', $2, clock_timestamp() + $3 * interval '1 millisecond')
    on conflict (treaty) do update set holder = excluded.holder, held_until = excluded.held_until
      where f.holder = excluded.holder or f.holder is null or f.held_until < clock_timestamp()
    returning ${columns}`,
};

/** Takes the feed for this worker or keeps it; null: another one has it. Units: leaseMs of database time. */
export async function holdFeed(
  database: Database,
  treaty: string,
  workerId: string,
  leaseMs: number,
): Promise<FollowedFeed | null> {
  const [row] = await database.run<FollowedFeed & Record<string, unknown>>(hold, [treaty, workerId, leaseMs]);
  return row ?? null;
}

export async function releaseFeed(database: Database, treaty: string, workerId: string): Promise<void> {
  await database.execute(
    `update entente.followed_feed set holder = null, held_until = null, state = 'away', code = 'not-followed'
     where treaty = $1 and holder = $2`,
    [treaty, workerId],
  );
}

/** Every feed the context ever followed. */
export async function readFeeds(database: Database): Promise<FollowedFeed[]> {
  return database.execute<FollowedFeed & Record<string, unknown>>(
    `select ${columns} from entente.followed_feed order by treaty`,
  );
}

/** What changes about the feed with what was heard. What is left out stays. Times in business time. */
export interface FeedStep {
  readonly state: FollowedState;
  readonly place?: string | null;
  readonly heardAt?: number;
  readonly readAllAt?: number;
  readonly code?: string;
}

const step: Statement = {
  name: "feed-step",
  text: `update entente.followed_feed set state = $3, place = case when $4 then $5 else place end,
      heard_at = coalesce(to_timestamp($6::float8 / 1000), heard_at),
      read_all_at = coalesce(to_timestamp($7::float8 / 1000), read_all_at), code = $8
    where treaty = $1 and holder = $2 returning 1 as held`,
};

/**
 * Moves the feed on, in the transaction of what follows from it.
 * Errors: `feed-lost` (conflict): another worker has it, and whatever this one heard is heard by that one again.
 */
export async function stepFeed(
  connection: Pick<Connection, "run">,
  treaty: string,
  workerId: string,
  { state, place, heardAt, readAllAt, code }: FeedStep,
): Promise<void> {
  const values = [state, place !== undefined, place ?? null, heardAt ?? null, readAllAt ?? null];
  const held = await connection.run(step, [treaty, workerId, ...values, code ?? null]);
  if (held.length === 0) {
    throw new Failure("conflict", "feed-lost", `Another worker follows the feed of ${treaty}.`, {
      fields: { treaty },
    });
  }
}

const remember: Statement = {
  name: "feed-remember",
  text: `insert into entente.followed_record as r (treaty, name, key, is_there, content_hash)
      select $1, n.name, n.key, n.hash <> '', n.hash from unnest($2::text[], $3::text[], $4::text[]) as n(name, key, hash)
    on conflict (treaty, name) do update set key = excluded.key, is_there = excluded.is_there, content_hash = excluded.content_hash
      where r.content_hash <> excluded.content_hash
    returning name`,
};

/**
 * Tells the context what is new about records, in the caller's transaction; what it knows already is not told again.
 * Returns how many were told.
 */
export async function tellRecords(
  connection: Connection,
  context: string,
  treaty: FollowingTreaty,
  news: readonly RecordNews[],
  place: string | null,
  now: number,
): Promise<number> {
  if (news.length === 0) return 0;
  // Of a record told of twice the last word counts.
  const last = [...new Map(news.map((one) => [one.name, one])).values()];
  const changed = await connection.run<{ name: string }>(remember, [
    treaty.name,
    textArray(last.map(({ name }) => name)),
    textArray(last.map(({ key }) => key)),
    textArray(last.map(contentHash)),
  ]);
  const told = new Set(changed.map(({ name }) => name));
  const commands = last
    .filter(({ name }) => told.has(name))
    .map(({ key, command }) => commandEntry(context, treaty, key, command, place, now));
  await appendEntries(connection, commands);
  return commands.length;
}

/**
 * One open case of a treaty is enough: who looks into it finds the others. `problem`: where the record differs, without its content.
 * Returns the line of one that was opened, to be told once it is committed.
 */
export async function openUnreadable(
  connection: Connection,
  treaty: FollowingTreaty,
  problem: string,
  now: number,
): Promise<readonly CaseLine[]> {
  const known = await connection.execute(
    "select 1 from entente.fallout_case where tenant_id = $1 and treaty = $2 and kind = 'record-unreadable' and closed_at is null limit 1",
    [treaty.tenantId, treaty.name],
  );
  if (known.length > 0) return [];
  const says = `A record of theirs is not as agreed (${problem}). It was left out; what we knew of it stays.`;
  const { tenantId, name, target, runbook } = treaty;
  const own = { about: tenantSubject(tenantId, target), treaty: name, owner: runbook.businessOwner };
  return openCases(connection, [{ ...own, kind: "record-unreadable", code: null, says }], now);
}

const missing: Statement = {
  name: "feed-missing",
  text: `select name, key from entente.followed_record where treaty = $1 and is_there and name <> all($2::text[])`,
};

/** Records we know of that a complete reading did not bring. */
export async function missingRecords(
  connection: Pick<Connection, "run">,
  treaty: string,
  found: ReadonlySet<string>,
): Promise<readonly { readonly name: string; readonly key: string }[]> {
  return connection.run<{ name: string; key: string }>(missing, [treaty, textArray([...found])]);
}

/** What a reading of everything found, beside the commands that follow from it. */
export function readingEntry(
  context: string,
  treaty: FollowingTreaty,
  now: number,
  data: JsonObject,
): NewEntry<object> {
  const id = newId(now);
  return {
    ...plainEntry(context, id, treaty.tenantId, `treaty:${treaty.name}`, now),
    kind: "reconciliation",
    type: feedReadType,
    target: null,
    processId: id,
    correlationId: id,
    causationId: null,
    data,
  };
}

/** Empty for what is gone. */
function contentHash({ isThere, command }: RecordNews): string {
  return isThere ? hash("sha256", canonicalize(command.data) ?? "", "hex").slice(0, 32) : "";
}

/** The observation, which says where in their feed it was heard: the start of a process, unless the record is part of one of ours. */
function commandEntry(
  context: string,
  treaty: FollowingTreaty,
  key: string,
  command: DomainCommand,
  place: string | null,
  now: number,
): NewEntry<object> {
  const id = newId(now);
  const processId = command.processId ?? id;
  return {
    ...plainEntry(context, id, treaty.tenantId, key, now),
    kind: "command",
    type: command.type,
    schemaVersion: command.schemaVersion,
    target: context,
    processId,
    correlationId: processId,
    causationId: null,
    ttlMs: ttlOf(command.ttlMs, null, now),
    data: { ...command.data, heard: { treaty: treaty.name, place } },
  };
}
