import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { checkJournal, countJournal, seededRandom, startFaultProxy } from "@entente/testkit";
import { type Caller, caller } from "./client.fixture.ts";
import { type FluxUnderTest, startFluxUnderTest } from "./flux-under-test.fixture.ts";
import { type Load, ledgerOf, readJournal, startLoad } from "./load.fixture.ts";

const seed = Number(process.env.ENTENTE_CHAOS_SEED ?? Date.now() % 1_000_000);
const accounts = Array.from({ length: 50 }, (_, i) => `acct-${String(i + 1).padStart(4, "0")}`);
const debug = { ENTENTE_LOG_LEVEL: "debug" };

/** A worker's log line that says it owns so many lanes of the deciding consumer. */
function owning(lanes: number): RegExp {
  const list = Array.from({ length: lanes }, () => "\\d").join(",");
  return new RegExp(`"consumer":"account","lanes":\\[${list}\\]`);
}

describe(`several workers (seed ${seed})`, () => {
  let flux: FluxUnderTest;
  let auditor: Caller;
  let customerToken: string;

  before(async () => {
    flux = await startFluxUnderTest();
    await flux.startEdge();
    auditor = await caller(flux, { role: "auditor" });
    customerToken = await flux.token({ role: "customer", accounts });
  });
  after(() => flux.stop());

  const load = (clients = 16): Load =>
    startLoad({
      url: flux.url,
      token: customerToken,
      accounts: 50,
      clients,
      random: seededRandom(seed),
      twins: 0,
      // Clients think for a moment: without it they take the processor from the workers that start.
      afterwards: () => delay(10),
    });

  /** Every promise about what the load asked for, checked against the journals as an auditor reads them. */
  async function keptPromises(done: Load): Promise<void> {
    const limit = performance.now() + 30_000;
    while (((await auditor.get("/status")).body.backlog as number) > 0) {
      if (performance.now() > limit) throw new Error("the backlog does not drain");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const facts = ledgerOf(
      await readJournal(flux.url, auditor.token, "gateway"),
      await readJournal(flux.url, auditor.token, "subscription"),
    );
    const keys = new Set(done.records.map((record) => record.processId));
    const own = facts.filter((fact) => keys.has(fact.processId));
    assert.deepEqual(checkJournal(done.records, own).slice(0, 5), []);
    assert.ok(countJournal(done.records, own).orderedInRealTime > 100);
  }

  test("share the lanes; when one dies the other takes its lanes over within the lease time, and order holds", async () => {
    const first = await flux.startWorker(debug);
    await first.waitForLine(owning(8), 10_000);
    const mark = first.lineCount;
    const second = await flux.startWorker(debug);
    await second.waitForLine(owning(4), 10_000);
    await first.waitForLine(owning(4), 10_000, mark);
    const running = load();
    await moreAccepted(running, 500);
    const before = second.lineCount;
    await first.kill();
    const killedAt = performance.now();
    await second.waitForLine(owning(8), 10_000, before);
    // Lease 1 s, looked after every third of it.
    assert.ok(
      performance.now() - killedAt < 2_500,
      `took over after ${Math.round(performance.now() - killedAt)} ms`,
    );
    await moreAccepted(running, 500);
    await running.finish();
    await keptPromises(running);
    await second.terminate();
  });

  test("a worker asleep past its lease changes nothing when it wakes", async () => {
    const sleeper = await flux.startWorker(debug);
    await sleeper.waitForLine(owning(8), 10_000);
    const running = load();
    await moreAccepted(running, 300);
    for (let round = 0; round < 3; round++) {
      await sleeper.pause();
      const other = await flux.startWorker(debug);
      await other.waitForLine(owning(8), 10_000);
      await moreAccepted(running, 300);
      sleeper.resume();
      await moreAccepted(running, 300);
      await other.terminate();
    }
    await running.finish();
    await keptPromises(running);
    await sleeper.terminate();
  });

  test("commits whose answers are lost, and black holes, on the way to PostgreSQL double and lose nothing", async (t) => {
    const proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: flux.postgres.port }, seed });
    // However it ends: an open proxy keeps this program alive.
    t.after(() => proxy.close());
    const through = { ENTENTE_DATABASE_URL: proxy.urlFor(flux.postgres.url) };
    const worker = await flux.startWorker(through);
    const running = load();
    await moreAccepted(running, 200);
    for (let round = 0; round < 5; round++) {
      const lost = proxy.resetAfterCommit();
      await lost.fired;
      await moreAccepted(running, 100);
      const early = proxy.resetBeforeCommit();
      await early.fired;
      proxy.resetAll();
      await moreAccepted(running, 100);
    }
    proxy.blackHole();
    await moreAccepted(running, 200);
    proxy.clear();
    proxy.resetAll();
    await running.finish();
    await keptPromises(running);
    assert.ok(proxy.fired.after >= 5 && proxy.fired.before >= 5 && proxy.fired.blackHole > 0);
    await worker.terminate();
  });

  test("a poison command is parked with its cause, its process fails openly, later ones go on, and a redrive mends it", async () => {
    const customer = await caller(flux, { role: "customer", accounts });
    const operator = await caller(flux, { role: "operator", sub: "olga" });
    const sick = await flux.startWorker({ ENTENTE_POISON: "car-0007", ENTENTE_RETRY_FIRST_MS: "20" });
    const poison = await customer.topUp("acct-0007", "poison");
    const processId = String(poison.body.processId);
    const later = await customer.topUp("acct-0007", "after-poison", 1, "car-0008");
    const failed = await customer.until(processId, "failed");
    assert.match(JSON.stringify(failed.reason), new RegExp(processId), "the customer has something to quote");
    await customer.until(String(later.body.processId), "failed", "confirmed");
    const [entry] = ((await operator.get("/ops/parked?context=subscription")).body.parked ?? []) as Record<
      string,
      unknown
    >[];
    assert.equal(entry?.processId, processId);
    assert.equal(entry?.causeCode, "decider-threw");
    const alert = await sick.waitForLine(/"command parked"/, 5_000);
    assert.match(String(alert.input), new RegExp(processId));

    await sick.terminate();
    const sound = await flux.startWorker();
    const redrive = await operator.post(`/ops/parked/${entry?.entryId}/redrive`, {
      context: "subscription",
      why: "bug fixed",
    });
    assert.ok(redrive.status < 300, JSON.stringify(redrive.body));
    await customer.until(processId, "confirmed");
    const acts = (await readJournal(flux.url, auditor.token, "subscription")).filter(
      (event) => event.kind === "control",
    );
    assert.ok(acts.some((act) => act.type === "entente.parked-redriven" && act.processid === processId));
    await sound.terminate();
  });
});

async function moreAccepted(running: Load, count: number): Promise<void> {
  const target = running.accepted() + count;
  const limit = performance.now() + 60_000;
  while (running.accepted() < target) {
    if (performance.now() > limit) throw new Error("clients got no further within a minute");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
