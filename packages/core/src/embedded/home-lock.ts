/** One supervising process per home folder. */
import { chmod, rm } from "node:fs/promises";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "../model/failure.ts";
import { giveToFolderOwner, homeUnusable, readPrivateFile, writePrivateFile } from "./home-folder.ts";
import { isAlive } from "./process-table.ts";

export interface HomeLock {
  /** Gives the home to the next process. Safe to call twice. */
  release(): Promise<void>;
}

const busy = 5; // SQLITE_BUSY

/**
 * Takes the home for this process until release() or the end of the process, however it ends.
 * Guarantees: of any number of simultaneous callers, in this process or others, exactly one gets it.
 * Errors: home-in-use (refused; fields pid and home); home-unusable (refused).
 *
 * Node offers no flock. SQLite, which ships with Node, takes an operating-system lock on its file when a
 * write transaction begins, so an empty SQLite file stands in for it: the kernel drops the lock with its
 * holder, which a file with a process id in it cannot promise once ids are reused. Nothing is stored in it.
 */
export async function lockHome(home: string, folder: string): Promise<HomeLock> {
  const file = path.join(folder, "lock");
  const holderFile = path.join(folder, "holder");
  const database = takeLock(home, file);
  if (database === undefined) throw inUse(home, await holderOf(holderFile));
  let held = true;
  const release = async () => {
    if (!held) return;
    held = false;
    // The file only serves messages; the lock is what must be given back.
    await rm(holderFile, { force: true }).catch(() => {});
    database.close();
  };
  try {
    await chmod(file, 0o600);
    await giveToFolderOwner(file);
    await writePrivateFile(holderFile, `${process.pid}\n`);
  } catch (error) {
    await release();
    throw error;
  }
  return { release };
}

function takeLock(home: string, file: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    // No journal file beside it. Immediate, not exclusive: two exclusive takers can refuse each other.
    database.exec("pragma journal_mode = memory; begin immediate");
    return database;
  } catch (error) {
    database?.close();
    if ((error as { readonly errcode?: number }).errcode === busy) return undefined;
    throw homeUnusable(
      home,
      `the lock file ${file} cannot be used`,
      `Check that ${file} is a file you may write and that its file system has locks, or set ENTENTE_HOME to another folder.`,
      error,
    );
  }
}

/** The holder writes its id just after it has the lock, so a missing or dead id is looked at again for a moment. */
async function holderOf(holderFile: string): Promise<number | undefined> {
  for (let look = 0; look < 50; look++) {
    const pid = Number(await readPrivateFile(holderFile).catch(() => undefined));
    if (Number.isSafeInteger(pid) && pid > 0 && isAlive(pid)) return pid;
    await pause(20);
  }
  return undefined;
}

function inUse(home: string, pid: number | undefined): Failure {
  const holder =
    pid === process.pid ? `this process (pid ${pid})` : pid ? `process ${pid}` : "another process";
  return new Failure(
    "refused",
    "home-in-use",
    `The folder ${home} is in use by ${holder}. Stop that one first, or set ENTENTE_HOME to another folder.`,
    { fields: { pid: pid ?? null, home } },
  );
}
