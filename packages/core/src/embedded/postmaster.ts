/** The postmaster process: starting one, recognising one that is left over, and stopping either. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { open, readFile, rename, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "../model/failure.ts";
import type { Account } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import { giveToFolderOwner } from "./home-folder.ts";
import { isAlive, processEntry } from "./process-table.ts";
import { neutralFolder, programEnvironment, runProgram } from "./program.ts";

export interface ServerExit {
  /** Exit code; null when a signal ended it, and for an adopted server, whose end we only see from outside. */
  readonly code: number | null;
  /** Name of the signal that ended it, e.g. "SIGKILL". */
  readonly signal: string | null;
}

export interface Candidate {
  readonly pid: number;
  readonly port: number;
  /** It is shutting down: it answers nobody until its last checkpoint is written, which can take minutes. */
  readonly isStopping: boolean;
  isAlive(): boolean;
}

export interface Postmaster extends Candidate {
  /** Undefined when another process started it. */
  readonly child: ChildProcess | undefined;
  readonly exited: Promise<ServerExit>;
}

const logRotateBytes = 10 * 1024 * 1024;
const watchMs = 250;

/**
 * Starts a postmaster whose output goes to the end of `logFile` (one older file is kept).
 * It leads a session of its own, so that Ctrl-C reaches us first and the work in hand can end before the database.
 */
export async function launchPostmaster(
  program: string,
  dataFolder: string,
  settings: Readonly<Record<string, string>>,
  account: Account | undefined,
  logFile: string,
): Promise<Postmaster> {
  if (((await stat(logFile).catch(() => undefined))?.size ?? 0) > logRotateBytes) {
    await rename(logFile, `${logFile}.1`);
  }
  // No following of links: the log is opened with our rights, not the server's.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0);
  const log = await open(logFile, flags, 0o600);
  try {
    await giveToFolderOwner(logFile);
    const pairs = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const child = spawn(program, ["-D", dataFolder, ...pairs], {
      ...account,
      cwd: neutralFolder(program),
      env: programEnvironment,
      detached: true,
      windowsHide: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    const exited = new Promise<ServerExit>((resolve) => {
      child.once("error", () => resolve({ code: null, signal: null }));
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    const port = Number(settings.port);
    const alive = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
    return { pid: child.pid ?? 0, port, isStopping: false, child, exited, isAlive: alive };
  } finally {
    await log.close();
  }
}

/**
 * The postmaster that the data folder's own postmaster.pid names, if it is alive and may be ours.
 * "May be": only an authenticated connection proves it. The file is never removed: PostgreSQL settles it.
 */
export async function findPostmaster(dataFolder: string): Promise<Candidate | undefined> {
  const lines = (await readFile(path.join(dataFolder, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  // A negative id is a single-user server; a new postmaster will refuse and say so.
  if (!(pid > 0) || !(port > 0) || !isAlive(pid)) return undefined;
  const entry = processEntry(pid);
  if (entry !== undefined && entry.program !== "postgres") return undefined;
  // A postmaster works inside its data folder, so a reused id is told apart where we may look (Linux).
  const place = await stat(`/proc/${pid}/cwd`).catch(() => undefined);
  const ours = await stat(dataFolder);
  if (place !== undefined && (place.ino !== ours.ino || place.dev !== ours.dev)) return undefined;
  const alive = () => isAlive(pid) && processEntry(pid)?.startTicks === entry?.startTicks;
  return { pid, port, isStopping: lines[7]?.trim() === "stopping", isAlive: alive };
}

/** Takes over a postmaster that was proved to be ours, and watches it from outside. */
export function adoptPostmaster(found: Candidate): Postmaster {
  return { ...found, child: undefined, exited: untilGone(found.isAlive) };
}

async function untilGone(alive: () => boolean): Promise<ServerExit> {
  while (alive()) await pause(watchMs);
  return { code: null, signal: null };
}

/**
 * Stops a postmaster and waits for its end: a fast shutdown (sessions are cut off, everything is written),
 * and if that takes longer than `fastSeconds` an immediate one, from which the next start recovers.
 * Errors: postgres-did-not-stop (unavailable) when it outlives both.
 */
export async function stopPostmaster(
  postmaster: Postmaster,
  binaries: Binaries,
  dataFolder: string,
  account: Account | undefined,
  log: (line: string) => void,
  fastSeconds = 120,
): Promise<void> {
  const { child } = postmaster;
  const ask = async (signal: "SIGINT" | "SIGQUIT", seconds: number) => {
    if (child !== undefined && process.platform !== "win32") {
      child.kill(signal);
    } else {
      const mode = signal === "SIGINT" ? "fast" : "immediate";
      const order = ["stop", "-D", dataFolder, "-m", mode, "-w", "-t", String(seconds)];
      await runProgram(binaries.pgCtl, order, account, (seconds + 10) * 1000);
    }
    const timeout = new AbortController();
    const late = pause(seconds * 1000, false, { signal: timeout.signal }).catch(() => false);
    return Promise.race([postmaster.exited.then(() => true), late]).finally(() => timeout.abort());
  };
  if (!postmaster.isAlive() || (await ask("SIGINT", fastSeconds))) return;
  log(`PostgreSQL (pid ${postmaster.pid}) did not shut down within ${fastSeconds} s; stopping it at once`);
  if (await ask("SIGQUIT", 30)) return;
  throw new Failure(
    "unavailable",
    "postgres-did-not-stop",
    `PostgreSQL (pid ${postmaster.pid}) on ${dataFolder} does not stop. See whether its disk hangs, then stop that process.`,
    { fields: { pid: postmaster.pid } },
  );
}
