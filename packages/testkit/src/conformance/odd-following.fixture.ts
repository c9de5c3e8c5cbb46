/** The treaty that follows the shelves of the warehouse, right and with one thing wrong at a time. */
import {
  defineFollowingTreaty,
  Failure,
  type FollowingTreaty,
  isFailure,
  type JsonObject,
  type Listening,
  type Means,
  type Reply,
  runbookEntries,
  sheetTextEntries,
  treatyQuestions,
} from "@entente/core";
import { validatorOf } from "@entente/core/internal";
import { Type } from "typebox";
import { call } from "./odd-treaty.fixture.ts";

const says = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, `Says ${name}.`])) as Record<Name, string>;

/** What every treaty with the warehouse says of itself. */
export const warehouse = {
  version: "1.0.0",
  target: "warehouse",
  sheet: says(sheetTextEntries),
  runbook: says(runbookEntries),
  answers: says(treatyQuestions),
  errorMap: {
    "NOT-FOR-YOU": { class: "BUSINESS_REJECTED", means: "They show that to others only." },
    "401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "Token refused." },
    "429": { class: "TECHNICAL_RETRYABLE", means: "Too many questions." },
  },
  credentials: ["token"],
} as const;

export const ShelfRecord = Type.Object({
  name: Type.String(),
  account: Type.String(),
  units: Type.Integer(),
  state: Type.String(),
});

/** Their words in ours. */
export const stateWords: Readonly<Record<string, string>> = {
  OPEN: "open",
  PAUSED: "paused",
  CLOSED: "closed",
};

/** How it asks: by the means of the runtime, unless something is wrong with it. */
export type AskWarehouse = (path: string, means: Means) => Promise<Reply>;

export const askWarehouse =
  (url: string): AskWarehouse =>
  (path, means) =>
    call(url, "GET", path, null, means);

function refused(code: string): Failure {
  return new Failure("unavailable", "warehouse-refused", `The warehouse refused to be read: ${code}.`, {
    fields: { externalCode: code },
  });
}

interface Page {
  readonly records: readonly unknown[];
  readonly next: string | null;
}

export function oddFollowing(ask: AskWarehouse): FollowingTreaty {
  async function bodyOf(path: string, means: Means): Promise<Readonly<Record<string, unknown>>> {
    const { status, body } = await ask(path, means);
    if (status === "410") throw new Failure("conflict", "feed-place-lost", "They do not keep that place.");
    if (status !== "200" || typeof body !== "object" || body === null) throw refused(status);
    return body as Readonly<Record<string, unknown>>;
  }
  return defineFollowingTreaty({
    ...warehouse,
    name: "odd-shelves",
    kind: "change-feed",
    tenantId: "acme",
    style: {
      userWaitsForTheAnswer: false,
      runsLong: true,
      counterpartyMayBeAway: true,
      hasAnEffect: false,
      staleAnswerWillDo: true,
      flowNeedsTheResult: false,
    },
    input: Type.String({ pattern: "^\\d+$" }),
    output: Type.Object({ ...ShelfRecord.properties, removed: Type.Boolean() }),
    async listen(after, means) {
      const known = await bodyOf(`/places/${after ?? "now"}`, means);
      if (typeof known.place !== "string") throw refused("place-unreadable");
      let { place } = known;
      return {
        async next(waiting) {
          const news = await bodyOf(`/feed?after=${place}`, waiting);
          if (typeof news.place !== "string" || !Array.isArray(news.records))
            throw refused("news-unreadable");
          place = news.place;
          return { place, records: news.records, incomplete: news.incomplete !== false };
        },
      };
    },
    async readPage(after, means) {
      const page = await bodyOf(`/shelves?from=${after ?? "0"}`, means);
      if (!Array.isArray(page.records)) throw refused("page-unreadable");
      return page as unknown as Page;
    },
    tells({ name, account, units, state, removed }) {
      const ours = stateWords[state];
      if (ours === undefined) throw new Error(`no such state: ${state}`);
      const command = removed ? gone(name, account) : note(account, { name, account, units, state: ours });
      return { name, key: account, isThere: !removed, command };
    },
    tellsGone: ({ name, key }) => gone(name, key),
    times: {
      answerWithinMs: 30_000,
      quietMs: 60_000,
      retryFirstMs: 1_000,
      retryLongestMs: 60_000,
      readAllEveryMs: 24 * 3_600_000,
    },
  }) as unknown as FollowingTreaty;
}

