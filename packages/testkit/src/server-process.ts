import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { OutputLines } from "./output-lines.ts";

/** How a process ended: exactly one of the two is not null. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartOptions {
  /** The program itself, not a shell around it: signals go to this process. */
  readonly command: string;
  readonly args?: readonly string[];
  /** Laid over the environment of the test process; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** The line of standard output or error that says the process is ready. */
  readonly readyLine: RegExp;
  /** Milliseconds, default 90,000. */
  readonly readyTimeoutMs?: number;
  /** Names the process in messages; default: the command. */
  readonly name?: string;
}

/**
 * A real process under test. It does not keep the test process alive; what is awaited here does.
 */
export interface ServerProcess {
  readonly name: string;
  readonly pid: number;
  /** What readyLine matched, for instance to take the URL from. */
  readonly ready: RegExpMatchArray;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<ProcessExit>;
  /** The last lines of its output, oldest first. */
  output(): readonly string[];
  /** How many lines it has written so far: a mark for waitForLine. */
  readonly lineCount: number;
  /**
   * The first line that matches, among those kept and those to come; with `since` only lines after that mark.
   * Errors: after timeoutMs, or when the process ends first; the message carries the last lines.
   */
  waitForLine(pattern: RegExp, timeoutMs: number, since?: number): Promise<RegExpMatchArray>;
  /** SIGKILL; resolves when it is gone. Harmless when it has already ended. */
  kill(): Promise<ProcessExit>;
  /** SIGTERM; after timeoutMs (default 10,000) SIGKILL, which then shows as the signal. A paused process is resumed for it. */
  terminate(timeoutMs?: number): Promise<ProcessExit>;
  /** SIGSTOP; on Linux resolves once every thread has stopped. Errors: the process has ended, or did not stop within 5 s. */
  pause(): Promise<void>;
  /** Resolves, on Linux, once every thread of a process that stops itself has stopped; elsewhere at once. Errors: as of pause. */
  untilPaused(): Promise<void>;
  /** SIGCONT. */
  resume(): void;
}

/** Process groups that may still have members. A child that died leaves its own children in its group. */
const groups = new Set<number>();
const endings = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Starts a process and waits for its ready line.
 * Guarantees: it leads a process group of its own, and the whole group is killed when the test process ends
 * (not when that is killed by SIGKILL) or by disposeAll.
 * Errors: it cannot be started, ends before it is ready (with its last output lines), or takes too long (it is killed).
 */
export async function startProcess(options: StartOptions): Promise<ServerProcess> {
  const name = options.name ?? options.command;
  const child = spawn(options.command, options.args ?? [], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: process.platform !== "win32",
  });
  const lines = new OutputLines(name);
  const ended = watch(child, lines);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) => reject(new Error(`${name} could not be started`, { cause })));
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${name} has no process id`);
  if (groups.size === 0) guardExit();
  groups.add(pid);
  void ended.then(() => forgetIfEmpty(pid));
  // The limits below hold the event loop open while something is awaited, nothing else does.
  release(child);

  try {
    const ready = await lines.wait(options.readyLine, options.readyTimeoutMs ?? 90_000, 0);
    return running(name, pid, ready, child, lines, ended);
  } catch (error) {
    signalGroup(pid, "SIGKILL");
    throw error;
  }
}

/** Kills every process started here that still runs, with its children, and resolves when they are gone (or after 5 s). */
export async function disposeAll(): Promise<void> {
  killGroups();
  // Orphans stay listed for ever where no init process collects them, as in some containers.
  const limit = performance.now() + 5_000;
  while (groups.size > 0 && performance.now() < limit) {
    for (const pid of groups) forgetIfEmpty(pid);
    if (groups.size > 0) await delay(2);
  }
}

function running(
  name: string,
  pid: number,
  ready: RegExpMatchArray,
  child: ChildProcess,
  lines: OutputLines,
  ended: Promise<ProcessExit>,
): ServerProcess {
  const awaited = async (): Promise<ProcessExit> => {
    child.ref();
    return await ended;
  };
  const untilPaused = async (): Promise<void> => {
    const limit = performance.now() + 5_000;
    // The kernel tells only a parent that waits for stops, which Node does not; so its table is read.
    while (process.platform === "linux" && !(await allStopped(pid))) {
      if (performance.now() > limit) throw new Error(`${name} did not stop within 5 s`);
      await delay(1);
    }
  };
  return {
    name,
    pid,
    ready,
    get exited() {
      return awaited();
    },
    output: () => lines.kept(),
    get lineCount() {
      return lines.count;
    },
    waitForLine: (pattern, timeoutMs, since = 0) => lines.wait(pattern, timeoutMs, since),
    kill: () => {
      child.kill("SIGKILL");
      return awaited();
    },
    terminate: async (timeoutMs = 10_000) => {
      child.kill("SIGTERM");
      child.kill("SIGCONT");
      const late = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      return await awaited().finally(() => clearTimeout(late));
    },
    pause: async () => {
      if (!child.kill("SIGSTOP")) throw new Error(`${name} has ended and cannot be paused\n${lines.tail()}`);
      await untilPaused();
    },
    untilPaused,
    resume: () => {
      child.kill("SIGCONT");
    },
  };
}

function watch(child: ChildProcess, lines: OutputLines): Promise<ProcessExit> {
  const ended = new Promise<ProcessExit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  for (const stream of [child.stdout, child.stderr]) if (stream !== null) lines.read(stream);
  // A signal that could not be sent shows in what is awaited next; the event alone must not end the test process.
  child.on("error", () => undefined);
  // "close" comes after the last output, but never if a grandchild keeps the pipes; "exit" may come before it.
  child.once("exit", (code, signal) => {
    const what = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
    const late = setTimeout(() => lines.finish(what), 500);
    child.once("close", () => {
      clearTimeout(late);
      lines.finish(what);
    });
  });
  return ended;
}

function release(child: ChildProcess): void {
  child.unref();
  // Pipes are sockets in Node, though typed as plain streams.
  for (const stream of [child.stdout, child.stderr]) (stream as Socket | null)?.unref();
}

async function allStopped(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  if (threads.length === 0) throw new Error(`process ${pid} ended while it was being paused`);
  for (const thread of threads) {
    const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, "utf8").catch(() => "");
    // The program's name stands in brackets and may hold anything; the state follows the last one.
    if (stat !== "" && stat.slice(stat.lastIndexOf(")") + 2)[0] !== "T") return false;
  }
  return true;
}

/** False when the group has no member left. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    return false;
  }
}

function forgetIfEmpty(pid: number): void {
  if (signalGroup(pid, 0)) return;
  groups.delete(pid);
  if (groups.size > 0) return;
  process.off("exit", killGroups);
  for (const signal of endings) process.off(signal, endBySignal);
}

function killGroups(): void {
  for (const pid of groups) signalGroup(pid, "SIGKILL");
}

function guardExit(): void {
  process.on("exit", killGroups);
  // Without these, a signal ends the test process with no "exit" event.
  for (const signal of endings) process.on(signal, endBySignal);
}

function endBySignal(signal: NodeJS.Signals): void {
  killGroups();
  process.off(signal, endBySignal);
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}
