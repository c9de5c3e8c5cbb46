import assert from "node:assert/strict";
import { test } from "node:test";
import { type FaultProxy, startFaultProxy } from "@entente/testkit";
import { bank } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import {
  decides,
  ledgerFacts,
  offer,
  projects,
  putAside,
  startWorker,
  type Worker,
  type WorkerOptions,
} from "../testing/worker.fixture.ts";

const bed = await openTestBed();
const accounts = Array.from({ length: 12 }, (_, n) => `a-${n}`);

/** A decider and a read model whose own database is behind a proxy that fails on demand; the journals they read are not. */
interface Scene {
  readonly name: string;
  readonly stage: Stage;
  readonly proxy: FaultProxy;
  readonly decider: Worker;
  readonly model: Worker;
}

async function scene(options: WorkerOptions = {}): Promise<Scene> {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const { hostname, port } = new URL(bed.adminUrl);
  const proxy = await startFaultProxy({ target: { host: hostname, port: Number(port) } });
  const database = stage.connect("ledger", "app", {
    through: (url) => proxy.urlFor(url),
    applicationName: "cut off",
  });
  bed.atEnd(() => proxy.close());
  const decider = await startWorker(bed, stage, { database, perLane: 5, ...options });
  const model = await startWorker(bed, stage, {
    database,
    definition: () => projects(stage),
    perLane: 5,
    ...options,
  });
  return { name, stage, proxy, decider, model };
}

const deposits = (each: number) =>
  Array.from({ length: each }, () => accounts.map((key) => command({ key, data: { amount: 1 } }))).flat();

/** Every account holds exactly `each`, by its facts and by the read model, and nothing was ever put aside. */
async function holdsExactly({ stage, decider, model }: Scene, each: number): Promise<void> {
  const total = accounts.length * each;
  await decider.happenings.until("all decided", async () => (await ledgerFacts(stage)).length >= total);
  model.wakeUps.ring("ledger");
  await model.happenings.until("all projected", async () => {
    const [row] = await stage
      .database("ledger")
      .execute<{ n: string }>("select sum(facts) as n from bank.balance");
    return Number(row?.n) >= total;
  });
  const facts = await ledgerFacts(stage);
  for (const key of accounts) {
    const own = facts.filter((fact) => fact.key === key);
    const dense = Array.from({ length: each }, (_, n) => [n + 1, n + 1]);
    assert.deepEqual(
      own.map((fact) => [fact.version, fact.balance]),
      dense,
      `facts of ${key}`,
    );
  }
  assert.equal(new Set(facts.map((fact) => fact.cause)).size, total);
  const balances = await stage
    .database("ledger")
    .execute("select account, balance::int, facts from bank.balance order by 1");
  assert.deepEqual(
    balances,
    accounts.toSorted().map((account) => ({ account, balance: each, facts: each })),
  );
  for (const consumer of ["account", "balance"]) assert.deepEqual(await putAside(stage, consumer), []);
  // Written down now and then, and never ahead of the facts.
  const states = await stage
    .database("ledger")
    .execute<{ version: number; data: { balance: number } }>("select version::int, data from entente.state");
  for (const { version, data } of states) assert.ok(version <= each && data.balance === version);
}

test("when the connection breaks before the commit, nothing is kept and the batch has its effect once", async () => {
  const here = await scene();
  const fault = here.proxy.resetBeforeCommit({ times: 4 });
  await offer(here.stage, deposits(4), here.decider, here.model);
  await fault.fired;
  await holdsExactly(here, 4);
  assert.ok(here.decider.happenings.count("unavailable") + here.model.happenings.count("unavailable") >= 4);
});

test("when the commit's answer is lost, the batch was kept and has no second effect", async () => {
  const here = await scene();
  const fault = here.proxy.resetAfterCommit({ times: 4 });
  await offer(here.stage, deposits(4), here.decider, here.model);
  const firings = await fault.fired;
  assert.ok(
    firings.every((firing) => firing.tag === "COMMIT"),
    "each of them was executed",
  );
  await holdsExactly(here, 4);
});

test("when the connection breaks in the middle of a batch, between any two statements, it has its effect once", async () => {
  const here = await scene();
  for (const statement of [
    /insert into entente\.journal/,
    /move_cursors/,
    /entente\.state/,
    /bank\.balance/,
    /renew_lanes/,
    /take_lanes/,
  ]) {
    for (const when of ["before", "after"] as const) {
      const fault = here.proxy.onStatement(statement, when);
      // What has lapsed is not renewed with the others: it is taken.
      await bed.sql(here.name, "ledger", "update entente.lease set leased_until = '-infinity'");
      await offer(here.stage, deposits(1), here.decider, here.model);
      here.decider.wakeUps.ring("ledger:control");
      await fault.fired;
      fault.disarm();
    }
  }
  await holdsExactly(here, 12);
});

test("when the database cuts off its sessions again and again under load, consumers go on where they were", async () => {
  const here = await scene();
  for (let round = 1; round <= 5; round++) {
    await offer(here.stage, deposits(2), here.decider, here.model);
    await here.decider.happenings.until("some are decided", async () => {
      return (await ledgerFacts(here.stage)).length > (round - 1) * accounts.length * 2;
    });
    await bed.sql(
      here.name,
      "ledger",
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'cut off'",
    );
  }
  await holdsExactly(here, 10);
});

test("when the database is away for a while, nothing is lost and work goes on when it is back", async () => {
  const here = await scene();
  here.proxy.refuse();
  here.proxy.resetAll();
  await offer(here.stage, deposits(3), here.decider, here.model);
  await here.decider.happenings.heard("unavailable");
  await here.model.happenings.heard("unavailable");
  here.proxy.clear();
  await holdsExactly(here, 3);
});

test("when two processes share the work and both are cut off at random, every command has its effect once", async () => {
  const here = await scene({ leaseMs: 400 });
  const through = { through: (url: string) => here.proxy.urlFor(url) };
  const others = [
    await startWorker(bed, here.stage, {
      database: here.stage.connect("ledger", "app", through),
      leaseMs: 400,
      perLane: 3,
    }),
    await startWorker(bed, here.stage, {
      database: here.stage.connect("ledger", "app", through),
      leaseMs: 400,
      perLane: 3,
      definition: () => projects(here.stage),
    }),
  ];
  for (const when of ["before", "after", "before", "after", "after", "before"] as const) {
    const commit = when === "before" ? here.proxy.resetBeforeCommit() : here.proxy.resetAfterCommit();
    await offer(here.stage, deposits(1), here.decider, here.model, ...others);
    await commit.fired;
  }
  await holdsExactly(here, 6);
});

test("the decider's memory of states is never ahead of what was committed", async () => {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const worker = await startWorker(bed, stage, { definition: (own) => decides(stage, own) });
  for (let round = 1; round <= 3; round++) {
    worker.happenings.failAt("consumer:before-commit", new Error("killed here"));
    await offer(stage, [command({ key: "a-0", data: { amount: 1 } })], worker);
    await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === round);
  }
  assert.deepEqual(
    (await ledgerFacts(stage)).map((fact) => [fact.version, fact.balance]),
    [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  );
});
