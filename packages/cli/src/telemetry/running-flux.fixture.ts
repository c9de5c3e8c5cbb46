/** Flux in a real process with its simulators, told where telemetry goes. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach } from "node:test";
import { fileURLToPath } from "node:url";
import { startEmbeddedPostgres } from "@entente/core/internal";
import { disposeAll, type ServerProcess, startProcess } from "@entente/testkit";

export interface RunningFlux {
  readonly process: ServerProcess;
  readonly url: string;
  /** Asks for a top-up that has to be charged; resolves to its process. */
  topUp(account: string, headers?: Readonly<Record<string, string>>): Promise<string>;
  /** Resolves when the process has ended well. */
  completed(processId: string): Promise<void>;
  advanceClock(by: string): Promise<void>;
}

const home = await mkdtemp(join(tmpdir(), "entente-otel-"));
// As root the server runs as another user, who must be able to enter.
await chmod(home, 0o711);
// A program of a test that failed would keep the folder from the next one.
afterEach(disposeAll);
// One server for all starts of this file: a start of Flux alone takes a third of the time.
const postgres = await startEmbeddedPostgres({ home });
after(async () => {
  await postgres.stop();
  await rm(home, { recursive: true, force: true });
});
const port = await freePort();

/** Starts it on the home of this file: a second start finds what the first one left. */
export async function startFlux(env: Readonly<Record<string, string>>): Promise<RunningFlux> {
  const process_ = await startProcess({
    name: "flux",
    command: process.execPath,
    args: [fileURLToPath(new URL("../main.ts", import.meta.url)), "up", "flux"],
    env: {
      PORT: String(port),
      ENTENTE_HOME: home,
      ENTENTE_MODE: "dev",
      ENTENTE_SIMULATOR_PORT: "0",
      // Each takes as long to start as Flux.
      ENTENTE_SIMULATORS: "payments",
      ENTENTE_DATABASE_URL: postgres.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
      ...env,
    },
    readyLine: /^ready http/,
    readyTimeoutMs: 120_000,
  });
  const url = `http://127.0.0.1:${port}`;
  const send = async (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const answer = await send("/dev/token", { sub: "olga", tenant: "demo", role: "operator" });
  const { token } = (await answer.json()) as { token: string };
  const authorization = `Bearer ${token}`;
  return {
    process: process_,
    url,
    async topUp(account, headers = {}) {
      const body = { accountId: `acct-${account}`, condenserId: `car-${account}`, units: 137 };
      const asked = await send("/top-ups", body, {
        authorization,
        "idempotency-key": `canary-key-${account}`,
        ...headers,
      });
      assert.equal(asked.status, 202);
      return ((await asked.json()) as { processId: string }).processId;
    },
    async completed(processId) {
      const events = await fetch(`${url}/processes/${processId}/events`, { headers: { authorization } });
      assert.ok(events.body);
      // Ends with the process; the last of its states counts.
      let text = "";
      for await (const chunk of events.body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (/"state":"(confirmed|failed)"/.test(text)) break;
      }
      assert.match(text, /"state":"confirmed"/);
    },
    async advanceClock(by) {
      assert.equal((await send("/dev/clock", { advance: by })).status, 200);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
