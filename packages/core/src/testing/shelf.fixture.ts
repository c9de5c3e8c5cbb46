/** A system elsewhere that is the authority for what lies on its shelves, and tells of changes by a feed. In memory, to be told what to do. */
import { Type } from "typebox";
import type { Decider } from "../model/decider.ts";
import type { JsonObject } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { runbookEntries, sheetTextEntries, treatyQuestions } from "../treaty/contract-sheet.ts";
import { defineFollowingTreaty, type FeedNews, type FollowingTreaty } from "../treaty/treaty.ts";

const says = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, `Says ${name}.`])) as Record<Name, string>;

export interface Shelf {
  readonly treaty: FollowingTreaty;
  /** Changes a record; `told: false`: its feed never says so. */
  put(name: string, count: number, told?: boolean): void;
  remove(name: string): void;
  /** Puts a record there that is not as agreed. */
  spoil(name: string): void;
  /** Puts a record there that is as agreed, and that the treaty throws for. */
  puzzle(name: string): void;
  /** Says again what it said last; or that something it does not name has changed. */
  repeat(): void;
  sayIncomplete(): void;
  /** Breaks off the next reading after its first page. */
  breakReading(): void;
  /** While away nothing is answered. */
  setAway(isAway: boolean): void;
  /** While it refuses, it does not accept our credentials. */
  setRefusing(isRefusing: boolean): void;
  /** How often it refused us. */
  refusals(): number;
  /** Keeps nothing of its feed before this. */
  forget(): void;
  /** From now on it forgets a listener who does not listen while a page is read. */
  beImpatient(): void;
  /** How often everything was read. */
  readings(): number;
  listeners(): number;
}

type News = { readonly place: number; readonly name: string | null };

export function openShelf(readAllEveryMs = 24 * 3_600_000): Shelf {
  const records = new Map<string, { name: string; count: number | string }>();
  let log: News[] = [];
  let last = 100;
  let kept = 100;
  let isAway = false;
  let isRefusing = false;
  let refusals = 0;
  let readings = 0;
  let breaks = false;
  let listeners = 0;
  let isImpatient = false;
  /** Listeners who do not listen at this moment, and those who were forgotten for it. */
  const quiet = new Set<object>();
  const forgotten = new Set<object>();
  let stir = Promise.withResolvers<void>();
  const say = (name: string | null): void => {
    last += 2;
    log.push({ place: last, name });
    stir.resolve();
    stir = Promise.withResolvers();
  };
  const here = (): void => {
    if (isAway) throw new Failure("unavailable", "request-not-sent", "They are away.");
    if (!isRefusing) return;
    refusals++;
    const fields = { externalCode: "401" };
    throw new Failure("unavailable", "warehouse-refused", "They refused to be read.", { fields });
  };
  const treaty = defineFollowingTreaty({
    name: "shelf",
    version: "1.0.0",
    kind: "change-feed",
    target: "warehouse",
    tenantId: "acme",
    sheet: says(sheetTextEntries),
    runbook: says(runbookEntries),
    answers: says(treatyQuestions),
    style: {
      userWaitsForTheAnswer: false,
      runsLong: true,
      counterpartyMayBeAway: true,
      hasAnEffect: false,
      staleAnswerWillDo: true,
      flowNeedsTheResult: false,
    },
    errorMap: {
      GONE: { class: "BUSINESS_REJECTED", means: "Not there." },
      "401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "Key refused." },
    },
    credentials: [],
    input: Type.Union([Type.String(), Type.Null()]),
    output: Type.Object({ name: Type.String(), count: Type.Integer() }),
    async listen(after) {
      here();
      if (after !== null && Number(after) < kept) {
        throw new Failure("conflict", "feed-place-lost", "They do not keep that place.");
      }
      let place = after === null ? last : Number(after);
      listeners++;
      const self = {};
      quiet.add(self);
      async function listen(signal: AbortSignal): Promise<FeedNews> {
        const isOver = Promise.withResolvers<never>();
        isOver.promise.catch(() => {});
        signal.addEventListener("abort", () => isOver.reject(signal.reason), { once: true });
        for (;;) {
          here();
          const news = log.filter((one) => one.place > place);
          if (news.length > 0) {
            place = news.at(-1)?.place ?? place;
            const names = new Set(news.flatMap(({ name }) => (name === null ? [] : [name])));
            return {
              place: String(place),
              records: [...names].flatMap((name) => records.get(name) ?? []),
              incomplete: news.some(({ name }) => name === null || !records.has(name)),
            };
          }
          await Promise.race([stir.promise, isOver.promise]);
        }
      }
      return {
        async next({ signal }): Promise<FeedNews> {
          if (forgotten.has(self)) throw new Failure("unavailable", "listener-forgotten", "They forgot us.");
          quiet.delete(self);
          try {
            return await listen(signal);
          } finally {
            quiet.add(self);
          }
        },
      };
    },
    async readPage(after) {
      here();
      if (isImpatient) for (const one of quiet) forgotten.add(one);
      if (after === null) readings++;
      else if (breaks) {
        breaks = false;
        throw new Error("broken half way");
      }
      const names = [...records.keys()].sort();
      const from = after === null ? 0 : Number(after);
      const page = names.slice(from, from + 2).map((name) => records.get(name));
      return { records: page, next: from + 2 < names.length ? String(from + 2) : null };
    },
    tells({ name, count }) {
      if (count < 0) throw new RangeError(`a shelf with ${count} on it`);
      return { name, key: name, isThere: true, command: note(name, { name, count }) };
    },
    tellsGone: ({ name, key }) => note(key, { name, count: null }),
    times: { answerWithinMs: 5_000, quietMs: 60_000, retryFirstMs: 20, retryLongestMs: 100, readAllEveryMs },
  });
  return {
    treaty: treaty as unknown as FollowingTreaty,
    put(name, count, told = true) {
      records.set(name, { name, count });
      if (told) say(name);
    },
    remove(name) {
      records.delete(name);
      say(name);
    },
    spoil(name) {
      records.set(name, { name, count: "many" });
      say(name);
    },
    puzzle(name) {
      records.set(name, { name, count: -77 });
      say(name);
    },
    repeat: () => say(log.at(-1)?.name ?? null),
    sayIncomplete: () => say(null),
    breakReading() {
      breaks = true;
    },
    setAway(away) {
      isAway = away;
      stir.resolve();
      stir = Promise.withResolvers();
    },
    setRefusing(refusing) {
      isRefusing = refusing;
      stir.resolve();
      stir = Promise.withResolvers();
    },
    refusals: () => refusals,
    forget() {
      log = [];
      kept = last + 1;
    },
    beImpatient() {
      isImpatient = true;
    },
    readings: () => readings,
    listeners: () => listeners,
  };
}

function note(key: string, data: JsonObject) {
  return { type: "shop.note-stock", schemaVersion: "1.0.0", key, data };
}

/** Takes down what the shelf says: each command is a fact, so that facts count what was told. */
export const stockDecider: Decider<object> = {
  name: "stock",
  commands: { "shop.note-stock": { parking: "step-aside", schemaVersion: "1.0.0" } },
  facts: [
    { type: "shop.stock-noted", schemaVersion: "1.0.0" },
    { type: "shop.refused", schemaVersion: "1.0.0" },
  ],
  refusalType: "shop.refused",
  initial: {},
  decide: (_state, { data }) => ({ facts: [{ type: "shop.stock-noted", data: data as JsonObject }] }),
  evolve: (state) => state,
};
