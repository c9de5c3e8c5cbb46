import { connect, createServer, type Socket } from "node:net";
import { openDatabase } from "@entente/core/internal";
import { type ControlClient, openControlClient, simulators } from "@entente/simulators";
import type { Environment, FluxUnderTest } from "./flux-under-test.fixture.ts";

const credentials = { clientId: "entente-dev-client", clientSecret: "entente-dev-secret" };

/** The Salesforce of a scenario: people work in it whether Flux can reach it or not. */
export interface SalesforceUnderTest {
  /** What a process of Flux is told of it. */
  readonly environment: Environment;
  /** What it is told to do with requests, and what really happened. */
  readonly control: ControlClient;
  /** An agent changes fields of an entitlement, `ent-acct-0001`, or of another object's record by its external id. */
  change(key: string, fields: Readonly<Record<string, unknown>>, object?: string): Promise<void>;
  remove(key: string): Promise<void>;
  /** Records as an agent finds them, by a query of theirs. */
  find(soql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** An agent changes a record by object, external id and its value. */
  write(path: string, fields: Readonly<Record<string, unknown>>): Promise<void>;
  /** The record as an agent sees it. */
  look(key: string, object?: string): Promise<Readonly<Record<string, unknown>>>;
  /** Cuts every connection of Flux to it, and refuses new ones, until mended. */
  cut(): void;
  mend(): Promise<void>;
  /** What Flux has used of the day, as Salesforce counted it: what people there did is left out. */
  usedByFlux(): Promise<{ readonly calls: number; readonly events: number }>;
  /** Days go by over there. */
  advance(duration: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startSalesforceUnderTest(): Promise<SalesforceUnderTest> {
  const start = await simulators.salesforce();
  const simulator = await start({ seed: 7 });
  const line = await openLine(Number(new URL(simulator.url).port));
  let askedByPeople = 0;
  async function ask(method: string, path: string, body?: object): Promise<unknown> {
    const signedIn = await fetch(`${simulator.url}/services/oauth2/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: credentials.clientId,
        client_secret: credentials.clientSecret,
      }),
    });
    const { access_token: token } = (await signedIn.json()) as { access_token: string };
    askedByPeople++;
    const answer = await fetch(`${simulator.url}/services/data/v67.0${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }
  const at = (key: string, object = "Entitlement__c"): string => `/sobjects/${object}/Entente_Key__c/${key}`;
  return {
    control: openControlClient(simulator.url),
    environment: {
      ENTENTE_SALESFORCE_URL: `http://127.0.0.1:${line.port}`,
      ENTENTE_SALESFORCE_CLIENT_ID: credentials.clientId,
      ENTENTE_SALESFORCE_CLIENT_SECRET: credentials.clientSecret,
      ENTENTE_SALESFORCE_TENANT: "demo",
    },
    change: async (key, fields, object) => void (await ask("PATCH", at(key, object), fields)),
    remove: async (key) => void (await ask("DELETE", at(key))),
    async find(soql) {
      const { records } = (await ask("GET", `/query?${new URLSearchParams({ q: soql })}`)) as {
        readonly records: readonly Record<string, unknown>[];
      };
      return records;
    },
    write: async (path, fields) => void (await ask("PATCH", `/sobjects/${path}`, fields)),
    look: async (key, object) => (await ask("GET", at(key, object))) as Record<string, unknown>,
    cut: line.cut,
    mend: line.mend,
    async usedByFlux() {
      type Limit = { readonly Max: number; readonly Remaining: number };
      const limits = (await ask("GET", "/limits")) as Record<string, Limit>;
      const used = (name: string) => (limits[name]?.Max ?? 0) - (limits[name]?.Remaining ?? 0);
      return {
        calls: used("DailyApiRequests") - askedByPeople,
        events: used("DailyDeliveredPlatformEvents"),
      };
    },
    async advance(duration) {
      await fetch(`${simulator.url}/_control/clock`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ advance: duration }),
      });
    },
    async stop() {
      line.cut();
      await simulator.stop();
    },
  };
}

/** What stands in the database of the context that deals with Salesforce. */
export async function inEntitlement<Row extends Record<string, unknown>>(
  flux: FluxUnderTest,
  text: string,
): Promise<Row[]> {
  const url = new URL(flux.postgres.url);
  url.pathname = "/flux_entitlement";
  const database = openDatabase({ url: url.href, applicationName: "scenario" });
  try {
    return await database.execute<Row>(text);
  } finally {
    await database.close();
  }
}

/** The line between Flux and Salesforce, on one port for good. */
async function openLine(to: number): Promise<{ readonly port: number; cut(): void; mend(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const { port } = address;
  return {
    port,
    cut() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
    mend: () => listen(port),
  };
}
