/** Gets a ready postmaster over the data folder: the one a killed parent left behind, or a new one. */
import { open, stat } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "../model/failure.ts";
import type { Binaries } from "./binaries.ts";
import { checkCluster, ensureCluster, superuser } from "./data-folder.ts";
import { type HomeFolder, homeUnusable } from "./home-folder.ts";
import { choosePort, isFree, loopback } from "./port.ts";
import {
  adoptPostmaster,
  type Candidate,
  findPostmaster,
  launchPostmaster,
  type Postmaster,
  stopPostmaster,
} from "./postmaster.ts";
import { patience, type Readiness, waitUntilReady } from "./readiness.ts";
import { serverSettings } from "./server-settings.ts";

export interface BringUp {
  readonly folder: HomeFolder;
  readonly binaries: Binaries;
  readonly password: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

/** A postmaster killed outright leaves processes that hold its shared memory until they notice. */
const leftoversMs = 60_000;
const portAttempts = 5;
const retryMs = 250;

export function serverUrl(password: string, port: number): string {
  return `postgres://${superuser}:${password}@${loopback}:${port}/postgres`;
}

/**
 * Adopts or starts the server and waits until it is ready. Needs the home lock.
 * `fixedPort` is the port to insist on (a restart: pools have its address); undefined lets it be chosen.
 * Errors: postgres-did-not-start (unavailable), those of ensureCluster and checkCluster, or the signal's reason.
 */
export async function bringUp(
  order: BringUp,
  signal: AbortSignal,
  fixedPort?: number,
): Promise<{ readonly postmaster: Postmaster; readonly adopted: boolean }> {
  const { folder, log } = order;
  const deadline = Date.now() + leftoversMs;
  let ignored: { readonly candidate: Candidate; readonly why: string } | undefined;
  for (let portsTried = 0; ; ) {
    const found = await findPostmaster(folder.data);
    if (found !== undefined && found.pid !== ignored?.candidate.pid) {
      log(`PostgreSQL (pid ${found.pid}) is still running on ${folder.data}`);
      const readiness = await waitFor(order, found, signal);
      if (readiness.state === "ready") return { postmaster: adoptPostmaster(found), adopted: true };
      if (readiness.state === "gone") continue;
      if (readiness.state === "busy") throw stillBusy(folder, found.pid, readiness.detail);
      // Perhaps a reused process id. Only PostgreSQL may decide that, by refusing to start or not.
      ignored = { candidate: found, why: readiness.detail };
    }
    const attempt = await launch(order, signal, fixedPort);
    if (attempt.started) return { postmaster: attempt.started, adopted: false };
    const newcomer = await findPostmaster(folder.data);
    if (newcomer !== undefined && newcomer.pid !== ignored?.candidate.pid) continue;
    const portTaken = !(await isFree(attempt.port));
    const retry = portTaken
      ? ++portsTried < portAttempts
      : attempt.output.includes("still in use") && Date.now() < deadline;
    if (!retry) throw didNotStart(folder, attempt, portTaken, ignored);
    log(
      portTaken
        ? `port ${attempt.port} was taken by another program`
        : "waiting for leftovers of a killed PostgreSQL",
    );
    await pause(retryMs, undefined, { signal });
  }
}

interface FailedLaunch {
  readonly started?: undefined;
  readonly port: number;
  readonly output: string;
}

async function launch(
  order: BringUp,
  signal: AbortSignal,
  fixedPort: number | undefined,
): Promise<FailedLaunch | { readonly started: Postmaster }> {
  const { folder, binaries, password, log } = order;
  // At a restart a missing folder is a mishap: an empty database in its place would look like lost data.
  if (fixedPort === undefined) await ensureCluster(folder, binaries, password, log);
  await checkCluster(folder, binaries.major);
  const port = fixedPort ?? (await choosePort(folder.port));
  const settings = await serverSettings(port, folder.data, binaries, folder.account, order.settings);
  signal.throwIfAborted();
  const logStart = (await stat(folder.serverLog).catch(() => undefined))?.size ?? 0;
  const postmaster = await launchPostmaster(
    binaries.postgres,
    folder.data,
    settings,
    folder.account,
    folder.serverLog,
  );
  const stop = () => stopPostmaster(postmaster, binaries, folder.data, folder.account, log);
  const readiness = await waitFor(order, postmaster, signal).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  switch (readiness.state) {
    case "ready":
      return { started: postmaster };
    case "gone":
      await postmaster.exited;
      return { port, output: await readFrom(folder.serverLog, logStart) };
    case "busy":
      // Stopping it would throw away the recovery done so far: it goes on without us, for the next start to adopt.
      postmaster.child?.unref();
      throw stillBusy(folder, postmaster.pid, readiness.detail);
    case "stranger":
      await stop();
      throw homeUnusable(
        folder.home,
        `its database does not accept the password in ${folder.secret} (${readiness.detail})`,
        "Put back the secret file that belongs to this data, or set ENTENTE_HOME to another folder.",
      );
    case "silent":
      await stop();
      return { port, output: readiness.detail };
  }
}

function waitFor(order: BringUp, server: Candidate, signal: AbortSignal): Promise<Readiness> {
  const limits = server.isStopping ? { ...patience, silentMs: patience.busyMs } : patience;
  const watched = {
    url: serverUrl(order.password, server.port),
    port: server.port,
    dataFolder: order.folder.data,
    isAlive: () => server.isAlive(),
    log: order.log,
    signal,
  };
  return waitUntilReady(watched, limits);
}

async function readFrom(file: string, start: number): Promise<string> {
  const handle = await open(file, "r");
  try {
    const size = (await handle.stat()).size;
    const from = Math.max(start < size ? start : 0, size - 4_000);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4_000), 0, 4_000, from);
    return buffer.toString("utf8", 0, bytesRead).trim();
  } finally {
    await handle.close();
  }
}

function didNotStart(
  folder: HomeFolder,
  attempt: FailedLaunch,
  portTaken: boolean,
  ignored: { readonly candidate: Candidate; readonly why: string } | undefined,
): Failure {
  const remedy = portTaken
    ? `Another program holds port ${attempt.port} of ${loopback}: stop it.`
    : ignored === undefined
      ? `The whole log is ${folder.serverLog}.`
      : `Process ${ignored.candidate.pid} claims this data folder but does not serve it to us (${ignored.why}). Stop that process, then start again.`;
  return new Failure(
    "unavailable",
    "postgres-did-not-start",
    `PostgreSQL did not start on ${folder.data}: ${attempt.output || "it ended without a word"}. ${remedy}`,
    { fields: { home: folder.home, log: folder.serverLog } },
  );
}

function stillBusy(folder: HomeFolder, pid: number, detail: string): Failure {
  return new Failure(
    "unavailable",
    "postgres-did-not-start",
    `PostgreSQL (pid ${pid}) is not ready after ten minutes: ${detail}. It was left running; start again to go on ` +
      `waiting for it. Its log is ${folder.serverLog}.`,
    { fields: { home: folder.home, log: folder.serverLog } },
  );
}
