import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { openPermits, type Permits } from "./permits.ts";

const limits = { most: 3, patienceMs: 10, longestMs: 5_000 };

/** Asks for a permit; told whether it has it by now. */
function asks(permits: Permits): { has(): Promise<boolean>; readonly refused: Promise<string> } {
  let taken = false;
  const refused = Promise.withResolvers<string>();
  permits.take().then(
    () => {
      taken = true;
    },
    (error: Error) => refused.resolve(error.message),
  );
  return {
    async has() {
      await new Promise<void>((resolve) => setImmediate(resolve));
      return taken;
    },
    refused: refused.promise,
  };
}

/** Time stands still but for what a test lets pass. */
function still(t: { after(end: () => void): void }): (ms: number) => void {
  mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  const clock = mock.method(performance, "now", () => now);
  t.after(() => {
    mock.timers.reset();
    clock.mock.restore();
  });
  return (ms) => {
    now += ms;
    mock.timers.tick(ms);
  };
}

test("what comes back at once serves all who wait, one after the other, in the order they came", async (t) => {
  const pass = still(t);
  const permits = openPermits(limits);
  const [first, second, third] = [asks(permits), asks(permits), asks(permits)];
  assert.deepEqual([await first.has(), await second.has()], [true, false]);
  permits.connected();
  pass(5);
  permits.give();
  assert.deepEqual([await second.has(), await third.has()], [true, false]);
  permits.connected();
  permits.give();
  assert.equal(await third.has(), true);
});

test("who waits longer than a statement takes gets a connection more, up to the most there may be", async (t) => {
  const pass = still(t);
  const permits = openPermits(limits);
  const all = [asks(permits), asks(permits), asks(permits), asks(permits)];
  const served = () => Promise.all(all.map((one) => one.has()));
  permits.connected();
  pass(9);
  assert.deepEqual(await served(), [true, false, false, false]);
  pass(1);
  assert.deepEqual(await served(), [true, true, false, false]);
  permits.connected();
  pass(10);
  permits.connected();
  assert.deepEqual(await served(), [true, true, true, false]);
  pass(1_000);
  assert.deepEqual(await served(), [true, true, true, false]);
  permits.give();
  assert.deepEqual(await served(), [true, true, true, true]);
});

test("while a connection is being opened no other one is", async (t) => {
  const pass = still(t);
  const permits = openPermits(limits);
  const [first, second] = [asks(permits), asks(permits)];
  pass(500);
  assert.deepEqual([await first.has(), await second.has()], [true, false]);
  permits.connected();
  pass(10);
  assert.equal(await second.has(), true);
});

test("a connection that was closed is not missed before somebody waits for it", async (t) => {
  const pass = still(t);
  const permits = openPermits(limits);
  const [first, second] = [asks(permits), asks(permits)];
  permits.connected();
  pass(10);
  permits.connected();
  assert.deepEqual([await first.has(), await second.has()], [true, true]);
  permits.give();
  permits.give();
  permits.closed();
  const [third, fourth] = [asks(permits), asks(permits)];
  assert.deepEqual([await third.has(), await fourth.has()], [true, false]);
});

test("a server that cannot be reached is told to all who wait for the first connection, and not to those who wait beside others", async (t) => {
  const pass = still(t);
  const permits = openPermits(limits);
  const [first, second] = [asks(permits), asks(permits)];
  assert.equal(await first.has(), true);
  permits.failed(new Error("nothing listens there"));
  assert.match(await second.refused, /nothing listens there/);
  const [working, growing, waiting] = [asks(permits), asks(permits), asks(permits)];
  permits.connected();
  pass(10);
  assert.deepEqual([await working.has(), await growing.has(), await waiting.has()], [true, true, false]);
  permits.failed(new Error("no room for another"));
  permits.give();
  assert.equal(await waiting.has(), true);
});

test("waiting has an end, and whoever gave up is not served", async (t) => {
  const pass = still(t);
  const permits = openPermits({ ...limits, most: 1 });
  const [holder, given, next] = [asks(permits), asks(permits), asks(permits)];
  permits.connected();
  assert.equal(await holder.has(), true);
  pass(limits.longestMs);
  assert.match(await given.refused, /no connection was free for 5000 ms/);
  assert.match(await next.refused, /no connection was free/);
  permits.give();
  assert.deepEqual([await given.has(), await next.has()], [false, false]);
  assert.equal(await asks(permits).has(), true);
});
