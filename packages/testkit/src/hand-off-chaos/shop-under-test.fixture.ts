/**
 * The shop with everything around it as real processes: PostgreSQL, two workers, two simulators, and proxies on every way between
 * them that can be cut.
 */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Database, type System, startSystem } from "@entente/core";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@entente/core/internal";
import { type ControlClient, openControlClient, type SimulatorName } from "@entente/simulators";
import { type FaultProxy, startFaultProxy } from "../fault-proxy.ts";
import { type ServerProcess, startProcess } from "../server-process.ts";
import { shopSystem } from "./shop-system.fixture.ts";

export interface ShopUnderTest {
  readonly postgres: EmbeddedPostgres;
  /** Works for nothing itself: what operators and auditors use. */
  readonly system: System;
  readonly database: Database;
  readonly payments: Counterparty;
  readonly ledger: Counterparty;
  readonly workers: readonly [Worker, Worker];
  stop(): Promise<void>;
}

export interface Counterparty {
  readonly url: string;
  readonly control: ControlClient;
  /** Between both workers and it. */
  readonly proxy: FaultProxy;
}

/** A place for a worker process: its port, and its own way to PostgreSQL. */
export interface Worker {
  readonly toPostgres: FaultProxy;
  process: ServerProcess;
  /** Starts a process here, in place of one that has ended; `dieAt`: a named point and how often it is passed before. */
  start(dieAt?: string): Promise<ServerProcess>;
}

const entente = fileURLToPath(new URL("../../../cli/src/main.ts", import.meta.url));
const workerFile = fileURLToPath(new URL("./worker.fixture.ts", import.meta.url));
const name = "chaos";

export async function startShop(seed: number): Promise<ShopUnderTest> {
  const endings: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of endings.splice(0).reverse()) await end();
  };
  try {
    return await start(seed, endings, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  seed: number,
  endings: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<ShopUnderTest> {
  const home = await mkdtemp(join(tmpdir(), "hand-off-chaos-"));
  endings.push(() => rm(home, { recursive: true, force: true }));
  // As root the server runs as another user, who must be able to enter.
  await chmod(home, 0o711);
  const starting = Promise.all([startCounterparty("payments", seed), startCounterparty("sap", seed)]);
  const postgres = await startEmbeddedPostgres({ home });
  endings.push(() => postgres.stop());
  const [payments, ledger] = await starting;
  for (const one of [payments, ledger]) endings.push(one.end);

  const doorPort = await freePort();
  const callbackSecret = await webhookSecret(payments.url, doorPort);
  const shop = { name, callbackSecret, paymentsUrl: payments.through, ledgerUrl: ledger.through };
  const { definition, outside } = shopSystem(shop);
  const system = await startSystem({ definition, adminUrl: postgres.url, outside, run: [] });
  endings.push(() => system.stop());
  const database = system.contexts.get("shop")?.database;
  if (database === undefined) throw new Error("no context shop");

  const openWorker = async (n: number): Promise<Worker> => {
    const toPostgres = await startFaultProxy({ target: { host: "127.0.0.1", port: postgres.port } });
    const begin = (dieAt = ""): Promise<ServerProcess> =>
      startProcess({
        name: `worker ${n}`,
        command: process.execPath,
        args: [workerFile],
        env: {
          CHAOS_NAME: name,
          CHAOS_ADMIN_URL: toPostgres.urlFor(postgres.url),
          CHAOS_PAYMENTS_URL: payments.through,
          CHAOS_LEDGER_URL: ledger.through,
          CHAOS_CALLBACK_SECRET: callbackSecret,
          // Callbacks go to the first one; those that come while it is away come again later.
          CHAOS_DOOR_PORT: n === 0 ? String(doorPort) : "0",
          CHAOS_DIE_AT: dieAt,
        },
        readyLine: /^ready$/,
        readyTimeoutMs: 60_000,
      });
    const worker: Worker = {
      toPostgres,
      process: await begin(),
      async start(dieAt) {
        worker.process = await begin(dieAt);
        return worker.process;
      },
    };
    endings.push(() => toPostgres.close());
    endings.push(() => worker.process.kill());
    return worker;
  };
  const workers = await Promise.all([openWorker(0), openWorker(1)]);
  return { postgres, system, database, payments, ledger, workers, stop };
}

async function startCounterparty(
  simulator: SimulatorName,
  seed: number,
): Promise<Counterparty & { readonly through: string; readonly end: () => Promise<unknown> }> {
  const running = await startProcess({
    name: simulator,
    command: process.execPath,
    args: [entente, "simulator", simulator, "--seed", String(seed)],
    readyLine: /^ready (http:\S+)$/,
    readyTimeoutMs: 60_000,
  });
  const url = running.ready[1] ?? "";
  const proxy = await startFaultProxy({
    target: { host: "127.0.0.1", port: Number(new URL(url).port) },
    seed,
  });
  return {
    url,
    control: openControlClient(url),
    proxy,
    through: `http://localhost:${proxy.port}`,
    async end() {
      await proxy.close();
      await running.kill();
    },
  };
}

async function webhookSecret(url: string, doorPort: number): Promise<string> {
  const response = await fetch(`${url}/v1/webhook_endpoints`, {
    method: "POST",
    headers: { authorization: "Bearer sk_test_entente" },
    body: new URLSearchParams({
      url: `http://127.0.0.1:${doorPort}/`,
      "enabled_events[0]": "payment_intent.succeeded",
      "enabled_events[1]": "payment_intent.payment_failed",
    }),
  });
  const { secret } = (await response.json()) as { secret?: string };
  if (secret === undefined) throw new Error("no webhook endpoint");
  return secret;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
