/** Everything that `npm start` runs is ended and started again on the same folder: the sides agree as before. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openDatabase, startEmbeddedPostgres } from "@entente/core/internal";
import { disposeAll, type ServerProcess, startProcess } from "@entente/testkit";

const home = await mkdtemp(join(tmpdir(), "entente-restart-"));
// As root the server runs as another user, who must be able to enter.
await chmod(home, 0o711);
const stops: (() => Promise<void>)[] = [];
after(async () => {
  disposeAll();
  for (const stop of stops) await stop();
  await rm(home, { recursive: true, force: true });
});

interface Flux {
  readonly process: ServerProcess;
  readonly sapUrl: string;
  get(path: string): Promise<Record<string, unknown>>;
  post(path: string, body: object, headers?: Record<string, string>): Promise<Record<string, unknown>>;
}

/** `databaseUrl`: of the server in the same folder, which the test keeps itself so that it can look into the journals. */
async function startFlux(port: string, databaseUrl: string): Promise<Flux> {
  const process_ = await startProcess({
    name: "flux",
    command: process.execPath,
    args: [fileURLToPath(new URL("main.ts", import.meta.url)), "up", "flux"],
    env: {
      PORT: port,
      ENTENTE_HOME: home,
      ENTENTE_MODE: "dev",
      ENTENTE_SIMULATOR_PORT: "0",
      ENTENTE_SIMULATORS: "payments,sap",
      ENTENTE_DATABASE_URL: databaseUrl,
      OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
    },
    readyLine: /^ready (http:\S+)$/,
    readyTimeoutMs: 120_000,
  });
  const url = process_.ready[1] as string;
  const json = async (answer: Response): Promise<Record<string, unknown>> => {
    assert.ok(answer.status < 300, `${answer.status} of ${answer.url}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  const send = (path: string, body: object, headers: Record<string, string>) =>
    fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    }).then(json);
  const { token } = await send("/dev/token", { sub: "olga", tenant: "demo", role: "operator" }, {});
  const authorization = `Bearer ${token}`;
  const sap = process_.output().find((line) => line.startsWith("simulator sap "));
  return {
    process: process_,
    sapUrl: sap?.split(" ")[2] ?? "",
    get: (path) => fetch(url + path, { headers: { authorization } }).then(json),
    post: (path, body, headers = {}) => send(path, body, { authorization, ...headers }),
  };
}

/** A top-up with a part that is charged, and its entry in the books, which are looked at until they have so many. */
async function topUp(flux: Flux, account: string, documents: number): Promise<void> {
  const body = { accountId: `acct-${account}`, condenserId: `car-${account}`, units: 137 };
  const { processId } = await flux.post("/top-ups", body, { "idempotency-key": `restart-${account}` });
  await until("the top-up is confirmed", async () => {
    const { state } = await flux.get(`/processes/${processId}`);
    assert.notEqual(state, "failed");
    return state === "confirmed";
  });
  await until(`there are ${documents} documents in the books`, async () => {
    const books = (await (await fetch(`${flux.sapUrl}/_control/ledger`)).json()) as { documents: number };
    return books.documents === documents;
  });
}

/** These programs tell nobody outside when they are done: they are asked. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + 60_000;
  while (!(await holds())) {
    assert.ok(performance.now() < limit, `not within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

interface Sums {
  readonly day: string;
  readonly equal: boolean;
  readonly counted: number;
  readonly sums: readonly { readonly ours: string; readonly theirs: string }[];
}

/** What comparing the sums of days has come to so far. */
async function comparisons(serverUrl: string): Promise<readonly Sums[]> {
  const url = new URL(serverUrl);
  url.pathname = "/flux_ledger";
  const database = openDatabase({ url: url.href, applicationName: "test", connections: 1 });
  try {
    const rows = await database.execute<{ totals: Sums }>(
      "select data->'totals' as totals from entente.journal where type = 'entente.reconciliation-run' and data->'totals' is not null",
    );
    return rows.map(({ totals }) => totals);
  } finally {
    await database.close();
  }
}

test("top-up, restart of everything, top-up: the sums of the day are equal on both sides, and no case is opened", async () => {
  const firstServer = await startEmbeddedPostgres({ home });
  stops.push(() => firstServer.stop());
  const first = await startFlux("18417", firstServer.url);
  await topUp(first, "0001", 1);
  await first.process.terminate(30_000);
  await firstServer.stop();
  const server = await startEmbeddedPostgres({ home });
  stops.push(() => server.stop());
  const second = await startFlux("18417", server.url);
  await topUp(second, "0002", 2);
  await second.post("/dev/clock", { advance: "P1DT2H" });
  let found: readonly Sums[] = [];
  await until("the day's sums are compared", async () => {
    found = await comparisons(server.url);
    return found.some(({ counted }) => counted > 0);
  });
  const [day] = found.filter(({ counted }) => counted > 0);
  assert.deepEqual([day?.counted, day?.equal], [2, true]);
  assert.ok(day !== undefined && day.sums.length > 0 && day.sums.every(({ ours }) => ours !== "0"));
  assert.deepEqual(
    found.filter(({ equal }) => !equal),
    [],
  );
  assert.deepEqual((await second.get("/ops/cases")).cases, []);
  await second.process.terminate(30_000);
});
