import { openAlarm, type WakeUps } from "../consumer/wake-up.ts";
import { appendEntries } from "../journal/append.ts";
import { Failure, isFailure } from "../model/failure.ts";
import type { Connection, Database } from "../postgres/database.ts";
import {
  type FeedStep,
  type FollowedFeed,
  holdFeed,
  missingRecords,
  openUnreadable,
  readingEntry,
  releaseFeed,
  stepFeed,
  tellRecords,
} from "./followed-feed.ts";
import { listenAhead } from "./listen-ahead.ts";
import { refusalIn, stopRefused } from "./refused-credentials.ts";
import { validatorOf } from "./schema-check.ts";
import type { FeedNews, FollowingTreaty, Listening, Means, RecordNews } from "./treaty.ts";
import { isStopped } from "./treaty-control.ts";
import { openCounts } from "./treaty-counts.ts";
import { type CaseLine, type TreatyEvent, troubleOf } from "./treaty-events.ts";

/**
 * Keeps a context up to date with the records of others. One process listens; place, observations and what is known of the records are
 * written in one transaction, so that a kill at any moment loses and doubles nothing: what was not written is told again.
 */
export interface Follower {
  readonly treaty: string;
  /** Time has jumped: a reading of everything may be due. */
  timeMoved(): void;
  stop(): Promise<void>;
}

export interface FollowerOptions {
  readonly context: string;
  readonly treaty: FollowingTreaty;
  readonly database: Database;
  readonly workerId: string;
  readonly leaseMs: number;
  readonly wakeUps: WakeUps;
  readonly ring: (name: string) => void;
  readonly means: (signal: AbortSignal) => Means;
  readonly now: () => number;
  readonly random: () => number;
  readonly paused: () => boolean;
  readonly report: (event: TreatyEvent) => void;
  readonly probe?: (point: string) => Promise<void> | void;
}

/** What follows from what was heard, in the transaction that moves the feed on. Returns how many records were told. */
type Effect = (connection: Connection, opened: CaseLine[]) => Promise<number>;

/** Between looks whether the feed may be taken, and whether somebody stopped the treaty. */
const lookEveryMs = 1_000;

