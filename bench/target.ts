/** The seam between the scenarios and what they measure. A new target is one file that makes a {@link Target}. */
import type { ChildProcess } from "node:child_process";
import pg from "pg";
import type { Wire } from "./load-spec.ts";

/** What a target gets from the run. */
export type Context = {
  /** PostgreSQL server, with the right to create databases. */
  serverUrl: string;
  /** Folder of this start alone; removed afterwards. */
  folder: string;
  /** With counterparties, simulated, where the target has any. */
  counterparties: boolean;
  log(line: string): void;
};

/** What the ledger says at the end of a scenario; see {@link ./verify.ts} for the rules. */
export type LedgerFacts = {
  /** Commands in the ledger, preloaded ones left out. */
  confirmed: number;
  /** Commands that are there more than once. */
  doubled: number;
  /** Accounts whose sequence has a gap or whose balance is not the sum of their entries. */
  brokenAccounts: number;
};

/** What became of one top-up over there, by the tables and not by its story. */
export type HandedOver = {
  processId: string;
  /** The counterparty refused it, with this code of theirs; null: it did not. */
  refusedWith: string | null;
  /** The answer to its sending was lost: for a while nobody knew whether it had happened. */
  wasUnknown: boolean;
};

/** Whole stories of processes, and what they are told about. */
export type Stories = {
  /** From now on: of what is handed over, that many acts are refused, and that many answers are lost after the act was done. */
  injectFaults(refusals: number, lostAnswers: number): Promise<void>;
  /**
   * Waits until everything that was handed over since the last call is at its end or a person's case, that many top-ups, and says what
   * became of each. Fails when the counterparty did not do what it was told.
   */
  settled(topUps: number, signal: AbortSignal): Promise<HandedOver[]>;
  /** Puts `n` finished top-ups into all tables that a story is read from, each a copy of one that was just done. */
  preload(n: number): Promise<Record<string, number>>;
  /** The whole story of a process in one call, as text. */
  read(processId: string): Promise<string>;
  /** What a story lacks; empty: nothing. */
  missing(story: string, of: HandedOver): string[];
};

/** A target that is up. */
export type Running = {
  url: string;
  wire: Wire;
  /** Authorization header values; account n uses number n modulo their count. */
  authorization: string[];
  /** Commands confirmed since the start. Reads the database: the ledger decides, never the target's own word. */
  confirmedCount(): Promise<number>;
  facts(): Promise<LedgerFacts>;
  /** Command ids of one account in ledger order, as the key or as the process id (see `followedBy`). */
  order(account: string): Promise<string[]>;
  followedBy: "key" | "processId";
  /** Seconds that the audit log is behind the journals; absent: none is kept. */
  auditLagSeconds?(): Promise<number>;
  /** Stops deciding while accepting goes on, and back. */
  pauseWorker?(): Promise<void>;
  resumeWorker?(): Promise<void>;
  /** Puts `n` finished commands into the target's own tables, as if they had been done earlier. */
  preload?(n: number): Promise<void>;
  /** What is told of processes; absent: nothing. */
  stories?: Stories;
  /** Why `preload` is missing. */
  preloadSkipped?: string;
  /** Resolves with the reason when the target's process ends, wanted or not. */
  ended: Promise<string>;
  /** Process ids, children included, PostgreSQL left out. */
  pids(): number[];
  stop(): Promise<void>;
};

/** A named thing to measure. `start` gives it an empty database. */
export type Target = {
  name: string;
  /** One line for the results: what it is and how it was set up. */
  about: string;
  start(context: Context): Promise<Running>;
};

/** Runs `work` with one connection. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The server's URL with another database name. */
export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** Databases that targets make: the peers' and, named `<system>_<context>`, ours. Runs drop them (SQL LIKE). */
export const ourDatabases = ["flux\\_%", "entente\\_%"];
export const benchmarkDatabases = ["bench\\_%", ...ourDatabases];

/** Drops the databases whose name matches one of `patterns` (SQL LIKE), connections included. */
export async function dropDatabases(serverUrl: string, patterns: string[]): Promise<void> {
  await withClient(serverUrl, async (client) => {
    const found = await client.query<{ datname: string }>(
      "select datname from pg_database where datname like any($1) and not datistemplate",
      [patterns],
    );
    for (const { datname } of found.rows)
      await client.query(`drop database ${client.escapeIdentifier(datname)} with (force)`);
  });
}

/** Makes an empty database, replacing one of that name, and returns its URL. */
export async function freshDatabase(serverUrl: string, name: string): Promise<string> {
  await dropDatabases(serverUrl, [name.replaceAll("_", "\\_")]);
  await withClient(serverUrl, (client) => client.query(`create database ${client.escapeIdentifier(name)}`));
  return databaseUrl(serverUrl, name);
}

/** Asks `ready` every `stepMs` until it says yes; throws with `what` after `timeoutMs`. */
export async function until(
  what: string,
  timeoutMs: number,
  stepMs: number,
  ready: () => Promise<boolean>,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await ready())) {
    if (Date.now() > end) throw new Error(`gave up after ${timeoutMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, stepMs));
  }
}

/** Resolves when the child has ended, with what to tell about it. */
export function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(`the target's process ended (${signal ?? `exit ${code}`})`));
  });
}
