import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@entente/core/internal";
import { type ServerProcess, startProcess } from "@entente/testkit";

/**
 * Flux as it runs in production: PostgreSQL, an edge process (context gateway) and workers (context subscription),
 * each of them killable on its own, all on loopback. Loaded by scenarios only.
 */
export interface FluxUnderTest {
  readonly postgres: EmbeddedPostgres;
  /** Folder of everything it keeps, the databases included. */
  readonly home: string;
  readonly url: string;
  readonly port: number;
  startEdge(extra?: Environment): Promise<ServerProcess>;
  /** `contexts`: those it works for (default: the subscription). */
  startWorker(extra?: Environment, contexts?: string): Promise<ServerProcess>;
  /** A token from the development route; asks again while the edge is away. */
  token(claims: {
    readonly role: string;
    readonly accounts?: readonly string[];
    readonly sub?: string;
    readonly tenant?: string;
  }): Promise<string>;
  stop(): Promise<void>;
}

export type Environment = Readonly<Record<string, string>>;

const entente = fileURLToPath(new URL("../../../packages/cli/src/main.ts", import.meta.url));

export async function startFluxUnderTest(
  settings: Environment = {},
  databaseUrl?: string,
): Promise<FluxUnderTest> {
  const home = await mkdtemp(join(tmpdir(), "flux-scenario-"));
  // As root the server runs as another user, who must be able to enter.
  await chmod(home, 0o711);
  const postgres = await startEmbeddedPostgres({ home });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const running: ServerProcess[] = [];
  const start = async (contexts: string, extra: Environment): Promise<ServerProcess> => {
    const process_ = await startProcess({
      name: contexts,
      command: process.execPath,
      args: [entente, "up", "flux", "--contexts", contexts],
      env: {
        PORT: contexts.includes("gateway") ? String(port) : undefined,
        ENTENTE_HOME: home,
        ENTENTE_DATABASE_URL: databaseUrl ?? postgres.url,
        ENTENTE_MODE: "dev",
        ENTENTE_LEASE_MS: "1000",
        ...settings,
        ...extra,
      },
      readyLine: /^ready/,
    });
    running.push(process_);
    return process_;
  };
  return {
    postgres,
    home,
    url,
    port,
    startEdge: (extra = {}) => start("gateway", extra),
    startWorker: (extra = {}, contexts = "subscription") => start(contexts, extra),
    async token({ role, accounts, sub = "scenario", tenant = "demo" }) {
      for (let tries = 0; ; tries++) {
        try {
          const answer = await fetch(`${url}/dev/token`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ sub, tenant, role, ...(accounts === undefined ? {} : { accounts }) }),
          });
          return ((await answer.json()) as { token: string }).token;
        } catch (error) {
          if (tries > 100) throw error;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    },
    async stop() {
      await Promise.all(running.map((one) => one.kill()));
      await postgres.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