export function note(key: string, data: JsonObject) {
  return { type: "shop.note-shelf", schemaVersion: "1.0.0", key, data };
}

export function gone(name: string, account: string) {
  return { type: "shop.note-shelf-gone", schemaVersion: "1.0.0", key: account, data: { name, account } };
}

/** Waits until they have time again, and goes on from there. */
async function passingOver(treaty: FollowingTreaty, means: Means): Promise<Listening> {
  for (;;) {
    const listening = await treaty.listen(null, means).catch(() => null);
    if (listening !== null) return listening;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

type Make = (ask: AskWarehouse) => FollowingTreaty;

/** With something done to each record before it is told. */
const retold =
  (change: (news: ReturnType<FollowingTreaty["tells"]>) => ReturnType<FollowingTreaty["tells"]>): Make =>
  (ask) => {
    const treaty = oddFollowing(ask);
    return { ...treaty, tells: (record) => change(treaty.tells(record)) };
  };

/** Each wrong in one way that treaties are wrong in. */
export const followingBugs = {
  none: oddFollowing,
  "forgets its place": (ask) => {
    const treaty = oddFollowing(ask);
    return { ...treaty, listen: (_after, means) => treaty.listen(null, means) };
  },
  "tells everything under the key of the first record": (ask) => {
    let first: string | null = null;
    return retold((news) => {
      first ??= news.key;
      return { ...news, key: first, command: { ...news.command, key: first } };
    })(ask);
  },
  "tells the same in other words each time": (ask) => {
    let told = 0;
    return retold((news) => ({
      ...news,
      command: { ...news.command, data: { ...news.command.data, told: ++told } },
    }))(ask);
  },
  "swallows what it cannot read": (ask) => {
    const treaty = oddFollowing(ask);
    const check = validatorOf(treaty.output);
    const readable = (records: readonly unknown[]) => records.filter((record) => check(record) === null);
    return {
      ...treaty,
      async listen(after, means) {
        const listening = await treaty.listen(after, means);
        return {
          async next(waiting) {
            const news = await listening.next(waiting);
            return { ...news, records: readable(news.records) };
          },
        };
      },
      async readPage(after, means) {
        const page = await treaty.readPage(after, means);
        return { ...page, records: readable(page.records) };
      },
    };
  },
  "takes no answer for nothing there": (ask) => {
    const treaty = oddFollowing(ask);
    return {
      ...treaty,
      listen: (after, means) => treaty.listen(after, means).catch(() => treaty.listen(null, means)),
      readPage: (after, means) => treaty.readPage(after, means).catch(() => ({ records: [], next: null })),
    };
  },
  "passes over what it was told to wait for": (ask) => {
    const treaty = oddFollowing(ask);
    return {
      ...treaty,
      listen: (after, means) =>
        treaty.listen(after, means).catch((error: unknown) => {
          if (isFailure(error) && error.fields.externalCode === "429") return passingOver(treaty, means);
          throw error;
        }),
    };
  },
  "takes refused credentials for trouble": (ask) => {
    const { "401": _refused, ...errorMap } = warehouse.errorMap;
    return { ...oddFollowing(ask), errorMap };
  },
  "quotes what it could not read": (ask) => {
    const treaty = oddFollowing(ask);
    return {
      ...treaty,
      async listen(after, means) {
        const listening = await treaty.listen(after, means);
        let last = "";
        return {
          async next(waiting) {
            try {
              const news = await listening.next(waiting);
              last = JSON.stringify(news.records);
              return news;
            } catch {
              throw new Failure("unavailable", "warehouse-refused", `Nothing came after ${last}.`);
            }
          },
        };
      },
    };
  },
} as const satisfies Readonly<Record<string, Make>>;

export type FollowingBug = keyof typeof followingBugs | "goes out by another door";

/** Not by the means of the runtime. */
export const anotherDoor =
  (url: string): AskWarehouse =>
  async (path, means) => {
    const headers = { authorization: `Bearer ${await means.secret("token")}` };
    const response = await fetch(`${url}${path}`, { headers, signal: means.signal });
    const raw = await response.text();
    return { status: String(response.status), raw, body: JSON.parse(raw) as unknown };
  };
