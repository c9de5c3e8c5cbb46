/** The one PostgreSQL server of a run. */
import { parentOf } from "./proc.ts";
import { benchmarkDatabases, withClient } from "./target.ts";

/** A server that is up; `pid` is its postmaster. */
export type Server = { url: string; pid: number; stop(): Promise<void> };

const loopback = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Uses the server at `givenUrl` (loopback only, and it must not hold databases of a benchmark or of Entente: runs drop
 * them), or starts the embedded one below `home` with the settings that the product uses.
 */
export async function startServer(
  givenUrl: string | undefined,
  home: string,
  log: (line: string) => void,
): Promise<Server> {
  if (givenUrl !== undefined) return adopt(givenUrl);
  const { startEmbeddedPostgres } = await import("@entente/core/internal");
  const server = await startEmbeddedPostgres({ home, log });
  return { url: server.url, pid: server.pid, stop: () => server.stop() };
}

async function adopt(url: string): Promise<Server> {
  if (!loopback.has(new URL(url).hostname))
    throw new Error("BENCH_DATABASE_URL must be on this machine (127.0.0.1)");
  const pid = await withClient(url, async (client) => {
    const found = await client.query<{ datname: string }>(
      "select datname from pg_database where datname like any ($1)",
      [benchmarkDatabases],
    );
    if (found.rows.length > 0)
      throw new Error(
        `the server holds ${found.rows.map((row) => row.datname).join(", ")}: the benchmark would drop them. ` +
          "Drop them yourself or give it another server.",
      );
    const backend = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    return parentOf(backend.rows[0]?.pid ?? 0);
  });
  return { url, pid, stop: async () => {} };
}
