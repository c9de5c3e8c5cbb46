/** Ours as a target: the whole system as `npm start` runs it, in one process, on the benchmark's PostgreSQL server. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { type AuditLag, openAuditLag } from "./audit-lag.ts";
import {
  confirmedReader,
  ententeFacts,
  ententeOrder,
  openedAccounts,
  preloadJournals,
} from "./entente-journal.ts";
import { type OpenStories, openStories } from "./entente-stories.ts";
import { family } from "./proc.ts";
import {
  type Context,
  databaseUrl,
  dropDatabases,
  endOf,
  ourDatabases,
  type Target,
  until,
  withClient,
} from "./target.ts";

const accounts = 1000;
const startMs = 120_000;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function databaseOf(serverUrl: string, context: string): Promise<string> {
  return withClient(serverUrl, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      "select datname from pg_database where datname like any ($1) and datname like $2",
      [ourDatabases, `%\\_${context}`],
    );
    if (rows[0] === undefined) throw new Error(`no database of context ${context}`);
    return databaseUrl(serverUrl, rows[0].datname);
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await ended;
  clearTimeout(late);
}

async function post(url: string, body: object, authorization?: string): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text.slice(0, 500)}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

async function bearer(url: string, claims: object): Promise<string> {
  const { token } = await post(`${url}/dev/token`, { tenant: "demo", ...claims });
  if (typeof token !== "string") throw new Error("/dev/token gave no token");
  return `Bearer ${token}`;
}

/** One token per account, as a customer would have it. */
async function customerTokens(url: string): Promise<string[]> {
  const tokens: string[] = [];
  for (let n = 1; n <= accounts; n += 1) {
    const number = String(n).padStart(4, "0");
    tokens.push(await bearer(url, { sub: `cust-${number}`, role: "customer", accounts: [`acct-${number}`] }));
  }
  return tokens;
}

async function ready(child: ChildProcess, logFile: string): Promise<void> {
  await until("the line `ready` of entente", startMs, 50, async () => {
    const log = readFileSync(logFile, "utf8");
    if (/^ready /m.test(log)) return true;
    if (child.exitCode !== null) throw new Error(`entente did not start:\n${log.slice(-2000)}`);
    return false;
  });
}

/** Where a simulator is that it started for itself. */
function simulatorUrl(logFile: string, name: string): string {
  const line = new RegExp(`simulator ${name} (http://127\\.0\\.0\\.1:\\d+)`).exec(
    readFileSync(logFile, "utf8"),
  );
  if (line?.[1] === undefined) throw new Error(`no simulator of ${name}`);
  return line[1];
}

async function start(context: Context, isAudited: boolean): ReturnType<Target["start"]> {
  await dropDatabases(context.serverUrl, ourDatabases);
  mkdirSync(context.folder, { recursive: true });
  const port = await freePort();
  const logFile = join(context.folder, "log");
  const log = openSync(logFile, "a");
  const program = fileURLToPath(new URL("../packages/cli/bin/entente.js", import.meta.url));
  const child = spawn(
    process.execPath,
    ["--min-semi-space-size=64", "--max-semi-space-size=64", program, "up", "flux"],
    {
      env: {
        ...process.env,
        PORT: String(port),
        ENTENTE_HOME: join(context.folder, "home"),
        ENTENTE_DATABASE_URL: context.serverUrl,
        ENTENTE_MODE: "dev",
        // What is measured is the way of a command, without anybody outside; but where its story goes beyond us.
        ENTENTE_SIMULATORS: context.counterparties ? "sap" : "off",
        ENTENTE_AUDIT: isAudited ? "on" : "off",
      },
      stdio: ["ignore", log, log],
    },
  );
  const ended = endOf(child);
  const orphaned = (): boolean => child.kill("SIGKILL");
  process.once("exit", orphaned);
  child.once("exit", () => process.off("exit", orphaned));
  let lag: AuditLag | undefined;
  let stories: OpenStories | undefined;
  try {
    await ready(child, logFile);
    const url = `http://127.0.0.1:${port}`;
    const ledger = await databaseOf(context.serverUrl, "subscription");
    const intake = await databaseOf(context.serverUrl, "gateway");
    const client = new pg.Client({ connectionString: ledger });
    await client.connect();
    await until("the demo accounts", startMs, 100, async () => (await openedAccounts(client)) >= accounts);
    const authorization = await customerTokens(url);
    const operator = await bearer(url, { sub: "bench", role: "operator" });
    const ops = (act: string) =>
      post(`${url}/ops/contexts/subscription/${act}`, { why: "benchmark" }, operator);
    if (context.counterparties)
      stories = await openStories({
        url,
        operator,
        sapUrl: simulatorUrl(logFile, "sap"),
        databaseOf: (name) => databaseOf(context.serverUrl, name),
      });
    if (isAudited) lag = await openAuditLag("audit-log", (name) => databaseOf(context.serverUrl, name));
    return {
      url,
      ...(lag === undefined ? {} : { auditLagSeconds: lag.seconds }),
      wire: {
        submit: "/top-ups",
        id: "processId",
        state: "/processes/{id}",
        confirmed: '"state":"confirmed"',
      },
      authorization,
      followedBy: "processId",
      confirmedCount: await confirmedReader(client),
      facts: () => ententeFacts(client),
      order: (account) => ententeOrder(client, account),
      pauseWorker: async () => void (await ops("pause")),
      resumeWorker: async () => void (await ops("resume")),
      ...(stories === undefined ? {} : { stories }),
      preload: (n) => withClient(intake, (other) => preloadJournals(client, other, n)),
      ended,
      pids: () => (child.pid === undefined ? [] : family([child.pid])),
      stop: async () => {
        await client.end();
        await lag?.close();
        await stories?.close();
        await stop(child);
      },
    };
  } catch (cause) {
    await lag?.close();
    await stories?.close();
    await stop(child);
    throw cause;
  }
}

/** Ours. */
export const ententeTarget: Target = {
  name: "entente",
  about: "ours: `entente up flux`, everything in one process, a JWT per customer checked",
  start: (context) => start(context, false),
};

/** Ours with the audit log, which is compared with ours without. */
export const ententeAuditTarget: Target = {
  name: "entente-audit",
  about: "ours with ENTENTE_AUDIT=on: every entry of every journal in a signed Merkle log of its tenant",
  start: (context) => start(context, true),
};
