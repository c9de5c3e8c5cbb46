import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openControlClient } from "@entente/simulators";
import { startProcess } from "@entente/testkit";

const main = fileURLToPath(new URL("main.ts", import.meta.url));

function simulator(...args: string[]) {
  return startProcess({
    command: process.execPath,
    args: [main, "simulator", ...args],
    readyLine: /^ready (http:\/\/127\.0\.0\.1:\d+)$/,
    name: `simulator ${args.join(" ")}`,
  });
}

/** What a start that is refused says, and its exit code. */
async function refusal(...args: string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [main, "simulator", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  for await (const chunk of child.stderr) text += String(chunk);
  const code = child.exitCode ?? (await new Promise<number | null>((resolve) => child.once("exit", resolve)));
  return { code, text };
}

test("a simulator alone says its seed and where it is, serves, and ends at SIGTERM although a connection is held", async () => {
  const started = await simulator("payments", "--seed", "42");
  const url = started.ready[1] as string;
  assert.ok(started.output().includes("seed 42"));
  const control = openControlClient(url);
  await control.rule({ behaviour: "timeout", effect: false });
  const held = assert.rejects(
    fetch(`${url}/v1/events`, { headers: { authorization: "Bearer sk_test_entente" } }),
  );
  while ((await control.calls()).length === 0);
  assert.deepEqual(await started.terminate(), { code: 0, signal: null });
  await held;
});

test("without a seed it chooses one, and prints it", async () => {
  const started = await simulator("payments");
  const seed = /^seed (\d+)$/m.exec(started.output().join("\n"))?.[1];
  const entry = (await (await fetch(`${started.ready[1]}/_control`)).json()) as { seed: number };
  assert.equal(String(entry.seed), seed);
  await started.terminate();
});

test("a simulator that there is none of is refused, with those that there are", async () => {
  const { code, text } = await refusal("barter");
  assert.equal(code, 1);
  assert.match(text, /There is: .*payments/);
  assert.match(text, /simulator-unknown/);
});

for (const args of [
  ["--port", "65536"],
  ["--port", "-1"],
  ["--seed", "4294967296"],
  ["--seed", "lucky"],
]) {
  test(`${args.join(" ")} is refused`, async () => {
    const { code, text } = await refusal("payments", ...args);
    assert.equal(code, 1);
    assert.match(text, /simulator-option-invalid/);
  });
}

test("a port that is taken is refused", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => {
    holder.listen(0, "127.0.0.1", resolve);
  });
  const { code, text } = await refusal("payments", "--port", String((holder.address() as AddressInfo).port));
  assert.equal(code, 1);
  assert.match(text, /port-in-use/);
  await new Promise((resolve) => holder.close(resolve));
});
