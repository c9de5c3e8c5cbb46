/**
 * Flux in stage B with its edge, between a Salesforce and a SAP that are programs of their own: killed without a word, and started again on the same
 * port with what they had done. Any context's store can be taken away alone.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type System, startSystem } from "@entente/core";
import { openDatabase } from "@entente/core/internal";
import { buildEdge } from "@entente/edge";
import type { SimulatorName } from "@entente/simulators";
import { startProcess, testServer } from "@entente/testkit";
import {
  demoTenant,
  fluxErrors,
  fluxOutside,
  fluxRoutes,
  fluxTags,
  fluxWith,
  seedDemoData,
  textOf,
} from "../app/flux.ts";
import { type Caller, caller } from "./client.fixture.ts";

export interface Core {
  /** The same after it came back. */
  readonly url: string;
  /** SIGKILL; resolves when its program is gone. */
  kill(): Promise<void>;
  /** Resolves when it takes requests again. */
  back(): Promise<void>;
}

export interface FluxBesideCores {
  readonly system: System;
  readonly url: string;
  readonly operator: Caller;
  readonly salesforce: Core;
  readonly sap: Core;
  /** Has PostgreSQL take connections to a context's database or not; those that there are end. */
  store(context: string, takes: boolean): Promise<void>;
  stop(): Promise<void>;
}

const entente = fileURLToPath(new URL("../../../packages/cli/src/main.ts", import.meta.url));
const secrets: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  salesforce: { clientId: "entente-dev-client", clientSecret: "entente-dev-secret" },
  sap: { user: "ENTENTE_COMM", password: "entente-dev-1" },
};

/** `accounts`: how many of the demo accounts are open, from the first on. */
export async function startFluxBesideCores(seed: number, accounts: number): Promise<FluxBesideCores> {
  const worlds = await mkdtemp(join(tmpdir(), "flux-cores-"));
  const [salesforce, sap] = await Promise.all([
    startCore("salesforce", seed, worlds),
    startCore("sap", seed, worlds),
  ]);
  const counterparties = {
    salesforce: { url: salesforce.url, tenantId: demoTenant },
    sap: { url: sap.url },
  };
  const adminUrl = await testServer();
  const name = `c_${randomBytes(4).toString("hex")}`;
  const system = await startSystem({
    definition: { ...fluxWith(counterparties), name },
    adminUrl,
    outside: fluxOutside(counterparties, (core, secret) => secrets[core]?.[secret], ["127.0.0.0/8"]),
  });
  const edge = await buildEdge({
    system,
    mode: "dev",
    tokens: { key: { kind: "secret", secret: randomBytes(32) }, issuer: "test", audience: "flux" },
    title: "Flux",
    version: "0.1.0",
    tags: fluxTags,
    errors: fluxErrors,
    textOf: textOf(system),
    routes: [fluxRoutes(system)],
  });
  const url = await edge.listen({ port: 0 });
  const token = async (claims: object): Promise<string> => {
    const answer = await fetch(`${url}/dev/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sub: "scenario", tenant: demoTenant, ...claims }),
    });
    return ((await answer.json()) as { token: string }).token;
  };
  await seedDemoData(system, accounts);
  return {
    system,
    url,
    operator: await caller({ url, token }, { role: "operator" }),
    salesforce,
    sap,
    async store(context, takes) {
      const admin = openDatabase({ url: adminUrl, applicationName: "scenario", connections: 1 });
      try {
        await admin.execute(`alter database ${name}_${context} allow_connections ${takes}`);
        if (!takes)
          await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [
            `${name}_${context}`,
          ]);
      } finally {
        await admin.close();
      }
    },
    async stop() {
      await edge.close();
      await system.stop();
      await Promise.all([salesforce.kill(), sap.kill()]);
      await rm(worlds, { recursive: true, force: true });
    },
  };
}

async function startCore(name: SimulatorName, seed: number, worlds: string): Promise<Core> {
  const start = (port: string) =>
    startProcess({
      name,
      command: process.execPath,
      args: [entente, "simulator", name, "--port", port, "--seed", String(seed), "--state", worlds],
      readyLine: /^ready (http:\S+)$/,
    });
  let running = await start("0");
  const url = running.ready[1] ?? "";
  return {
    url,
    kill: async () => void (await running.kill()),
    async back() {
      running = await start(new URL(url).port);
    },
  };
}
