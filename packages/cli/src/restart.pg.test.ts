/** Everything that `npm start` runs is ended and started again on the same folder: the sides agree as before. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { disposeAll, type ServerProcess, startProcess } from "@entente/testkit";

const home = await mkdtemp(join(tmpdir(), "entente-restart-"));
// As root the server runs as another user, who must be able to enter.
await chmod(home, 0o711);
after(async () => {
  disposeAll();
  await rm(home, { recursive: true, force: true });
});

interface Flux {
  readonly process: ServerProcess;
  readonly sapUrl: string;
  get(path: string): Promise<Record<string, unknown>>;
  post(path: string, body: object, headers?: Record<string, string>): Promise<Record<string, unknown>>;
}

async function startFlux(port: string): Promise<Flux> {
  const process_ = await startProcess({
    name: "flux",
    command: process.execPath,
    args: [fileURLToPath(new URL("main.ts", import.meta.url)), "up", "flux"],
    env: {
      PORT: port,
      ENTENTE_HOME: home,
      ENTENTE_MODE: "dev",
      ENTENTE_SIMULATOR_PORT: "0",
      ENTENTE_DATABASE_URL: undefined,
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

test("top-up, restart of everything, top-up: the sums of the day are equal on both sides, and no case is opened", async () => {
  const first = await startFlux("18417");
  await topUp(first, "0001", 1);
  await first.process.terminate(30_000);
  const second = await startFlux("18417");
  await topUp(second, "0002", 2);
  await second.post("/dev/clock", { advance: "P1DT2H" });
  const runs = async () =>
    ((await second.get("/ops/treaties/sap-ledger/reconciliations")).runs ?? []) as {
      readonly results: Readonly<Record<string, number>>;
      readonly totals?: { readonly sums: readonly { readonly ours: string; readonly theirs: string }[] };
    }[];
  await until("the day's sums are compared", async () =>
    (await runs()).some(({ results }) => "sums-equal" in results || "sums-differ" in results),
  );
  await until("all seven days are compared", async () => (await runs()).length >= 7);
  assert.deepEqual(
    (await runs()).filter(({ results }) => "sums-differ" in results),
    [],
  );
  assert.deepEqual((await second.get("/ops/cases")).cases, []);
});
