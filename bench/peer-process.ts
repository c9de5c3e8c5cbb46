/** A target of `bench/peers` as a child process, spoken to over the IPC channel. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { Wire } from "./load-spec.ts";
import { confirmedOf, factsOf, orderOf, preloadLedger } from "./peer-ledger.ts";
import { family } from "./proc.ts";
import { type Context, endOf, freshDatabase, type Running } from "./target.ts";

/** How one is started. */
export type Peer = {
  name: string;
  file: string;
  about: string;
  env?: Record<string, string>;
  /** SQL that makes the peer's own finished rows out of the ledger, or why there is none. */
  preload: { sql: string } | { skipped: string };
};

type Ready = { ready: true; url: string; wire: Wire };

const startMs = 60_000;
const orderMs = 60_000;
const token = "Bearer bench-token";

/** Resolves with the next message that `wanted` accepts; rejects when the process ends or the time is over. */
function message<T>(
  child: ChildProcess,
  what: string,
  ms: number,
  wanted: (m: unknown) => m is T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      child.off("message", onMessage);
      child.off("exit", onExit);
      end();
    };
    const onMessage = (m: unknown): void => {
      if (wanted(m)) settle(() => resolve(m));
    };
    const onExit = (): void => settle(() => reject(new Error(`the process ended before: ${what}`)));
    const timer = setTimeout(() => settle(() => reject(new Error(`no answer in time: ${what}`))), ms);
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}

const isReady = (m: unknown): m is Ready => typeof m === "object" && m !== null && "ready" in m;

async function order(child: ChildProcess, name: string): Promise<void> {
  const done = (m: unknown): m is { done: string } =>
    typeof m === "object" && m !== null && "done" in m && m.done === name;
  const answered = message(child, name, orderMs, done);
  child.send(name);
  await answered;
}

function signal(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}

/** `pids` are the child and what it started: a child that was killed cannot end its own children any more. */
async function stop(child: ChildProcess, pids: number[]): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    if (child.connected) child.send("stop");
    await ended;
    clearTimeout(late);
  }
  for (const pid of pids) if (pid !== child.pid) signal(pid);
}

/** Starts a peer on a database of its own. */
export async function startPeer(peer: Peer, context: Context): Promise<Running> {
  const database = await freshDatabase(context.serverUrl, `bench_${peer.name.replaceAll("-", "_")}`);
  mkdirSync(context.folder, { recursive: true });
  const logFile = join(context.folder, "log");
  const log = openSync(logFile, "a");
  const child = fork(fileURLToPath(new URL(`./peers/${peer.file}`, import.meta.url)), {
    env: {
      ...process.env,
      NODE_ENV: "production",
      BENCH_DATABASE_URL: database,
      BENCH_TOKEN: token,
      BENCH_FOLDER: context.folder,
      ...peer.env,
    },
    // The heap settings of ours, for everybody.
    execArgv: ["--no-deprecation", "--min-semi-space-size=64", "--max-semi-space-size=64"],
    stdio: ["ignore", log, log, "ipc"],
  });
  const ended = endOf(child);
  const ready = await message(child, "start", startMs, isReady).catch(async (cause: unknown) => {
    await stop(child, child.pid === undefined ? [] : family([child.pid]));
    throw new Error(`${peer.name} did not start:\n${readFileSync(logFile, "utf8").slice(-2000)}`, { cause });
  });
  const pids = child.pid === undefined ? [] : family([child.pid]);
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  let preloaded = 0;
  const { preload } = peer;
  return {
    url: ready.url,
    wire: ready.wire,
    authorization: [token],
    followedBy: "key",
    confirmedCount: async () => (await confirmedOf(client)) - preloaded,
    facts: async () => {
      const facts = await factsOf(client);
      return { ...facts, confirmed: facts.confirmed - preloaded };
    },
    order: (account) => orderOf(client, account),
    pauseWorker: () => order(child, "pause"),
    resumeWorker: () => order(child, "resume"),
    ...("skipped" in preload
      ? { preloadSkipped: preload.skipped }
      : {
          preload: async (n) => {
            await preloadLedger(client, n, preload.sql);
            preloaded = await confirmedOf(client);
          },
        }),
    ended,
    pids: () => pids,
    stop: async () => {
      await client.end();
      await stop(child, pids);
    },
  };
}
