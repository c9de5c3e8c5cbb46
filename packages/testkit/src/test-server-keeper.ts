/**
 * Keeps the embedded server of one test process: prints `ready <url>` and, when its input ends because the test
 * process has ended, stops the server and removes its folder.
 */
import { startTestServer } from "./start-test-server.ts";

const parentGone = new Promise<void>((resolve) => {
  process.stdin.once("end", resolve).once("error", resolve).resume();
});
const server = await startTestServer();
console.log(`ready ${server.url}`);
await parentGone;
await server.stop();
