/** Starts the Restate server that its npm package carries, on free loopback ports. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { arch, platform } from "node:os";
import { fileURLToPath } from "node:url";

/** A server that is up and knows the service. */
export type RestateServer = { ingress: string; stop(): Promise<void> };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function register(admin: number, uri: string, server: ChildProcess): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ uri });
  for (let left = 150; ; left -= 1) {
    if (server.exitCode !== null) throw new Error(`restate-server ended with ${server.exitCode}`);
    const request = fetch(`http://127.0.0.1:${admin}/deployments`, { method: "POST", headers, body });
    const answer = await request.catch(() => undefined);
    if (answer?.ok) return;
    if (left === 0) throw new Error(`restate-server does not take the deployment: ${await answer?.text()}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/**
 * Four partitions (the default of 24 is for larger machines), telemetry off, log fsync left on, data below `folder`.
 * At start the server asks for its newest release on the web; that cannot be switched off and may fail.
 */
export async function startRestate(folder: string, service: string): Promise<RestateServer> {
  const program = `@restatedev/restate-server-${platform()}-${arch()}/bin/restate-server`;
  const [ingress, admin, node] = [await freePort(), await freePort(), await freePort()];
  const args = ["--node-name", "bench", "--base-dir", folder, "--no-logo"];
  const server = spawn(fileURLToPath(import.meta.resolve(program)), args, {
    env: {
      DO_NOT_TRACK: "1",
      RESTATE_DISABLE_TELEMETRY: "true",
      RESTATE_DEFAULT_NUM_PARTITIONS: process.env.BENCH_PARTITIONS ?? "4",
      RESTATE_LISTEN_MODE: "tcp",
      RESTATE_BIND_IP: "127.0.0.1",
      RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RUST_LOG: "error,octocrab=off",
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  process.on("exit", () => server.kill("SIGKILL"));
  await register(admin, service, server);
  return {
    ingress: `http://127.0.0.1:${ingress}`,
    stop: async () => {
      server.kill();
      if (server.exitCode === null) await once(server, "exit");
    },
  };
}
