/**
 * Keeps the embedded server of one test process: prints `ready <url>` and, when its input ends because the test
 * process has ended, stops the server and removes its folder.
 */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@entente/core/internal";
import { roomyFolder } from "./roomy-folder.ts";
import { leaveSeed, takeSeed } from "./seed-home.ts";

const parentGone = new Promise<void>((resolve) => {
  process.stdin.once("end", resolve).once("error", resolve).resume();
});
const base = await mkdtemp(join(await roomyFolder(), "entente-test-"));
// As root, the server runs under another account, which has to pass through this folder.
if (process.geteuid?.() === 0) await chmod(base, 0o711);
const home = join(base, "home");
const start = (): Promise<EmbeddedPostgres> =>
  startEmbeddedPostgres({ home, log: (line) => console.error(line) });
const seed = process.env.ENTENTE_TEST_SEED;
try {
  const isCopied = seed !== undefined && (await takeSeed(seed, home));
  let server = await start();
  if (seed !== undefined && !isCopied) {
    await server.stop();
    await leaveSeed(seed, home);
    server = await start();
  }
  console.log(`ready ${server.url}`);
  await parentGone;
  await server.stop();
} finally {
  await rm(base, { recursive: true, force: true });
}
