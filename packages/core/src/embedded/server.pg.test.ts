import assert from "node:assert/strict";
import { rename, stat } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { test } from "node:test";
import { isAlive } from "./process-table.ts";
import { startEmbeddedPostgres } from "./server.ts";
import { ask, startParent, startServer, temporaryHome, until } from "./test-home.fixture.ts";

test("data written before a stop is there after the next start, on the same port", async (t) => {
  const home = await temporaryHome(t);
  const first = await startServer(t, { home });
  await ask(first.url, "create table kept (n int)", "insert into kept values (7)");
  await first.stop();
  await first.stop();
  assert.deepEqual(await first.exited, { code: 0, signal: null });
  const second = await startServer(t, { home });
  assert.equal(second.port, first.port);
  assert.equal(second.adopted, false);
  assert.deepEqual(await ask(second.url, "select n from kept"), { n: 7 });
  await second.stop();
});

test("the server is durable, closed to everyone without the password, and takes the caller's settings", async (t) => {
  const home = await temporaryHome(t);
  const server = await startServer(t, { home, settings: { checkpoint_timeout: "30s" } });
  const shown = await ask(
    server.url,
    `select current_setting('fsync') fsync, current_setting('data_checksums') checksums,
            current_setting('wal_compression') compression, current_setting('checkpoint_timeout') checkpoint,
            current_setting('unix_socket_directories') sockets, current_setting('listen_addresses') addresses,
            (select array_agg(distinct auth_method)::text from pg_hba_file_rules) methods,
            current_setting('server_encoding') encoding, current_user::text superuser`,
  );
  assert.ok(["lz4", "pglz"].includes(String(shown?.compression)));
  assert.deepEqual(
    { ...shown, compression: "" },
    {
      fsync: "on",
      checksums: "on",
      compression: "",
      checkpoint: "30s",
      sockets: "",
      addresses: "127.0.0.1",
      methods: "{scram-sha-256}",
      encoding: "UTF8",
      superuser: "entente",
    },
  );
  await assert.rejects(ask(server.url.replace(/:[^:@]+@/, ":guess@"), "select 1"), { code: "28P01" });
  for (const name of ["secret", "data", "server.log", "lock"]) {
    assert.equal((await stat(path.join(home, "postgres", name))).mode & 0o077, 0, name);
  }
  assert.equal((await stat(path.join(home, "postgres"))).mode & 0o067, 0);
  await server.stop();
});

test("a second start on the same home is refused and names the holder", async (t) => {
  const home = await temporaryHome(t);
  const parent = startParent(t, { home });
  const { parentPid } = await parent.report;
  await assert.rejects(
    startEmbeddedPostgres({ home }),
    (error: Error & { fields?: unknown; code?: string }) => {
      assert.equal(error.code, "home-in-use");
      assert.deepEqual(error.fields, { pid: parentPid, home });
      assert.match(error.message, new RegExp(`process ${parentPid}\\b`));
      return true;
    },
  );
  await parent.close();
});

test("of several simultaneous starts exactly one gets the home", async (t) => {
  const home = await temporaryHome(t);
  const parents = [1, 2, 3].map(() => startParent(t, { home }));
  const reports = await Promise.all(parents.map((parent) => parent.report));
  const winners = reports.filter((report) => report.url !== undefined);
  assert.equal(winners.length, 1);
  for (const loser of reports.filter((report) => report.url === undefined)) {
    assert.equal(loser.code, "home-in-use");
    assert.equal(loser.fields?.pid, winners[0]?.parentPid);
  }
  await Promise.all(parents.map((parent) => parent.close()));
});

test("a server left behind by a killed process is adopted as it runs, watched, and stopped", async (t) => {
  const home = await temporaryHome(t);
  const parent = startParent(t, { home });
  const left = await parent.report;
  await ask(left.url!, "create table kept as select 1 n");
  await parent.kill();
  const server = await startServer(t, { home });
  assert.equal(server.adopted, true);
  assert.equal(server.pid, left.pid);
  assert.equal(server.url, left.url);
  process.kill(server.pid, "SIGKILL");
  await until(() => server.pid !== left.pid, "the restart of an adopted server");
  assert.deepEqual(await ask(server.url, "select n from kept"), { n: 1 });
  await server.stop();

  const again = startParent(t, { home });
  const leftAgain = await again.report;
  await again.kill();
  const adopted = await startServer(t, { home });
  assert.equal(adopted.pid, leftAgain.pid);
  await adopted.stop();
  assert.equal(isAlive(adopted.pid), false);
});

