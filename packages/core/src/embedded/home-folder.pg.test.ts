import assert from "node:assert/strict";
import { chmod, chown, mkdir, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { isRoot } from "./account.ts";
import { findBinaries } from "./binaries.ts";
import { startEmbeddedPostgres } from "./server.ts";
import { ask, startParent, startServer, temporaryHome, until } from "./test-home.fixture.ts";

const nobody = { uid: 65534, gid: 65534 };
const noScripts = process.platform === "win32" ? "the stand-in is a shell script" : false;
const nameless = { uid: 54321, gid: 0 };
const rootOnly = isRoot() ? false : "needs root, to act as two users";

test("a file in the place of the folder is named", async (t) => {
  const home = path.join(await temporaryHome(t), "file");
  await writeFile(home, "");
  await assert.rejects(startEmbeddedPostgres({ home }), {
    code: "home-unusable",
    message: /is a file, not a folder/,
  });
  const below = path.join(home, "below");
  await assert.rejects(startEmbeddedPostgres({ home: below }), { code: "home-unusable" });
});

test("a folder that cannot be written is refused, saying what to do", { skip: rootOnly }, async (t) => {
  const home = await temporaryHome(t);
  const { code, message } = await startParent(t, { home }, nobody).report;
  assert.equal(code, "home-unusable");
  assert.match(message ?? "", /uid 65534.*no right.*ENTENTE_HOME/);
});

test("a folder below one the server's account cannot enter is refused, naming it", {
  skip: rootOnly,
}, async (t) => {
  const closed = path.join(await temporaryHome(t), "closed");
  await mkdir(closed, { mode: 0o700 });
  await assert.rejects(startEmbeddedPostgres({ home: path.join(closed, "home") }), {
    code: "home-unusable",
    message: new RegExp(`chmod o\\+x ${closed}\``),
  });
});

test("data of another major version is refused and left alone", async (t) => {
  const home = await temporaryHome(t);
  const data = path.join(home, "postgres/data");
  await mkdir(data, { recursive: true });
  await writeFile(path.join(data, "PG_VERSION"), "15\n");
  await writeFile(path.join(home, "postgres/secret"), "old\n");
  await assert.rejects(startEmbeddedPostgres({ home }), {
    code: "postgres-version-mismatch",
    message: /written by PostgreSQL 15/,
  });
  assert.deepEqual(await readdir(data), ["PG_VERSION"]);
});

test("files that are no database are refused and left alone", async (t) => {
  const home = await temporaryHome(t);
  const data = path.join(home, "postgres/data");
  await mkdir(data, { recursive: true });
  await writeFile(path.join(data, "diary.txt"), "mine");
  await assert.rejects(startEmbeddedPostgres({ home }), {
    code: "home-unusable",
    message: /not a PostgreSQL/,
  });
  assert.deepEqual(await readdir(data), ["diary.txt"]);
});

test("data without its password, or with a wrong one, is refused", async (t) => {
  const home = await temporaryHome(t);
  const secret = path.join(home, "postgres/secret");
  await (await startServer(t, { home })).stop();
  await writeFile(secret, "wrong\n");
  await assert.rejects(startEmbeddedPostgres({ home }), {
    code: "home-unusable",
    message: /does not accept the password/,
  });
  await rm(secret);
  await assert.rejects(startEmbeddedPostgres({ home }), {
    code: "home-unusable",
    message: /secret is missing/,
  });
});

test("a kill during the creation of the database is harmless", async (t) => {
  const home = await temporaryHome(t);
  const folder = path.join(home, "postgres");
  const unfinished = async () => (await readdir(folder)).filter((name) => name.startsWith("data.new-"));
  const seen = new Set<string>();
  for (const whole of [false, true]) {
    const parent = startParent(t, { home });
    await until(async () => {
      const name = (await unfinished().catch(() => [])).find((one) => !seen.has(one));
      const begun = name && (await stat(path.join(folder, name, "data/PG_VERSION")).catch(() => undefined));
      if (name && begun) seen.add(name);
      return Boolean(begun);
    }, "initdb at work");
    // Once with initdb, which is in the same process group, and once leaving it behind to work on.
    if (whole) process.kill(-parent.child.pid!, "SIGKILL");
    await parent.kill();
    assert.equal(await stat(path.join(folder, "data")).catch(() => undefined), undefined);
  }
  const server = await startServer(t, { home });
  assert.deepEqual(await ask(server.url, "select 1 n"), { n: 1 });
  assert.deepEqual(await unfinished(), []);
  await server.stop();
});

test("an ordinary user runs the server as itself, and root later keeps to that user", {
  skip: rootOnly,
}, async (t) => {
  const home = await temporaryHome(t);
  await chown(home, nobody.uid, nobody.gid);
  await chmod(home, 0o700);
  const parent = startParent(t, { home }, nobody);
  const { url } = await parent.report;
  await ask(url!, "create table kept as select 1 n");
  await parent.close();

  const asRoot = await startServer(t, { home });
  assert.deepEqual(await ask(asRoot.url, "select n from kept"), { n: 1 });
  await asRoot.stop();

  const again = startParent(t, { home }, nobody);
  assert.equal((await again.report).code, undefined);
  await again.close();
});

test("a user id without a name, as containers make them up, is refused with what to do, and nothing is left behind", {
  skip: rootOnly,
}, async (t) => {
  const home = await temporaryHome(t);
  await chown(home, nameless.uid, nameless.gid);
  const { code, message, fields } = await startParent(t, { home }, nameless).report;
  assert.equal(code, "user-without-name");
  assert.deepEqual(fields, { home, ...nameless });
  assert.match(message ?? "", /ENTENTE_DATABASE_URL/);
  assert.match(message ?? "", /echo "entente:x:54321:0::\/tmp:\/bin\/sh" >> \/etc\/passwd/);
  assert.deepEqual(
    (await readdir(path.join(home, "postgres"))).filter((name) => name.startsWith("data")),
    [],
  );
});

test("root that drops to an owner without a name is refused alike", { skip: rootOnly }, async (t) => {
  const home = await temporaryHome(t);
  const data = path.join(home, "postgres/data");
  await mkdir(data, { recursive: true });
  await chown(data, nameless.uid, nameless.gid);
  await assert.rejects(startEmbeddedPostgres({ home }), {
    code: "user-without-name",
    fields: { home, ...nameless },
  });
});

test("a user id without a name runs a database that exists already", { skip: rootOnly }, async (t) => {
  const home = await temporaryHome(t);
  const first = await startServer(t, { home });
  await ask(first.url, "create table kept as select 1 n");
  await first.stop();
  for (const name of ["", ...(await readdir(home, { recursive: true }))])
    await chown(path.join(home, name), nameless.uid, nameless.gid);
  const parent = startParent(t, { home }, nameless);
  const { url, message } = await parent.report;
  assert.equal(message, undefined);
  assert.deepEqual(await ask(url!, "select n from kept"), { n: 1 });
  await parent.close();
});

test("an initdb that fails under a user with a name keeps its own reason", { skip: noScripts }, async (t) => {
  const home = await temporaryHome(t);
  const packageFolder = path.join(home, "package");
  const programs = path.join(packageFolder, "native/bin");
  await mkdir(programs, { recursive: true });
  const { postgres, pgCtl } = await findBinaries({
    packageFolder: undefined,
    copyFolder: home,
    account: undefined,
    log() {},
  });
  for (const name of ["lib", "share"])
    await symlink(path.resolve(postgres, "../..", name), path.join(packageFolder, "native", name));
  await symlink(postgres, path.join(programs, "postgres"));
  await symlink(pgCtl, path.join(programs, "pg_ctl"));
  const broken =
    '#!/bin/sh\n[ "$1" = --version ] && echo "initdb (PostgreSQL) 18.4" && exit\necho "no luck today" >&2\nexit 1\n';
  await writeFile(path.join(programs, "initdb"), broken, { mode: 0o755 });
  await assert.rejects(startEmbeddedPostgres({ home, packageFolder }), {
    code: "postgres-did-not-start",
    message: /could not be created: no luck today\./,
  });
});

test("data restored by root is given back to the server's account", { skip: rootOnly }, async (t) => {
  const home = await temporaryHome(t);
  await (await startServer(t, { home })).stop();
  const data = path.join(home, "postgres/data");
  for (const name of ["", ...(await readdir(data, { recursive: true }))])
    await chown(path.join(data, name), 0, 0);
  const server = await startServer(t, { home });
  assert.equal((await stat(data)).uid, nobody.uid);
  await server.stop();
});
