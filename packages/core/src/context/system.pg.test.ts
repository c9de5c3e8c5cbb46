import assert from "node:assert/strict";
import { test } from "node:test";
import { laneCount } from "../model/lane.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import type { System } from "./system.ts";

const bed = await openTestBed();
const act = { tenantId: "acme", by: "ann", why: "maintenance" };

const isConfirmed = async (system: System, processId: string) =>
  (await system.processes.read("acme", processId))?.state === "confirmed";

const sessions = (name: string) =>
  bed.sql(
    name,
    "front",
    "select application_name from pg_stat_activity where datname like $1 and usename <> current_user",
    [`${name}\\_%`],
  );

test("two systems in one process work side by side and see nothing of each other", async () => {
  const [one, other] = await Promise.all([bed.start(bank(bed.newName())), bed.start(bank(bed.newName()))]);
  const here = await one.system.accept(submission("deposit", "a-1", { amount: 5 }));
  const there = await other.system.accept(submission("deposit", "a-1", { amount: 7 }));
  for (const [{ system, happenings }, { processId }, balance] of [
    [one, here, 5],
    [other, there, 7],
  ] as const) {
    await happenings.until("confirmed", async () => {
      return (await system.processes.read("acme", processId))?.state === "confirmed";
    });
    assert.deepEqual((await system.processes.read("acme", processId))?.outcome, { amount: balance, balance });
  }
  assert.equal(await one.system.processes.read("acme", there.processId), null);
});

test("a system that stops at once, or under load, ends cleanly and leaves no session behind", async () => {
  const name = bed.newName();
  for (let round = 0; round < 3; round++) {
    const { system } = await bed.start(bank(name));
    const accepted = Array.from({ length: round * 100 }, (_, n) =>
      system.accept(submission("deposit", `a-${n % 5}`, { amount: 1 })),
    );
    await Promise.all(accepted);
    await system.stop();
    const limit = performance.now() + 5_000;
    while ((await sessions(name)).length > 0)
      assert.ok(performance.now() < limit, JSON.stringify(await sessions(name)));
  }
  const { system, happenings } = await bed.start(bank(name));
  await happenings.until("what was accepted before is decided", async () => {
    const [row] = await databaseOf(system, "ledger").execute<{ n: number }>(
      "select count(*)::int as n from entente.journal",
    );
    return row?.n === 300;
  });
});

test("a process that stops hands its lanes to the others at once, long before its leases would run out", async () => {
  const name = bed.newName();
  const settings = { leaseMs: 60_000 };
  const leaving = await bed.start(bank(name), { settings });
  const staying = await bed.start(bank(name), { settings });
  const consumers = staying.system.working.flatMap((context) => context.consumers);
  await leaving.happenings.until("the first has all lanes", () => {
    return leaving.system.working.every((context) =>
      context.consumers.every((one) => one.lanes().length === laneCount),
    );
  });
  const stoppedAt = performance.now();
  await leaving.system.stop();
  await staying.happenings.until("the other has all lanes", () =>
    consumers.every((one) => one.lanes().length === laneCount),
  );
  assert.ok(performance.now() - stoppedAt < 10_000);
  const { processId } = await staying.system.accept(submission("deposit", "a-1", { amount: 1 }));
  await staying.happenings.until("confirmed", () => isConfirmed(staying.system, processId));
});

test("processes that run one context each work together, and hear of each other without waiting for a poll", async () => {
  const name = bed.newName();
  const front = await bed.start(bank(name), { run: ["front"] });
  const ledger = await bed.start(bank(name), { run: ["ledger"] });
  const once = async () => {
    const { processId } = await front.system.accept(submission("deposit", "a-1", { amount: 1 }));
    await front.happenings.until("confirmed", () => isConfirmed(front.system, processId));
  };
  await once();
  for (let n = 0; n < 10; n++) await once();
  const { processId } = await ledger.system.accept(submission("deposit", "a-1", { amount: 1 }));
  await ledger.happenings.until("confirmed", () => isConfirmed(ledger.system, processId));
});

test("commands are accepted while the deciding context is not there at all, and decided when it comes", async () => {
  const name = bed.newName();
  const front = await bed.start(bank(name), { run: ["front"] });
  const accepted = await Promise.all(
    [1, 2, 3].map((amount) => front.system.accept(submission("deposit", "a-1", { amount }))),
  );
  assert.ok(accepted.every((one) => one.outcome === "accepted"));
  assert.equal((await front.system.processes.read("acme", accepted[0]?.processId ?? ""))?.state, "queued");
  await bed.start(bank(name), { run: ["ledger"] });
  for (const { processId } of accepted) {
    await front.happenings.until("confirmed", () => isConfirmed(front.system, processId));
  }
});

test("a context taken off line decides nothing, in no process and through restarts, until it is taken back", async () => {
  const name = bed.newName();
  const first = await bed.start(bank(name));
  const second = await bed.start(bank(name));
  await first.system.setPaused("ledger", true, act);
  await first.system.setPaused("ledger", true, { ...act, by: "bob" });
  await second.happenings.until("the other process knows", () => {
    return second.system.working.find((context) => context.name === "ledger")?.paused() === true;
  });
  const { processId } = await second.system.accept(submission("deposit", "a-1", { amount: 1 }));
  await Promise.all([first.system.stop(), second.system.stop()]);
  const third = await bed.start(bank(name));
  const ledger = third.system.working.find((context) => context.name === "ledger");
  assert.equal(ledger?.paused(), true);
  assert.equal((await third.system.processes.read("acme", processId))?.state, "queued");
  assert.deepEqual(
    third.system.status().contexts.map((context) => [context.name, context.state]),
    [
      ["front", "up"],
      ["ledger", "paused"],
    ],
  );
  await third.system.setPaused("ledger", false, { ...act, by: "eve", why: "done" });
  await third.happenings.until("confirmed", () => isConfirmed(third.system, processId));
  const controls = await bed.sql(
    name,
    "ledger",
    "select type, data from entente.journal where kind = 'control' order by xid, seq",
  );
  assert.deepEqual(controls, [
    { type: "entente.context-paused", data: { context: "ledger", by: "ann", why: "maintenance" } },
    { type: "entente.context-resumed", data: { context: "ledger", by: "eve", why: "done" } },
  ]);
});

test("a context the system does not have can neither be run nor operated", async () => {
  const name = bed.newName();
  await assert.rejects(bed.start(bank(name), { run: ["warehouse"] }), {
    code: "context-unknown",
    kind: "refused",
  });
  const { system } = await bed.start(bank(name));
  for (const call of [
    system.setPaused("warehouse", true, act),
    system.listParked("warehouse", "acme", 1),
    system.feed("warehouse", "acme", null, 1),
  ]) {
    await assert.rejects(call, { code: "context-unknown" });
  }
});
