import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { OutputLines } from "./output-lines.ts";

let started: Promise<string> | null = null;

/**
 * URL of a PostgreSQL 18 superuser's database, for tests.
 * `ENTENTE_TEST_DATABASE_URL` when it is set; else one that the test run lends (`ENTENTE_TEST_SERVERS`), empty and for this process alone;
 * otherwise one embedded server is started for this test process, on first use, in a temporary folder. A keeper process stops it and
 * removes the folder when this process ends, however it ends; so nothing has to be closed, and nothing keeps the test process alive.
 * Errors: those of starting the embedded server, with the keeper's output; the next call tries again.
 */
export function testServer(): Promise<string> {
  const given = process.env.ENTENTE_TEST_DATABASE_URL;
  if (given !== undefined && given !== "") return Promise.resolve(given);
  const { ENTENTE_TEST_SERVERS: lender } = process.env;
  const starting = (): Promise<string> => (lender === undefined ? startKeeper() : borrow(lender));
  started ??= starting().catch((error: unknown) => {
    started = null;
    throw error;
  });
  return started;
}

/** It is ours as long as the connection lasts, and that is as long as this process does. */
async function borrow(lender: string): Promise<string> {
  const socket = connect(lender);
  const lines = new OutputLines("the lender of test servers");
  lines.read(socket);
  socket.once("close", () => lines.finish("hung up"));
  const ready = await lines.wait(/^ready (\S+)$/, 120_000, 0);
  socket.unref();
  return ready[1] ?? "";
}

async function startKeeper(): Promise<string> {
  const keeper = spawn(process.execPath, [fileURLToPath(new URL("test-server-keeper.ts", import.meta.url))], {
    // The keeper stops when its input ends. Ctrl-C must not reach it, or the server would be left behind.
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    windowsHide: true,
  });
  await once(keeper, "spawn");
  const lines = new OutputLines("the keeper of the test server");
  lines.read(keeper.stdout);
  lines.read(keeper.stderr);
  keeper.once("close", (code) => lines.finish(`exited with code ${code}`));
  keeper.unref();
  // Pipes are sockets in Node, though typed as plain streams.
  for (const pipe of [keeper.stdin, keeper.stdout, keeper.stderr]) (pipe as unknown as Socket).unref();
  const ready = await lines.wait(/^ready (\S+)$/, 120_000, 0);
  return ready[1] ?? "";
}
