import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startProcess } from "@entente/testkit";
import { startSimulators } from "./simulators.ts";

const keeper = fileURLToPath(new URL("simulator-keeper.fixture.ts", import.meta.url));

/** Resolves when nobody listens at the address any more; a connection held by a process ends with it. */
async function gone(url: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}

for (const ending of ["kill", "terminate"] as const) {
  test(`a simulator ends with the program that started it: ${ending}`, async () => {
    const parent = await startProcess({
      command: process.execPath,
      args: [keeper],
      readyLine: /^kept (http:\S+)$/,
      name: "keeper",
    });
    const url = parent.ready[1] as string;
    assert.equal((await fetch(`${url}/_control`)).status, 200);
    const end = gone(url);
    await parent[ending]();
    await end;
    await assert.rejects(fetch(`${url}/_control`));
  });
}

test("one that is killed is reported and started again where it was, having forgotten everything", async () => {
  const said: string[] = [];
  const { running, stop } = await startSimulators([{ name: "sap", port: 0 }], process.env, (line) =>
    said.push(line),
  );
  const sap = running.get("sap");
  assert.ok(sap !== undefined);
  assert.equal(sap.credentials.user, "ENTENTE_COMM");
  try {
    const first = sap.pid();
    const end = gone(sap.url);
    process.kill(first as number, "SIGKILL");
    await end;
    let answer: Response | null = null;
    while (answer === null) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      answer = await fetch(`${sap.url}/_control`).catch(() => null);
    }
    assert.equal(answer.status, 200);
    assert.notEqual(sap.pid(), first);
    assert.match(said.join("\n"), /the simulator of sap ended \(SIGKILL\) and is started again/);
  } finally {
    await stop();
  }
  await assert.rejects(fetch(sap.url));
});
