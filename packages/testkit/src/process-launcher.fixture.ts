/** A test process that leaves a child running when it ends: `process-launcher.fixture.ts <program> <SIGTERM | …>`. */
import { startProcess } from "./server-process.ts";

const [program = "", ending] = process.argv.slice(2);
const server = await startProcess({
  command: process.execPath,
  args: [program, "plain"],
  readyLine: /^ready/,
});
console.log(server.pid);
if (ending === "SIGTERM") {
  process.kill(process.pid, "SIGTERM");
  setInterval(() => {}, 1_000_000);
}
