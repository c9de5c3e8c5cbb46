/**
 * A process for the tests of server-process.ts: `chatty-server.fixture.ts <mode>`.
 * Says `ready http://127.0.0.1:1234 pid=<pid>`, then does what its mode says when it is told by a signal.
 */
import { spawn } from "node:child_process";

const mode = process.argv[2];
console.error(`starting as ${mode} with ${process.env.CHATTY_WORD ?? "no word"}`);

if (mode === "fails") {
  for (let i = 1; i <= 30; i++) console.log(`line ${i}`);
  process.stdout.write("no disk left");
  process.exitCode = 3;
} else if (mode !== "silent") {
  let child = "";
  if (mode === "parent")
    child = ` child=${spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"]).pid}`;
  process.on("SIGTERM", () => {
    if (mode === "stubborn") return console.log("no");
    console.log("stopping");
    process.exit(7);
  });
  process.on("SIGUSR2", () => {
    console.log("heard");
    if (mode !== "pausing") return;
    // Long enough for a parent that does not wait to go on: what it does then must not come before the stop.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    process.kill(process.pid, "SIGSTOP");
    console.log("goes on");
  });
  console.log(`ready http://127.0.0.1:1234 pid=${process.pid}${child}`);
}
if (mode !== "fails") setInterval(() => {}, 1_000_000);
