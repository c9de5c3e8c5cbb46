/** Homes, parent processes and questions for the tests of the embedded server. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { Account } from "./account.ts";
import { isAlive } from "./process-table.ts";
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from "./server.ts";

const endings = new WeakMap<TestContext, (() => Promise<void>)[]>();

/** Runs an action at the end of the test, the last registered first; node:test itself runs the first one first. */
function atEnd(test: TestContext, action: () => Promise<void>): void {
  const actions = endings.get(test) ?? [];
  actions.push(action);
  if (endings.has(test)) return;
  endings.set(test, actions);
  test.after(async () => {
    for (const one of actions.reverse()) await one();
  });
}

/** A server that is stopped at the end even if the test fails before it does so. */
export async function startServer(
  test: TestContext,
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres(options);
  atEnd(test, () => server.stop());
  return server;
}

/** A temporary folder others may pass through; at the end its server, if one is left, is ended and it is removed. */
export async function temporaryHome(test: TestContext): Promise<string> {
  const home = await mkdtemp(path.join(os.tmpdir(), "entente-embedded-"));
  await chmod(home, 0o711);
  atEnd(test, async () => {
    const pid = await postmasterPid(home);
    if (pid !== undefined && isAlive(pid)) {
      process.kill(pid, "SIGQUIT");
      await until(() => !isAlive(pid), `the end of server ${pid}`);
    }
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  });
  return home;
}

export async function postmasterPid(home: string): Promise<number | undefined> {
  const text = await readFile(path.join(home, "postgres/data/postmaster.pid"), "utf8").catch(() => "");
  return Number.parseInt(text, 10) || undefined;
}

/** What parent.fixture.ts prints: a ready server or a failure. */
export interface ParentReport {
  readonly parentPid: number;
  readonly url?: string;
  readonly port?: number;
  readonly pid?: number;
  readonly adopted?: boolean;
  readonly code?: string;
  readonly message?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface Parent {
  readonly child: ChildProcess;
  readonly report: Promise<ParentReport>;
  /** Ends its server and waits for the process. */
  close(): Promise<void>;
  kill(): Promise<void>;
}

/** Starts a process that keeps a server; it leads a process group of its own and dies with the test. */
export function startParent(test: TestContext, options: EmbeddedPostgresOptions, account?: Account): Parent {
  const fixture = fileURLToPath(new URL("parent.fixture.ts", import.meta.url));
  const child = spawn(process.execPath, [fixture, JSON.stringify(options)], {
    ...account,
    cwd: "/",
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const report = Promise.race([
    once(lines, "line").then(([line]) => JSON.parse(String(line)) as ParentReport),
    ended.then((exit): never => {
      throw new Error(`the parent process ended without a report: ${exit}`);
    }),
  ]);
  report.catch(() => {}); // a test that kills the parent early does not ask for it
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  atEnd(test, kill);
  const close = async () => {
    child.stdin.end();
    await ended;
  };
  return { child, report, close, kill };
}

/** Waits for a condition by looking at it, at most 30 s. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end; await pause(10)) if (await condition()) return;
  throw new Error(`waited in vain for ${what}`);
}

/** Runs statements on one connection of their own and returns the first row of the last. */
export async function ask(
  url: string,
  ...statements: string[]
): Promise<Record<string, unknown> | undefined> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    let row: Record<string, unknown> | undefined;
    for (const statement of statements) row = (await client.query(statement)).rows[0];
    return row;
  } finally {
    await client.end();
  }
}
