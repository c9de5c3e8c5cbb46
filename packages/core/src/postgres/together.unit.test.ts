import assert from "node:assert/strict";
import { test } from "node:test";
import { together } from "./together.ts";

test("what is asked at the same time is asked once, and each hears its own answer", async () => {
  const asked: (readonly number[])[] = [];
  const double = together<number, number>(async (numbers) => {
    asked.push(numbers);
    return numbers.map((one) => one * 2);
  });
  assert.deepEqual(await Promise.all([double(1), double(2), double(3)]), [2, 4, 6]);
  assert.deepEqual(await Promise.all([double(4)]), [8]);
  assert.deepEqual(asked, [[1, 2, 3], [4]]);
});

test("what is asked while an answer is awaited does not wait for it", async () => {
  const slow = Promise.withResolvers<void>();
  const ask = together<string, string>(async (questions) => {
    if (questions.includes("slow")) await slow.promise;
    return questions;
  });
  const first = ask("slow");
  await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.equal(await ask("quick"), "quick");
  slow.resolve();
  assert.equal(await first, "slow");
});

test("a failure is heard by all who asked together, and by nobody after them", async () => {
  let isAway = true;
  const ask = together<number, number>(async (numbers) => {
    if (isAway) throw new Error("away");
    return numbers;
  });
  const heard = await Promise.allSettled([ask(1), ask(2)]);
  assert.deepEqual(
    heard.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  isAway = false;
  assert.equal(await ask(3), 3);
});
