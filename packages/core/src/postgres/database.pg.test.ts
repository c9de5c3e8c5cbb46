import assert from "node:assert/strict";
import { before, test } from "node:test";
import { type FaultProxy, startFaultProxy } from "@entente/testkit";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { type Database, openDatabase } from "./database.ts";

const bed = await openTestBed();
const { hostname, port } = new URL(bed.adminUrl);
let proxy: FaultProxy;
let database: Database;
let table: string;

before(async () => {
  proxy = await startFaultProxy({ target: { host: hostname, port: Number(port) } });
  bed.atEnd(() => proxy.close());
  database = openDatabase({
    url: proxy.urlFor(bed.adminUrl),
    applicationName: "database test",
    connections: 2,
  });
  bed.atEnd(() => database.close());
  table = `public.${bed.newName()}`;
  await database.execute(`create table ${table} (n int primary key check (n > 0))`);
  bed.atEnd(() => database.execute(`drop table ${table}`));
});

const insert = (n: number) => `insert into ${table} values (${n})`;
const has = async (n: number) =>
  (await database.execute(`select 1 from ${table} where n = ${n}`)).length === 1;

test("a transaction is kept when its work resolves, and leaves nothing when it throws", async () => {
  assert.equal(
    await database.transaction((connection) => connection.execute(insert(1)).then(() => "done")),
    "done",
  );
  const failing = database.transaction(async (connection) => {
    await connection.execute(insert(2));
    throw new Error("no");
  });
  await assert.rejects(failing, /^Error: no$/);
  assert.deepEqual([await has(1), await has(2)], [true, false]);
});

test("what is to be done last is part of the transaction: when it fails, nothing is kept", async () => {
  await database.transaction(
    (connection) => connection.execute(insert(10)),
    (connection) => connection.execute(insert(11)),
  );
  const failing = database.transaction(
    (connection) => connection.execute(insert(12)),
    (connection) => connection.execute(insert(-1)),
  );
  await assert.rejects(failing, { code: "data-rejected" });
  assert.deepEqual([await has(10), await has(11), await has(12)], [true, true, false]);
});

test("a transaction one of whose statements failed unheard does not pass for committed", async () => {
  const careless = database.transaction(async (connection) => {
    await connection.execute(insert(20));
    await connection.execute(insert(-1)).catch(() => {});
  });
  await assert.rejects(careless, { code: "database-defect" });
  assert.equal(await has(20), false);
});

test("a connection serves on after a failed transaction, with nothing of it left", async () => {
  for (let round = 0; round < 5; round++) {
    await assert.rejects(
      database.transaction((connection) => connection.execute(insert(-1))),
      { code: "data-rejected" },
    );
    const [row] = await database.execute<{ idle: boolean }>(
      "select pg_current_xact_id_if_assigned() is null as idle",
    );
    assert.equal(row?.idle, true);
  }
});

test("the failure says what it means: data at fault, statement at fault, or not there", async () => {
  const says = async (work: Promise<unknown>) => {
    const failure = await work.then(
      () => assert.fail("it must fail"),
      (error: { code: string; kind: string }) => error,
    );
    return [failure.code, failure.kind];
  };
  assert.deepEqual(await says(database.execute(insert(-1))), ["data-rejected", "defect"]);
  assert.deepEqual(await says(database.execute("select 'x'::int")), ["data-rejected", "defect"]);
  assert.deepEqual(await says(database.execute("select 1 from nowhere")), ["database-defect", "defect"]);
  assert.deepEqual(await says(database.execute("do $$ begin raise 'x' using errcode = 'EN001'; end $$")), [
    "lane-fenced",
    "conflict",
  ]);
  assert.deepEqual(await says(database.execute("do $$ begin raise deadlock_detected; end $$")), [
    "database-unavailable",
    "unavailable",
  ]);
  assert.deepEqual(await says(database.execute("set local statement_timeout = 1; select pg_sleep(1)")), [
    "database-unavailable",
    "unavailable",
  ]);
  const nowhere = openDatabase({ url: "postgres://u:p@127.0.0.1:1/x", applicationName: "nobody" });
  assert.deepEqual(await says(nowhere.execute("select 1")), ["database-unavailable", "unavailable"]);
  await nowhere.close();
});

test("a connection that breaks before COMMIT was sent leaves nothing; one that breaks at COMMIT leaves the outcome unknown", async () => {
  const broken = proxy.onStatement(/values \(30\)/, "after");
  await assert.rejects(
    database.transaction((connection) => connection.execute(insert(30))),
    { kind: "unavailable" },
  );
  await broken.fired;
  for (const [n, fault] of [
    [31, proxy.resetBeforeCommit],
    [32, proxy.resetAfterCommit],
  ] as const) {
    const armed = fault();
    await assert.rejects(
      database.transaction((connection) => connection.execute(insert(n))),
      {
        code: "commit-unknown",
        kind: "unknown-outcome",
      },
    );
    await armed.fired;
  }
  assert.deepEqual([await has(30), await has(31), await has(32)], [false, false, true]);
});

test("broken connections are not handed out again", async () => {
  for (let round = 0; round < 5; round++) {
    const armed = proxy.onStatement(/select 'cut'/, round % 2 === 0 ? "before" : "after");
    await assert.rejects(database.execute("select 'cut'"), { code: "database-unavailable" });
    await armed.fired;
    await database.execute("select 1");
  }
});

test("nobody may hold a transaction open for long: the server ends it", async () => {
  const [settings] = await database.execute<{ idle: string; whole: string; statement: string }>(
    `select current_setting('idle_in_transaction_session_timeout') as idle, current_setting('transaction_timeout') as whole,
       current_setting('statement_timeout') as statement`,
  );
  assert.deepEqual(settings, { idle: "10s", whole: "1min", statement: "30s" });
});
