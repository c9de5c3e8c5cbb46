import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { type KeptState, openStateFile, StateUnreadable } from "./kept-state.ts";
import { StateHeld } from "./state-holder.ts";

const root = mkdtempSync(join(tmpdir(), "kept-state-"));
after(() => rmSync(root, { recursive: true }));
const newFolder = () => mkdtempSync(join(root, "state-"));
const fileIn = (folder: string) => join(folder, "shop.jsonl");

/** What the state says when it is opened once more. */
async function reopened<Result>(folder: string, look: (state: KeptState) => Result): Promise<Result> {
  const state = await openStateFile(folder, "shop");
  const found = look(state);
  await state.close();
  return found;
}

const entries = (state: KeptState, name: string) => [...state.map(name)];

test("what was put in, changed in place and taken out is so at the next start, in order", async () => {
  const folder = newFolder();
  const state = await openStateFile(folder, "shop");
  const orders = state.map<{ units: number; done?: boolean }>("orders");
  orders.set("b", { units: 1 });
  orders.set("a", { units: 2 });
  orders.set("gone", { units: 3 });
  await state.save();
  const first = orders.get("b");
  assert.ok(first !== undefined);
  first.done = true;
  orders.delete("gone");
  await state.close();
  const found = await reopened(folder, (again) => entries(again, "orders"));
  assert.deepEqual(found, [
    ["b", { units: 1, done: true }],
    ["a", { units: 2 }],
  ]);
});

test("a save is on disk when it resolves, without the state being closed", async () => {
  const folder = newFolder();
  const state = await openStateFile(folder, "shop");
  const orders = state.map("orders");
  const before = readFileSync(fileIn(folder), "utf8");
  orders.set("a", 1);
  await state.save();
  assert.equal(readFileSync(fileIn(folder), "utf8"), `${before}{"map":"orders","key":"a","value":1}\n`);
  await state.close();
});

test("what was got and not changed is not written again", async () => {
  const folder = newFolder();
  const state = await openStateFile(folder, "shop");
  const orders = state.map("orders");
  orders.set("a", { units: 1 });
  await state.save();
  const before = readFileSync(fileIn(folder), "utf8");
  orders.get("a");
  await state.save();
  assert.equal(readFileSync(fileIn(folder), "utf8"), before);
  await state.close();
});

test("a last line that was cut is ignored; one in the middle is no state", async () => {
  const folder = newFolder();
  await reopened(folder, (state) => state.map("orders").set("a", 1));
  appendFileSync(fileIn(folder), '{"map":"orders","key":"b","val');
  assert.deepEqual(await reopened(folder, (state) => entries(state, "orders")), [["a", 1]]);
  appendFileSync(fileIn(folder), '{"map":"orders","key":"c","value":3}\n');
  assert.deepEqual(await reopened(folder, (state) => entries(state, "orders")), [
    ["a", 1],
    ["c", 3],
  ]);
  writeFileSync(fileIn(folder), '{"map":"orders"\n{"map":"orders","key":"c","value":3}\n');
  await assert.rejects(openStateFile(folder, "shop"), StateUnreadable);
});

test("every byte at which a file may end leaves the lines before it", async () => {
  const folder = newFolder();
  await reopened(folder, (state) => {
    for (const key of ["a", "b", "c"]) state.map("orders").set(key, key);
  });
  const whole = readFileSync(fileIn(folder), "utf8");
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), async (bytes) => {
      writeFileSync(fileIn(folder), whole.slice(0, bytes));
      const lines = whole.slice(0, bytes).split("\n").slice(0, -1);
      const expected = ["a", "b", "c"].filter((key) =>
        lines.some((line) => line.includes(`"value":"${key}"`)),
      );
      const found = await reopened(folder, (state) => [...state.map("orders").keys()]);
      assert.deepEqual(found, expected);
    }),
    { numRuns: 50 },
  );
});

test("a reset forgets what was before it, at the next start as well", async () => {
  const folder = newFolder();
  const state = await openStateFile(folder, "shop");
  state.map("orders").set("a", 1);
  await state.save();
  state.clear();
  assert.equal(state.map("orders").size, 0);
  state.map("orders").set("b", 2);
  await state.close();
  assert.deepEqual(await reopened(folder, (again) => entries(again, "orders")), [["b", 2]]);
});

test("each start knows how many there were, so that nothing random is given twice", async () => {
  const folder = newFolder();
  const starts: number[] = [];
  for (let n = 0; n < 3; n++) starts.push(await reopened(folder, (state) => state.starts));
  assert.deepEqual(starts, [0, 1, 2]);
});

test("a state is one program's at a time", async () => {
  const folder = newFolder();
  const state = await openStateFile(folder, "shop");
  await assert.rejects(openStateFile(folder, "shop"), StateHeld);
  const other = await openStateFile(folder, "bank");
  await other.close();
  await state.close();
  await reopened(folder, () => {});
});

test("saves that come together are each on disk when they resolve", async () => {
  const folder = newFolder();
  const state = await openStateFile(folder, "shop");
  const orders = state.map("orders");
  await Promise.all(
    Array.from({ length: 50 }, async (_, n) => {
      orders.set(`${n}`, n);
      await state.save();
      assert.ok(readFileSync(fileIn(folder), "utf8").includes(`"key":"${n}"`));
    }),
  );
  await state.close();
});
