import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import pg from "pg";
import { cloneDatabase, createTemplate, type TestDatabase } from "./database.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { testServer } from "./test-server.ts";

let database: TestDatabase;
let direct: pg.Client;
let proxy: FaultProxy;
let failed = false;

before(async () => {
  const server = await testServer();
  const template = await createTemplate(server, "fault_proxy", async (url) => {
    const client = new pg.Client(url);
    await client.connect();
    await client.query("create table noted (what text primary key deferrable initially deferred)");
    await client.end();
  });
  database = await cloneDatabase(server, template);
  direct = new pg.Client(database.url);
  await direct.connect();
});
after(async () => {
  await direct.end();
  if (!failed) await database.drop();
});
beforeEach(async () => {
  const { hostname, port } = new URL(database.url);
  proxy = await startFaultProxy({ target: { host: hostname, port: Number(port) } });
});
afterEach(async (t) => {
  failed ||= "passed" in t && t.passed === false;
  await proxy.close();
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client(proxy.urlFor(database.url));
  // A reset is announced as an event too; what is awaited carries it already.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

async function isNoted(what: string): Promise<boolean> {
  const { rows } = await direct.query("select 1 from noted where what = $1", [what]);
  return rows.length === 1;
}

/** Waits in the server, by its lock, until every transaction that wrote to the table has ended. */
async function writersHaveEnded(): Promise<void> {
  await direct.query("begin; lock table noted in access exclusive mode; commit");
}

test("without faults a session works as if the proxy were not there", async () => {
  const client = await connect();
  const { rows } = await client.query(
    "select count(*)::int as rows, repeat('x', 300000) as text from generate_series(1, $1)",
    [1000],
  );
  assert.equal(rows[0].rows, 1000);
  assert.equal(rows[0].text.length, 300_000);
  await client.query("insert into noted values ('plain')");
  await client.end();
  assert.ok(await isNoted("plain"));
});

test("a session works with every message in slices of three bytes", async () => {
  proxy.slice({ bytes: 3 });
  const client = await connect();
  await client.query("insert into noted values ($1)", ["sliced"]);
  await client.end();
  assert.ok(await isNoted("sliced"));
  assert.ok(proxy.fired.slice > 0);
});

for (const [how, commit] of [
  ["a simple query", (client: pg.Client) => client.query("COMMIT")],
  ["a prepared statement", (client: pg.Client) => client.query({ name: "c", text: "commit;", values: [] })],
] as const) {
  test(`a reset before commit by ${how} rolls back, and the client cannot know`, async () => {
    const fault = proxy.resetBeforeCommit();
    const client = await connect();
    await client.query("begin");
    await client.query("insert into noted values ($1)", [`before ${how}`]);
    await assert.rejects(commit(client), unknownOutcome);
    assert.equal((await fault.fired).length, 1);
    await writersHaveEnded();
    assert.ok(!(await isNoted(`before ${how}`)));
    assert.equal(proxy.fired.before, 1);
    await client.end();
  });

  test(`a reset after commit by ${how} keeps the work, and the client cannot know`, async () => {
    const fault = proxy.resetAfterCommit();
    const client = await connect();
    await client.query("begin");
    await client.query("insert into noted values ($1)", [`after ${how}`]);
    await assert.rejects(commit(client), unknownOutcome);
    const [fired] = await fault.fired;
    assert.equal(fired?.tag, "COMMIT");
    // No waiting: the answer was there before the client was reset.
    assert.ok(await isNoted(`after ${how}`));
    assert.equal(proxy.fired.after, 1);
    await client.end();
  });
}

test("the report of a reset after commit says when the commit itself had failed", async () => {
  await direct.query("insert into noted values ('taken')");
  const fault = proxy.resetAfterCommit();
  const client = await connect();
  await client.query("begin");
  // The key is checked at commit.
  await client.query("insert into noted values ('taken')");
  await assert.rejects(client.query("commit"), unknownOutcome);
  const [fired] = await fault.fired;
  assert.equal(fired?.sqlState, "23505");
  assert.equal(fired?.tag, undefined);
  await client.end();
});

test("an autocommit statement can be hit before or after it is executed", async () => {
  const lost = proxy.onStatement(/insert into noted/g, "before");
  const kept = proxy.onStatement((sql) => sql.startsWith("insert"), "after");
  for (const what of ["lost", "kept"]) {
    const client = await connect();
    await assert.rejects(client.query("insert into noted values ($1)", [what]), unknownOutcome);
    await client.end();
  }
  assert.deepStrictEqual(
    [...(await lost.fired), ...(await kept.fired)].map((fired) => [fired.when, fired.tag]),
    [
      ["before", undefined],
      ["after", "INSERT 0 1"],
    ],
  );
  assert.ok(await isNoted("kept"));
  assert.ok(!(await isNoted("lost")));
});

test("a fault fires as often as told, on whichever connection commits, and then no more", async () => {
  const fault = proxy.resetAfterCommit({ times: 2 });
  const results: string[] = [];
  for (const what of ["first", "second", "third"]) {
    const client = await connect();
    await client.query("begin");
    await client.query("insert into noted values ($1)", [what]);
    results.push(
      await client.query("commit").then(
        () => "told",
        () => "not told",
      ),
    );
    await client.end();
  }
  assert.equal((await fault.fired).length, 2);
  assert.deepStrictEqual(results, ["not told", "not told", "told"]);
});

test("answers to earlier statements of a pipeline still arrive when the commit's is withheld", async () => {
  const fault = proxy.resetAfterCommit();
  const client = await connect();
  // Sent without waiting: simple queries queue inside pg, so they are written by hand as one packet.
  const socket = (client as unknown as { connection: { stream: { write(bytes: Buffer): void } } }).connection
    .stream;
  const answered = new Promise<string>((resolve) => {
    client.on("notice", (notice) => resolve(notice.message ?? ""));
  });
  socket.write(
    Buffer.concat(
      [
        "begin",
        "insert into noted values ('piped')",
        "do $$ begin raise notice 'heard'; end $$",
        "commit",
      ].map(simpleQuery),
    ),
  );
  await fault.fired;
  assert.ok(await isNoted("piped"));
  assert.equal(await answered, "heard");
  await client.end();
});

test("a broken connection gives an unfinished fault back", async () => {
  const fault = proxy.onStatement(/pg_sleep/, "after");
  const client = await connect();
  // Heard from the start: the connection may break before the answer to the termination arrives.
  const interrupted = assert.rejects(client.query("select pg_sleep(3600)"));
  const { rows } = await waitForSleeper();
  await direct.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
  await interrupted;
  const again = await connect();
  await assert.rejects(again.query("select pg_sleep(0)"), unknownOutcome);
  assert.equal((await fault.fired)[0]?.sql, "select pg_sleep(0)");
  await Promise.all([client.end(), again.end()]);
});

async function waitForSleeper(): Promise<pg.QueryResult<{ pid: number }>> {
  for (;;) {
    const found = await direct.query<{ pid: number }>(
      "select pid from pg_stat_activity where wait_event = 'PgSleep'",
    );
    if (found.rows.length > 0) return found;
  }
}

function simpleQuery(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`);
  const head = Buffer.from("Q\0\0\0\0");
  head.writeUInt32BE(text.length + 4, 1);
  return Buffer.concat([head, text]);
}

function unknownOutcome(error: NodeJS.ErrnoException): boolean {
  return error.code === "ECONNRESET" || /Connection terminated/.test(error.message);
}
