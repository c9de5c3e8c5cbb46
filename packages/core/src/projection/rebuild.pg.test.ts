import assert from "node:assert/strict";
import { test } from "node:test";
import { balanceProjection, bank, submission } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import { databaseOf, openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { offer, projects, putAside, startWorker, type Worker } from "../testing/worker.fixture.ts";
import type { Projection } from "./projection.ts";
import { rebuildProjection } from "./rebuild.ts";

const bed = await openTestBed();
const twice = { attempts: 2, firstMs: 5, longestMs: 5 };

interface Balance extends Record<string, unknown> {
  readonly account: string;
  readonly balance: number;
  readonly facts: number;
}

/** A decider and the read model at work, with what a rebuild needs. */
async function scene(said: { readonly projection?: Projection; readonly modelWorks?: boolean } = {}) {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const decider = await startWorker(bed, stage);
  const model = await startWorker(bed, stage, {
    definition: () => projects(stage, said.projection),
    retry: twice,
    paused: () => said.modelWorks === false,
  });
  return { name, stage, decider, model };
}

const sources = (stage: Stage) => [{ context: "ledger", database: stage.database("ledger", "reader") }];
const rebuild = (stage: Stage, projection: Projection = balanceProjection) =>
  rebuildProjection(stage.database("ledger"), projection, sources(stage));

const balances = (stage: Stage) =>
  stage
    .database("ledger")
    .execute<Balance>("select account, balance::int, facts from bank.balance order by account");

/** What the facts say the read model must hold. */
const expected = (stage: Stage) =>
  stage.database("ledger").execute<Balance>(
    `select key as account, sum((data->>'amount')::int)::int as balance, count(*)::int as facts
     from entente.journal where type in ('bank.deposited', 'bank.withdrawn', 'bank.settled') group by key order by key`,
  );

async function agree(stage: Stage, model: Worker): Promise<void> {
  model.wakeUps.ring("ledger");
  await model.happenings.until("the read model says what the facts say", async () => {
    return JSON.stringify(await balances(stage)) === JSON.stringify(await expected(stage));
  });
}

const decided = (stage: Stage, decider: Worker, count: number) =>
  decider.happenings.until(`${count} decided`, async () => {
    const [row] = await stage
      .database("ledger")
      .execute<{ n: number }>("select count(*)::int as n from entente.journal where kind = 'event'");
    return (row?.n ?? 0) >= count;
  });

const deposits = (count: number, keys = 20) =>
  Array.from({ length: count }, (_, n) => command({ key: `a-${n % keys}`, data: { amount: n + 1 } }));

test("a rebuilt read model says what the facts say, also when the old table was damaged", async () => {
  const { stage, decider, model } = await scene();
  await offer(stage, deposits(300), decider);
  await decided(stage, decider, 300);
  await agree(stage, model);
  await stage
    .database("ledger")
    .execute(
      "update bank.balance set balance = 1, facts = 1; delete from bank.balance where account = 'a-3'",
    );
  await rebuild(stage);
  assert.deepEqual(await balances(stage), await expected(stage));
  await offer(stage, deposits(100), decider);
  await decided(stage, decider, 400);
  await agree(stage, model);
});

test("a rebuild under load ends with each fact counted once, again and again", async () => {
  const { stage, decider, model } = await scene();
  let offered = 0;
  let loading = true;
  const load = (async () => {
    for (; loading; offered += 20) {
      await offer(stage, deposits(20), decider);
      model.wakeUps.ring("ledger");
    }
  })();
  for (let round = 1; round <= 6; round++) {
    await decided(stage, decider, round * 60);
    await rebuild(stage);
  }
  loading = false;
  await load;
  await decided(stage, decider, offered);
  await agree(stage, model);
  assert.deepEqual(await putAside(stage, "balance"), []);
  assert.equal(model.happenings.count("stopped"), 0);
});

test("a rebuild while the live read model lags or stands still leaves nothing to be counted twice", async () => {
  const { stage, decider, model: still } = await scene({ modelWorks: false });
  await offer(stage, deposits(200), decider);
  await decided(stage, decider, 200);
  await rebuild(stage);
  await still.stop();
  const model = await startWorker(bed, stage, { definition: () => projects(stage) });
  await offer(stage, deposits(10), decider);
  await decided(stage, decider, 210);
  await agree(stage, model);
});

test("reads are served during a rebuild, old content before the swap and new content after it, never neither", async () => {
  const { stage, decider, model } = await scene();
  await offer(stage, deposits(2_000, 50), decider);
  await decided(stage, decider, 2_000);
  await agree(stage, model);
  let reading = true;
  let reads = 0;
  const readers = Array.from({ length: 4 }, async (_, n) => {
    const database = stage.database("ledger");
    for (; reading; reads++) {
      const [row] =
        n % 2 === 0
          ? await database.run<{ n: number }>({
              name: "count",
              text: "select count(*)::int as n from bank.balance",
            })
          : await database.execute<{ n: number }>("select count(*)::int as n from bank.balance");
      assert.equal(row?.n, 50);
    }
  });
  for (let round = 0; round < 3; round++) await rebuild(stage);
  reading = false;
  await Promise.all(readers);
  assert.ok(reads > 50, `${reads} reads`);
});

test("of two rebuilds of one read model at once the second is refused, and works when the first has ended", async () => {
  const { stage, decider, model } = await scene();
  await offer(stage, deposits(50), decider);
  await decided(stage, decider, 50);
  // A rebuild goes no further than the live read model: without this it could find nothing to apply.
  await agree(stage, model);
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const slow: Projection = {
    ...balanceProjection,
    async apply(connection, facts, table) {
      reached.resolve();
      await gate.promise;
      await balanceProjection.apply(connection, facts, table);
    },
  };
  const first = rebuild(stage, slow);
  await reached.promise;
  await assert.rejects(rebuild(stage), { code: "rebuild-under-way", kind: "conflict" });
  gate.resolve();
  await first;
  await rebuild(stage);
  await agree(stage, model);
});

test("a rebuild that fails leaves the old table serving, and the next one works", async () => {
  const { stage, decider, model } = await scene();
  await offer(stage, deposits(50), decider);
  await decided(stage, decider, 50);
  await agree(stage, model);
  const broken: Projection = {
    ...balanceProjection,
    apply: () => Promise.reject(new Error("a bug in the new version")),
  };
  await assert.rejects(rebuild(stage, broken), /a bug in the new version/);
  assert.deepEqual(await balances(stage), await expected(stage));
  await rebuild(stage);
  await offer(stage, deposits(20), decider);
  await decided(stage, decider, 70);
  await agree(stage, model);
});

test("facts that were put aside are counted once by a rebuild that can read them, and are done with it", async () => {
  let broken = true;
  const projection: Projection = {
    ...balanceProjection,
    async apply(connection, facts, table) {
      if (broken && facts.some((fact) => fact.data.amount === 13)) throw new Error("a bug with thirteen");
      await balanceProjection.apply(connection, facts, table);
    },
  };
  const { stage, decider, model } = await scene({ projection });
  await offer(
    stage,
    [1, 13, 2].map((amount) => command({ key: "a-1", data: { amount } })),
    decider,
  );
  await decided(stage, decider, 3);
  model.wakeUps.ring("ledger");
  await model.happenings.heard("parked");
  await model.happenings.until(
    "the successor waits",
    async () => (await putAside(stage, "balance")).length === 2,
  );
  broken = false;
  await rebuild(stage, projection);
  model.wakeUps.ring("ledger:control");
  await offer(stage, [command({ key: "a-1", data: { amount: 3 } })], decider);
  await decided(stage, decider, 5);
  await agree(stage, model);
  assert.deepEqual((await putAside(stage, "balance")).map((one) => one.state).slice(0, 2), ["done", "done"]);
});

test("a rebuild passes over what an operator discarded and takes what an operator corrected as corrected", async () => {
  const name = bed.newName();
  const { system, happenings } = await bed.start(bank(name), {
    settings: { retryAttempts: 2, retryFirstMs: 5 },
  });
  const overdraft = (key: string) => submission("withdraw", key, { amount: 5, forced: true });
  const act = { tenantId: "acme", by: "ann", why: "the overdraft is booked elsewhere" };
  for (const key of ["a-1", "a-2"]) {
    await system.accept(submission("deposit", key, { amount: 1 }));
    await system.accept(overdraft(key));
    const parked = await happenings.heard(
      "parked",
      (event) => event.consumer === "balance" && happenings.count("parked") === (key === "a-1" ? 1 : 2),
    );
    const entryId =
      happenings.events.filter((event) => event.event === "parked").at(-1)?.entryId ?? parked.entryId;
    if (key === "a-1") await system.discard("ledger", { ...act, entryId });
    else await system.redrive("ledger", { ...act, entryId }, { amount: -1, balance: 0 });
    await system.accept(submission("deposit", key, { amount: 10 }));
  }
  const ledger = databaseOf(system, "ledger");
  const shown = () =>
    ledger.execute<Balance>("select account, balance::int, facts from bank.balance order by account");
  const right = [
    { account: "a-1", balance: 11, facts: 2 },
    { account: "a-2", balance: 10, facts: 3 },
  ];
  await happenings.until(
    "the live model is right",
    async () => JSON.stringify(await shown()) === JSON.stringify(right),
  );
  await ledger.execute("delete from bank.balance");
  await rebuildProjection(ledger, balanceProjection, [
    { context: "ledger", database: databaseOf(system, "ledger", "reader") },
  ]);
  assert.deepEqual(await shown(), right);
});

test("the rebuilt table has the columns, keys, constraints and owner of the one before", async () => {
  const { name, stage, model } = await scene();
  const shape = () =>
    bed.sql(
      name,
      "ledger",
      `select pg_get_constraintdef(k.oid) as line from pg_constraint k where k.conrelid = 'bank.balance'::regclass
       union all select attname || ' ' || format_type(atttypid, atttypmod) || attnotnull from pg_attribute where attrelid = 'bank.balance'::regclass and attnum > 0
       union all select pg_get_userbyid(relowner) from pg_class where oid = 'bank.balance'::regclass order by 1`,
    );
  const before = await shape();
  for (let round = 0; round < 3; round++) await rebuild(stage);
  assert.deepEqual(await shape(), before);
  assert.deepEqual(
    await bed.sql(name, "ledger", "select relname from pg_class where relname like 'balance\\_successor'"),
    [],
  );
  await model.stop();
});