export function followFeed(options: FollowerOptions): Follower {
  const { context, treaty, database, workerId, leaseMs, now } = options;
  const { times } = treaty;
  const alarm = openAlarm();
  const check = validatorOf(treaty.output);
  let stopping = false;
  let isHeld = false;
  /** Ends what is under way with them, and the connection with it. */
  let interruption = new AbortController();
  const interrupt = (): void => {
    interruption.abort();
    alarm.signal();
  };
  const unlisten = options.wakeUps.listen([`${context}:control`], interrupt);
  const meansFor = (ms: number): Means =>
    options.means(AbortSignal.any([interruption.signal, AbortSignal.timeout(ms)]));

  const isAtWork = async (): Promise<boolean> => {
    if (stopping || options.paused()) return false;
    return !(await isStopped(database, treaty.name));
  };

  /** Refused once is refused at every try. True: the treaty is stopped, and only a person lets it go on. */
  async function stopWhenRefused(error: unknown): Promise<boolean> {
    const code = refusalIn(treaty.errorMap, error);
    if (code === null) return false;
    for (const line of await stopRefused(database, treaty, treaty.tenantId, code, now()))
      options.report(line);
    return true;
  }

  /** What can be read of them, and where the first one that cannot differs from what was agreed. */
  function readRecords(records: readonly unknown[]): { news: RecordNews[]; problem: string | null } {
    const news: RecordNews[] = [];
    let problem: string | null = null;
    for (const record of records) {
      const found = check(record);
      try {
        if (found === null) news.push(treaty.tells(record));
        else problem ??= found;
      } catch (error) {
        // What the author's function threw may quote the record: of that only the kind of error is told.
        problem ??= `the treaty threw ${error instanceof Error ? error.name : typeof error}`;
      }
    }
    return { news, problem };
  }

  async function tell(
    connection: Connection,
    { news, problem }: ReturnType<typeof readRecords>,
    place: string | null,
    at: number,
    opened: CaseLine[],
  ): Promise<number> {
    if (problem !== null) opened.push(...(await openUnreadable(connection, treaty, problem, at)));
    return tellRecords(connection, context, treaty, news, place, at);
  }

  /** Writes what was heard and moves the feed on; tells the context's consumers. */
  async function write(step: FeedStep, effect: Effect = async () => 0): Promise<number> {
    const opened: CaseLine[] = [];
    const told = await database.transaction(async (connection) => {
      await stepFeed(connection, treaty.name, workerId, step);
      // The feed's row is ours until the commit, and whoever stops the treaty takes it first: what is told was told before the stop.
      if (await isStopped(connection, treaty.name)) throw stopped(treaty.name);
      return effect(connection, opened);
    });
    for (const line of opened) options.report(line);
    if (told > 0) {
      options.ring(context);
      options.ring(`${context}:commands`);
    }
    return told;
  }

  /** Compares all their records with what we were told: reconciliation. `place`: null when the one we had is worth nothing. */
  async function readAll(place: { readonly place: null } | object): Promise<void> {
    await write({ state: "reading" });
    const startedAt = now();
    const found = new Set<string>();
    let corrected = 0;
    let isWhole = true;
    let after: string | null = null;
    do {
      const page = await treaty.readPage(after, meansFor(times.answerWithinMs));
      const read = readRecords(page.records);
      for (const { name } of read.news) found.add(name);
      isWhole &&= read.problem === null;
      corrected += await write({ state: "reading" }, (connection, opened) =>
        tell(connection, read, null, now(), opened),
      );
      await options.probe?.("feed:page");
      after = page.next;
    } while (after !== null);
    // The feed was listened to before the reading began: what changed since then is told by it.
    const step = { state: "following", heardAt: startedAt, readAllAt: now(), ...place } as const;
    await write(step, async (connection) => {
      // Of a record that could not be read nobody knows which one it was.
      const gone = isWhole ? await missingRecords(connection, treaty.name, found) : [];
      const news = gone.map((record) => {
        return { ...record, isThere: false, command: treaty.tellsGone(record) };
      });
      const told = await tellRecords(connection, context, treaty, news, null, now());
      corrected += told;
      const data = { treaty: treaty.name, looked: found.size, corrected, gone: gone.length };
      await appendEntries(connection, [readingEntry(context, treaty, now(), data)]);
      // One process follows a feed, so there is nobody to share a row with.
      const counts = openCounts(0);
      counts.add(treaty.name, "reconciliations", "feed-read");
      counts.add(treaty.name, "corrections", "feed-read", corrected);
      await counts.write(connection);
      return told;
    });
    options.report({ event: "reconciled", treaty: treaty.name, looked: found.size, corrected });
  }

  async function listenAfter(feed: FollowedFeed): Promise<{ listening: Listening; isLost: boolean }> {
    const answerWithin = () => meansFor(times.answerWithinMs);
    try {
      const listening = await treaty.listen(feed.place, answerWithin());
      return { listening, isLost: feed.place === null };
    } catch (error) {
      if (!isFailure(error, "feed-place-lost")) throw error;
      return { listening: await treaty.listen(null, answerWithin()), isLost: true };
    }
  }

  /** From taking the feed until it breaks, somebody stops it, or another worker has it. */
  async function follow(feed: FollowedFeed, heard: () => void): Promise<void> {
    const { listening, isLost } = await listenAfter(feed);
    const ahead = listenAhead(() => listening.next(meansFor(times.quietMs + times.answerWithinMs)));
    let readAllAt = feed.readAllAt;
    /** Returns what was heard meanwhile. */
    const readEverything = async (place: object): Promise<readonly FeedNews[]> => {
      const meanwhile = await ahead.during(() => readAll(place));
      readAllAt = now();
      return meanwhile;
    };
    const hearAll = async (all: readonly FeedNews[]): Promise<void> => {
      for (const news of all) await hear(news);
    };
    const hear = async (news: FeedNews): Promise<void> => {
      await options.probe?.("feed:heard");
      const records = readRecords(news.records);
      const { place } = news;
      const at = now();
      const told: Effect = (connection, opened) => tell(connection, records, place, at, opened);
      // Told before everything is read, which may find these records changed since; but not heard until then: a kill in between must find
      // the place before it.
      let meanwhile: readonly FeedNews[] = [];
      if (news.incomplete) {
        await write({ state: "reading" }, told);
        meanwhile = await readEverything({});
      }
      const step = { state: "following", heardAt: at, ...(place === null ? {} : { place }) } as const;
      await write(step, news.incomplete ? undefined : told);
      await options.probe?.("feed:told");
      heard();
      await hearAll(meanwhile);
    };
    // A place they have forgotten, or one we never had: only a reading tells what there is.
    if (isLost) await hearAll(await readEverything({ place: null }));
    heard();
    while (!interruption.signal.aborted) {
      if (now() >= (readAllAt ?? 0) + times.readAllEveryMs) await hearAll(await readEverything({}));
      await hear(await ahead.next());
    }
  }

  /** Keeps the lease while the feed is listened to; gives the connection up when it is lost or nobody wants it any more. */
  function keepHolding(): () => void {
    const timer = setInterval(() => {
      Promise.all([holdFeed(database, treaty.name, workerId, leaseMs), isAtWork()]).then(
        ([held, isWanted]) => (held === null || !isWanted ? interrupt() : undefined),
        // The transaction that would have moved the feed finds out by itself.
        () => undefined,
      );
    }, leaseMs / 3).unref();
    return () => clearInterval(timer);
  }

  /** Best effort: a lease lapses by itself. */
  async function letGo(): Promise<void> {
    if (!isHeld) return;
    isHeld = false;
    await releaseFeed(database, treaty.name, workerId).catch(() => undefined);
  }

  /** Takes the feed, follows it, and lets whoever asks know why it ended. Null: not ours to follow now. */
  async function takeTurn(heard: () => void): Promise<"followed" | null> {
    if (!(await isAtWork())) {
      await letGo();
      return null;
    }
    const feed = await holdFeed(database, treaty.name, workerId, leaseMs);
    isHeld = feed !== null;
    if (feed === null) return null;
    const keep = keepHolding();
    try {
      await follow(feed, heard);
    } finally {
      keep();
    }
    return "followed";
  }

  async function run(): Promise<void> {
    let failures = 0;
    const heard = (): void => {
      failures = 0;
    };
    while (!stopping) {
      interruption = new AbortController();
      try {
        if ((await takeTurn(heard)) === null) await alarm.sleep(lookEveryMs);
      } catch (error) {
        // Whoever ended it knows why, and so does who stopped the treaty.
        if (interruption.signal.aborted || isFailure(error, "treaty-stopped")) continue;
        failures++;
        // What their side of a connection throws has no code of ours.
        const code = isFailure(error) ? error.code : "feed-broken";
        options.report({ ...troubleOf(treaty.target, error), trouble: code });
        await stepFeed(database, treaty.name, workerId, { state: "away", code }).catch(() => undefined);
        // Could it not be written down, the next try is refused as well.
        if (await stopWhenRefused(error).catch(() => false)) {
          failures = 0;
          continue;
        }
        const wait = Math.min(times.retryLongestMs, times.retryFirstMs * 2 ** Math.min(failures - 1, 20));
        await alarm.sleep(wait * (0.75 + options.random() / 2));
      }
    }
    await letGo();
  }
  const running = run();

  return {
    treaty: treaty.name,
    timeMoved: interrupt,
    async stop() {
      stopping = true;
      unlisten();
      interrupt();
      await running;
    },
  };
}

function stopped(treaty: string): Failure {
  return new Failure("conflict", "treaty-stopped", "The treaty is stopped: nobody is heard.", {
    fields: { treaty },
  });
}
