import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { listenAhead } from "./listen-ahead.ts";
import type { FeedNews } from "./treaty.ts";

const newsOf = (place: string, records = 1): FeedNews => {
  return { place, records: Array.from({ length: records }, () => ({})), incomplete: false };
};

/** A feed that answers when it is told to, and counts who listens. */
function openFeed() {
  const asked: PromiseWithResolvers<FeedNews>[] = [];
  const ahead = listenAhead(() => {
    const one = Promise.withResolvers<FeedNews>();
    asked.push(one);
    return one.promise;
  });
  return {
    ahead,
    asked: () => asked.length,
    answer: async (n: number, news: FeedNews) => (asked[n]?.resolve(news), turn()),
  };
}

test("what is heard meanwhile is returned in order; what is heard later is for the next one who listens", async () => {
  const { ahead, asked, answer } = openFeed();
  const act = Promise.withResolvers<void>();
  const meanwhile = ahead.during(() => act.promise);
  assert.equal(asked(), 1, "somebody listens before anything is done");
  await answer(0, newsOf("1"));
  await answer(1, newsOf("2"));
  assert.equal(asked(), 3);
  act.resolve();
  assert.deepEqual(
    (await meanwhile).map(({ place }) => place),
    ["1", "2"],
  );
  await answer(2, newsOf("3"));
  assert.equal((await ahead.next()).place, "3");
  assert.equal(asked(), 3, "the one who listened already was not asked again");
});

test("past a thousand records nobody listens until it is over: what waits is bounded", async () => {
  const { ahead, asked, answer } = openFeed();
  const act = Promise.withResolvers<void>();
  const meanwhile = ahead.during(() => act.promise);
  await answer(0, newsOf("1", 999));
  assert.equal(asked(), 2);
  await answer(1, newsOf("2"));
  assert.equal(asked(), 2);
  act.resolve();
  assert.equal((await meanwhile).length, 2);
});

test("a connection that breaks meanwhile does not end what is done; the next one who listens is told, once", async () => {
  let listened = 0;
  const ahead = listenAhead(() => {
    listened++;
    return listened === 1 ? Promise.reject(new Error("broken")) : Promise.resolve(newsOf("9"));
  });
  assert.deepEqual(await ahead.during(() => turn()), []);
  await assert.rejects(ahead.next(), /broken/);
  assert.equal((await ahead.next()).place, "9");
});

test("when what is done fails, its error is told and what was heard is dropped: it is told again from the place that stands", async () => {
  const { ahead, answer } = openFeed();
  const act = Promise.withResolvers<void>();
  const meanwhile = ahead.during(() => act.promise);
  await answer(0, newsOf("1"));
  act.reject(new Error("half way"));
  await assert.rejects(meanwhile, /half way/);
});
