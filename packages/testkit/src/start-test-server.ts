import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@entente/core/internal";
import { roomyFolder } from "./roomy-folder.ts";
import { leaveSeed, takeSeed } from "./seed-home.ts";

export interface RunningTestServer {
  /** A superuser's database. */
  readonly url: string;
  /** Stops it and removes its folder. */
  stop(): Promise<void>;
}

/** An embedded server in a temporary folder, its cluster copied from the run's seed when there is one. Errors: those of the embedded server. */
export async function startTestServer(): Promise<RunningTestServer> {
  const base = await mkdtemp(join(await roomyFolder(), "entente-test-"));
  const said: string[] = [];
  const remove = (): Promise<void> => rm(base, { recursive: true, force: true });
  try {
    // As root, the server runs under another account, which has to pass through this folder.
    if (process.geteuid?.() === 0) await chmod(base, 0o711);
    const home = join(base, "home");
    const start = (): Promise<EmbeddedPostgres> =>
      startEmbeddedPostgres({ home, log: (line) => void said.push(line) });
    const seed = process.env.ENTENTE_TEST_SEED;
    const isCopied = seed !== undefined && (await takeSeed(seed, home));
    let server = await start();
    if (seed !== undefined && !isCopied) {
      await server.stop();
      await leaveSeed(seed, home);
      server = await start();
    }
    const { url } = server;
    return {
      url,
      async stop() {
        await server.stop();
        await remove();
      },
    };
  } catch (error) {
    for (const line of said) console.error(line);
    await remove();
    throw error;
  }
}
