/**
 * Lends the database servers of a test run to its test processes: `test-server-lender.ts <socket>`. Whoever connects is told `ready <url>`
 * and has the server for himself until the connection ends, because a transaction that a test holds open delays readers on the whole
 * server. Then it is emptied and goes to the next one: starting and stopping a server costs more than most tests. Prints `ready`; ends
 * with its input, and stops the servers.
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { emptyServer } from "./empty-server.ts";
import { type RunningTestServer, startTestServer } from "./start-test-server.ts";

const [socketPath] = process.argv.slice(2);
const free: RunningTestServer[] = [];
/** All that were started, also those that are still starting. */
const started = new Set<Promise<RunningTestServer>>();
let isEnding = false;

async function take(): Promise<RunningTestServer> {
  const idle = free.pop();
  if (idle !== undefined) return idle;
  // The first one leaves its cluster as the seed of the others.
  const [first] = started;
  const starting = first === undefined ? startTestServer() : first.then(startTestServer);
  started.add(starting);
  starting.catch(() => started.delete(starting));
  return starting;
}

async function giveBack(server: RunningTestServer): Promise<void> {
  try {
    await emptyServer(server.url);
    free.push(server);
  } catch (error) {
    // Whoever had it may have stopped or damaged it: it is stopped with the others, at the end.
    if (!isEnding) console.error(`A test server is not used again: ${error}`);
  }
}

async function lend(borrower: Socket): Promise<void> {
  const gone = new Promise((resolve) => borrower.once("close", resolve));
  borrower.on("error", () => borrower.destroy()).resume();
  const server = await take();
  borrower.write(`ready ${server.url}\n`);
  await gone;
  await giveBack(server);
}

const lending = createServer((borrower) => {
  lend(borrower).catch((error: unknown) => {
    console.error(error);
    borrower.destroy();
  });
});
lending.listen(socketPath);
await once(lending, "listening");
console.log("ready");
await new Promise((resolve) => process.stdin.once("end", resolve).once("error", resolve).resume());
isEnding = true;
await Promise.allSettled([...started].map(async (starting) => (await starting).stop()));
process.exit();
