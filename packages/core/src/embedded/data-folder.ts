/** The database cluster on disk: made whole or not at all, and of the version we run. */
import { randomBytes } from "node:crypto";
import {
  chown,
  lchown,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  writeFile,
} from "node:fs/promises";
import path from "node:path";
import { Failure } from "../model/failure.ts";
import { isRoot } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import {
  type HomeFolder,
  homeUnusable,
  readPrivateFile,
  syncFolder,
  writePrivateFile,
} from "./home-folder.ts";
import { runProgram } from "./program.ts";
import { isNameless, userWithoutName } from "./user-name.ts";

/** Name of the superuser of every cluster we make. */
export const superuser = "entente";

const stagingPrefix = "data.new-";

/**
 * The superuser's password: read from `<home>/postgres/secret`, or generated when there is no data yet.
 * Errors: home-unusable (refused) when there is data but no password to open it.
 */
export async function superuserPassword(folder: HomeFolder): Promise<string> {
  const known = (await readPrivateFile(folder.secret))?.trim();
  if (known) return known;
  if (await isCluster(folder.data)) {
    throw homeUnusable(
      folder.home,
      `it holds data but the password file ${folder.secret} is missing or empty`,
      "Put the file back from a backup of the same folder, or set ENTENTE_HOME to another folder.",
    );
  }
  const password = randomBytes(24).toString("base64url");
  await writePrivateFile(folder.secret, `${password}\n`);
  return password;
}

/**
 * Makes the cluster if there is none. Needs the home lock; no server may run.
 * Guarantees: initdb works in a folder of its own that is renamed when it is finished and on disk, so a kill
 * at any point leaves either no cluster or a whole one.
 * Errors: home-unusable, user-without-name (refused); postgres-did-not-start (unavailable) when initdb fails.
 */
export async function ensureCluster(
  folder: HomeFolder,
  binaries: Binaries,
  password: string,
  log: (line: string) => void,
): Promise<void> {
  if (await isCluster(folder.data)) return;
  const content = await readdir(folder.data).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw homeUnusable(folder.home, `${folder.data} is not a readable folder`, "Move it away.", error);
  });
  if (content !== undefined && content.length > 0) {
    throw homeUnusable(
      folder.home,
      `${folder.data} holds files that are not a PostgreSQL database`,
      "Move that folder away, or set ENTENTE_HOME to another folder.",
    );
  }
  await removeUnfinished(folder.folder, log);
  const staging = await mkdtemp(path.join(folder.folder, stagingPrefix));
  try {
    log(`creating the database in ${folder.data}`);
    const made = await createCluster(staging, folder, binaries, password);
    if (content !== undefined) await rmdir(folder.data);
    await rename(made, folder.data);
    await syncFolder(folder.folder);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function isCluster(data: string): Promise<boolean> {
  return (await lstat(path.join(data, "PG_VERSION")).catch(() => undefined)) !== undefined;
}

/**
 * Checks that there is a cluster, of this major version, that its server may use; root gives it to the server.
 * Errors: home-unusable, postgres-version-mismatch (refused).
 */
export async function checkCluster(folder: HomeFolder, major: number): Promise<void> {
  if (!(await isCluster(folder.data))) {
    throw homeUnusable(folder.home, `the database in ${folder.data} has disappeared`, "Put the folder back.");
  }
  const version = (await readFile(path.join(folder.data, "PG_VERSION"), "utf8")).trim();
  if (version !== String(major)) {
    throw new Failure(
      "refused",
      "postgres-version-mismatch",
      `The data in ${folder.data} was written by PostgreSQL ${version}; this release brings PostgreSQL ${major}, ` +
        "which cannot read it. Start it with the release that wrote it, export, and import into a new folder " +
        "(ENTENTE_HOME).",
      { fields: { home: folder.home, found: version, expected: String(major) } },
    );
  }
  const { uid } = await lstat(folder.data);
  if (folder.account !== undefined && uid !== folder.account.uid) {
    // Restored or copied by root: the server insists on owning its files.
    for (const entry of await readdir(folder.data, { recursive: true, withFileTypes: true })) {
      await lchown(path.join(entry.parentPath, entry.name), folder.account.uid, folder.account.gid);
    }
    await chown(folder.data, folder.account.uid, folder.account.gid);
  } else if (!isRoot() && process.geteuid !== undefined && uid !== process.geteuid()) {
    throw homeUnusable(
      folder.home,
      `${folder.data} belongs to uid ${uid} and this process runs as uid ${process.geteuid()}`,
      "Run as the same user as before, or set ENTENTE_HOME to another folder.",
    );
  }
}

async function createCluster(
  staging: string,
  folder: HomeFolder,
  binaries: Binaries,
  password: string,
): Promise<string> {
  const made = path.join(staging, "data");
  const passwordFile = path.join(staging, "password");
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (folder.account !== undefined) {
    await chown(passwordFile, folder.account.uid, folder.account.gid);
    await chown(staging, folder.account.uid, folder.account.gid);
  }
  const end = await runProgram(
    binaries.initdb,
    [
      `--pgdata=${made}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--locale=C",
      "--encoding=UTF8",
      "--data-checksums",
      "--no-instructions",
    ],
    folder.account,
    300_000,
  );
  if (end.code === 0) return made;
  if (await isNameless(folder.account)) throw userWithoutName(folder.home, folder.account);
  throw new Failure(
    "unavailable",
    "postgres-did-not-start",
    `The database in ${folder.home} could not be created: ${end.stderr.trim() || end.startError || "initdb was killed"}. Remove the cause and start again; nothing was left behind.`,
    { fields: { home: folder.home } },
  );
}

/** An initdb that outlived its killed parent may still write here; then this fails and the next start does it. */
async function removeUnfinished(folder: string, log: (line: string) => void): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(stagingPrefix)) continue;
    await rm(path.join(folder, name), { recursive: true, force: true, maxRetries: 3 }).catch((error: Error) =>
      log(`left the unfinished ${name} for the next start: ${error.message}`),
    );
  }
}
