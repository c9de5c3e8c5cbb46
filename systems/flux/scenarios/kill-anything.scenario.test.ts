import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { checkJournal, countJournal, type ServerProcess, seededRandom } from "@entente/testkit";
import { type FluxUnderTest, startFluxUnderTest } from "./flux-under-test.fixture.ts";
import { ledgerOf, readJournal, startLoad } from "./load.fixture.ts";

/**
 * The promise of the main job: every 202 has exactly one effect, per account in the order of acceptance, and nothing
 * answered by an error was half done, whatever is killed while clients keep going.
 * `ENTENTE_CHAOS_KILLS` sets how many kills (default 24, four of each kind; the long run uses 300), twelve for each system under
 * test: a slow machine needs seven seconds for one, and what was promised is checked after every twelve.
 */
const kills = Number(process.env.ENTENTE_CHAOS_KILLS ?? 24);
const killsEach = 12;
const firstSeed = Number(process.env.ENTENTE_CHAOS_SEED ?? Date.now() % 1_000_000);
const opened: FluxUnderTest[] = [];
type Random = ReturnType<typeof seededRandom>;

after(async () => {
  for (const flux of opened) await flux.stop();
});

const edgePoints = ["intake:before-commit", "intake:after-commit"];
const workerPoints = ["consumer:read", "consumer:before-commit", "consumer:after-commit"];

for (let from = 0; from < kills; from += killsEach) {
  const count = Math.min(killsEach, kills - from);
  const seed = firstSeed + from;
  test(`edge, worker, both and PostgreSQL are killed ${count} times under load and every promise is kept (seed ${seed})`, () =>
    killUnderLoad(from, count, seededRandom(seed)));
}

/** Kinds of kill take turns over all systems under test: `from` is how many came before. */
async function killUnderLoad(from: number, count: number, random: Random): Promise<void> {
  const flux = await startFluxUnderTest();
  opened.push(flux);
  let edge = await flux.startEdge();
  let worker = await flux.startWorker();
  const accounts = Array.from({ length: 50 }, (_, i) => `acct-${String(i + 1).padStart(4, "0")}`);
  const token = await flux.token({ role: "customer", accounts });
  // Clients think for a moment: without it they take the processor from the programs that start again, and every kill waits for that.
  const afterwards = () => delay(100);
  const load = startLoad({ url: flux.url, token, accounts: 50, clients: 24, random, twins: 0.1, afterwards });
  const done = { edge: 0, worker: 0, both: 0, postgres: 0, edgePoint: 0, workerPoint: 0 };

  for (let kill = from; kill < from + count; kill++) {
    await acceptedMore(load, 20 + random.below(200));
    const what = (Object.keys(done) as (keyof typeof done)[])[kill % 6] as keyof typeof done;
    done[what]++;
    switch (what) {
      case "edge":
        await edge.kill();
        edge = await flux.startEdge();
        break;
      case "worker":
        await worker.kill();
        worker = await flux.startWorker();
        break;
      case "both":
        await Promise.all([edge.kill(), worker.kill()]);
        [edge, worker] = await Promise.all([flux.startEdge(), flux.startWorker()]);
        break;
      case "postgres":
        // The postmaster goes without a word; the supervisor brings it back on the same port after crash recovery.
        process.kill(flux.postgres.pid, "SIGKILL");
        break;
      case "edgePoint":
        edge = await dieAndRestart(
          edge,
          edgePoints,
          (order) => flux.startEdge({ ENTENTE_DIE_AT: order }),
          () => flux.startEdge(),
          random,
        );
        break;
      case "workerPoint":
        worker = await dieAndRestart(
          worker,
          workerPoints,
          (order) => flux.startWorker({ ENTENTE_DIE_AT: order }),
          () => flux.startWorker(),
          random,
        );
        break;
    }
  }
  await load.finish();

  const auditor = await flux.token({ role: "auditor" });
  await drained(flux);
  const facts = ledgerOf(
    await readJournal(flux.url, auditor, "gateway"),
    await readJournal(flux.url, auditor, "subscription"),
  );
  const violations = checkJournal(load.records, facts);
  const counts = countJournal(load.records, facts);
  console.log(`kills ${JSON.stringify(done)}; requests ${load.records.length}; ${JSON.stringify(counts)}`);
  assert.deepEqual(violations.slice(0, 10), []);
  // A run without these cases would prove nothing.
  assert.ok(counts.accepted > count * 20 && counts.repeated > 0 && counts.orderedInRealTime > 0);
  assert.equal(counts.unknown + counts.refused, 0, "every client asked until it was told 202");
  assert.ok(
    load.records.some((record) => record.outcome === "unknown"),
    "some answers were lost",
  );
  await flux.stop();
}

/** Replaces the process by one that dies at a named point, waits for that, and starts a sound one. */
async function dieAndRestart(
  running: ServerProcess,
  points: readonly string[],
  startDying: (order: string) => Promise<ServerProcess>,
  start: () => Promise<ServerProcess>,
  random: Random,
): Promise<ServerProcess> {
  await running.terminate();
  const order = `${points[random.below(points.length)]}:${1 + random.below(40)}`;
  const dying = await startDying(order).catch(() => null);
  if (dying !== null) await dying.exited;
  return start();
}

async function acceptedMore(load: { accepted(): number }, count: number): Promise<void> {
  const target = load.accepted() + count;
  const limit = performance.now() + 60_000;
  while (load.accepted() < target) {
    if (performance.now() > limit) throw new Error("clients got no further within a minute");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The system says itself when nothing is left to do. */
async function drained(flux: FluxUnderTest): Promise<void> {
  const limit = performance.now() + 60_000;
  for (;;) {
    const status = (await (await fetch(`${flux.url}/status`)).json()) as { backlog: number };
    if (status.backlog === 0) return;
    if (performance.now() > limit) throw new Error(`backlog stays at ${status.backlog}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