test("a process killed while its server starts leaves a server that the next start adopts or replaces", async (t) => {
  const home = await temporaryHome(t);
  await (await startServer(t, { home })).stop();
  const parent = startParent(t, { home });
  const pidFile = path.join(home, "postgres/data/postmaster.pid");
  await until(
    () =>
      stat(pidFile)
        .then(() => true)
        .catch(() => false),
    "the postmaster's file",
  );
  await parent.kill();
  const server = await startServer(t, { home });
  await ask(server.url, "select 1");
  await server.stop();
});

test("a killed postmaster is started again on its port with all committed data", async (t) => {
  const home = await temporaryHome(t);
  const lines: string[] = [];
  const server = await startServer(t, { home, log: (line) => lines.push(line) });
  const { pid } = server;
  await ask(server.url, "create table kept as select generate_series(1, 1000) n");
  // A session that computes does not notice its postmaster's death and holds the shared memory meanwhile.
  const compute = `do $$ declare enough timestamptz := clock_timestamp() + interval '2 s';
                   begin while clock_timestamp() < enough loop end loop; end $$`;
  const busy = ask(server.url, compute).catch(() => undefined);
  const active = "select 1 from pg_stat_activity where query like 'do %' and state = 'active'";
  await until(async () => (await ask(server.url, active)) !== undefined, "the session to compute");
  process.kill(pid, "SIGKILL");
  await until(() => server.pid !== pid, "the restart");
  assert.deepEqual(await ask(server.url, "select count(*)::int n from kept"), { n: 1000 });
  assert.match(lines.join("\n"), /ended unexpectedly \(SIGKILL\).*waiting for leftovers.*up again/s);
  await busy;
  await server.stop();
});

test("a server that is well between its ends is started again however often it is killed", async (t) => {
  const server = await startServer(t, { home: await temporaryHome(t), healthyMs: 0 });
  for (let kill = 0; kill < 12; kill++) {
    const killed = server.pid;
    process.kill(killed, "SIGKILL");
    await until(() => server.pid !== killed, `restart ${kill + 1}`);
  }
  assert.deepEqual(await ask(server.url, "select 1 as one"), { one: 1 });
});

test("a data folder that disappears is not replaced by an empty one", async (t) => {
  const home = await temporaryHome(t);
  const lines: string[] = [];
  const server = await startServer(t, { home, log: (line) => lines.push(line) });
  const { pid, dataFolder } = server;
  await ask(server.url, "create table kept as select 1 n");
  await rename(dataFolder, `${dataFolder}.away`);
  process.kill(pid, "SIGKILL");
  await until(() => lines.some((line) => line.includes("has disappeared")), "the complaint");
  await rename(`${dataFolder}.away`, dataFolder);
  await until(() => server.pid !== pid, "the restart");
  assert.deepEqual(await ask(server.url, "select n from kept"), { n: 1 });
  await server.stop();
});

test("without restart the end of a killed postmaster is reported and the home is free", async (t) => {
  const home = await temporaryHome(t);
  const server = await startServer(t, { home, restart: false });
  process.kill(server.pid, "SIGKILL");
  assert.deepEqual(await server.exited, { code: null, signal: "SIGKILL" });
  const next = await startServer(t, { home });
  await next.stop();
});

test("a stop during a restart leaves nothing running", async (t) => {
  const home = await temporaryHome(t);
  let ended = () => {};
  const unexpected = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const server = await startServer(t, { home, log: () => ended() });
  process.kill(server.pid, "SIGKILL");
  await unexpected;
  await server.stop();
  assert.equal(isAlive(server.pid), false);
  await assert.rejects(ask(server.url, "select 1"), { code: "ECONNREFUSED" });
});

test("a port taken by another program is replaced by a free one", async (t) => {
  const home = await temporaryHome(t);
  const first = await startServer(t, { home });
  await first.stop();
  const intruder = createServer();
  await new Promise<void>((resolve) => intruder.listen(first.port, "127.0.0.1", resolve));
  t.after(() => intruder.close());
  const second = await startServer(t, { home });
  assert.notEqual(second.port, first.port);
  await ask(second.url, "select 1");
  await second.stop();
});
