/**
 * From stage A to stage B under load, without stopping (FLX-52): programs are replaced one after the other, and some of them killed, while
 * customers top up and Salesforce is away for a while. Measured against what really happened at Salesforce and SAP.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { handOffKey } from "@entente/core/internal";
import { checkJournal, countJournal, type ServerProcess, seededRandom } from "@entente/testkit";
import { referenceOf } from "../treaties/sap-ledger/references.ts";
import type { Environment } from "./flux-under-test.fixture.ts";
import { type Load, ledgerOf, readJournal, startLoad } from "./load.fixture.ts";
import { type StageAUnderTest, startStageA } from "./stage-a.fixture.ts";

const seed = Number(process.env.ENTENTE_CHAOS_SEED ?? Date.now() % 1_000_000);
const crossing: Environment = { ENTENTE_FLUX_STAGE: "A-to-B" };
const stageB: Environment = { ENTENTE_FLUX_STAGE: "B" };
const behindStageB = "subscription,ledger,entitlement";
/** Of the load; the accounts after them are the test's own. */
const accounts = 60;

interface OpenShown {
  readonly topUps: number;
  readonly requests: number;
  readonly handOffs: number;
  readonly setAside: number;
  readonly oldest: { readonly processId: string } | null;
}

describe(`from stage A to stage B under load (seed ${seed})`, () => {
  let a: StageAUnderTest;
  let worker: ServerProcess;
  let load: Load;

  before(async () => {
    a = await startStageA();
    worker = await a.startWorker();
  });
  after(() => a.stop());

  const stateOf = async (processId: string) => {
    const { body } = await a.customer.get(`/processes/${processId}`);
    return String(body.state);
  };
  const stage = async () => {
    const { status, body } = await a.operator.get("/ops/stage");
    assert.equal(status, 200, JSON.stringify(body));
    return body as { readonly stage: string; readonly openInStageA: OpenShown | null };
  };
  const more = (count: number) => {
    const target = load.accepted() + count;
    return until(`${count} more top-ups`, async () => load.accepted() >= target);
  };
  /** A client waits for its top-up, but not for ever: while Salesforce is away others go on topping up. */
  async function aMoment(processId: string): Promise<void> {
    for (let looks = 0; looks < 5; looks++) {
      await pause(200);
      const state = await stateOf(processId).catch(() => "unreachable");
      if (state === "confirmed" || state === "failed") return;
    }
  }

  test("every accepted top-up has one effect, in the order of acceptance, and every process ends once", async () => {
    const random = seededRandom(seed);
    const { url } = a.flux;
    load = startLoad({
      url,
      token: a.customer.token,
      accounts,
      clients: 4,
      random,
      twins: 0.1,
      afterwards: aMoment,
    });
    await more(20);

    // Stage A, with requests that Salesforce has not heard of.
    a.salesforce.cut();
    const [first, other] = [await load.ask(accounts + 1), await load.ask(accounts + 2)];
    await more(5);

    // Nothing of it would end in stage B, which says so and does not start.
    await assert.rejects(a.flux.startWorker(stageB, behindStageB), (error: Error) => {
      assert.match(error.message, /stage-a-open|Stage B does not start while something of stage A is open/);
      return true;
    });

    // A worker that crosses beside one of stage A, behind an edge of stage A.
    let crossed = await a.startWorker(crossing);
    await more(5);
    // And behind an edge that crosses, for which the worker of stage A still works.
    await a.edge.kill();
    let edge = await a.flux.startEdge(crossing);
    const [behind, ahead] = [await load.ask(accounts + 1), await load.ask(accounts + 3)];
    await a.customer.until(ahead, "confirmed");
    assert.equal(
      await stateOf(behind),
      "queued",
      "it keeps its place behind the one that waits for Salesforce",
    );
    const { stage: running, openInStageA: open } = await stage();
    assert.equal(running, "A-to-B");
    assert.ok(open !== null && open.topUps >= 3 && open.requests >= 2 && open.oldest !== null);
    await more(5);
    await worker.kill();
    await crossed.kill();
    crossed = await a.startWorker({ ...crossing, ENTENTE_DIE_AT: "feed:told:1" });

    // Salesforce is back: what was begun in A ends in A, under load.
    await a.salesforce.mend();
    await a.advance("PT30S");
    assert.equal((await crossed.exited).signal, "SIGKILL");
    crossed = await a.startWorker(crossing);
    await until("nothing of stage A is open", async () => {
      const { openInStageA } = await stage();
      if (openInStageA?.oldest === null) return true;
      await timeGoesOn();
      return false;
    });
    for (const processId of [first, other, behind]) assert.equal(await stateOf(processId), "confirmed");
    await more(10);

    // Stage B: a worker first, beside the one that crosses, behind an edge that crosses.
    await a.flux.startWorker(stageB, behindStageB);
    await more(10);
    await edge.kill();
    edge = await a.flux.startEdge(stageB);
    assert.deepEqual(await stage(), { stage: "B", openInStageA: null });
    await more(10);
    await crossed.terminate();
    await more(10);
    await load.finish();

    const accepted = [...new Set(load.records.flatMap(({ processId }) => processId ?? []))];
    let asked = 0;
    await until("every process is confirmed", async () => {
      for (; asked < accepted.length; asked++) {
        if ((await stateOf(accepted[asked] as string)) !== "confirmed") {
          await timeGoesOn();
          return false;
        }
      }
      return true;
    });
    await until("the books have everything", async () => {
      await timeGoesOn();
      return (await posted()).length >= accepted.length;
    });

    // The ledger of facts: one effect each, in the order of acceptance and of real time.
    const auditor = await a.flux.token({ role: "auditor" });
    const journal = (context: string) => readJournal(url, auditor, context);
    const facts = ledgerOf(await journal("gateway"), await journal("subscription"));
    const counts = countJournal(load.records, facts);
    assert.deepEqual(checkJournal(load.records, facts).slice(0, 10), []);
    assert.equal(counts.confirmedEffects, accepted.length);
    assert.ok(counts.repeated > 0 && counts.orderedInRealTime > 0, "a run without these would prove nothing");

    // Which way each went, as its debit tells; both were taken, also by the same account.
    const debits = (await a.journal("subscription")).filter(({ type }) => type === "flux.balance-debited");
    const direct = debits.filter(({ processId, causationId }) => causationId === processId);
    const requested = debits.filter((one) => !direct.includes(one)).map(({ processId }) => processId);
    const directly = new Set(direct.map(({ processId }) => processId));
    assert.ok(requested.length >= 30 && directly.size >= 30, `${requested.length} and ${directly.size}`);
    assert.ok([first, other, behind].every((one) => requested.includes(one)) && directly.has(ahead));

    // Salesforce, whatever anybody was told: a record each of what was requested, made and closed once, and of nothing else.
    const theirs = await a.salesforce.control.effects();
    for (const processId of accepted) {
      const own = theirs.filter(({ key, keys = [] }) => [key, ...keys].includes(processId));
      const effects = own.map(({ operation }) => operation);
      assert.deepEqual(effects, directly.has(processId) ? [] : ["create-row", "update-row"], processId);
    }
    const records = await a.salesforce.find(
      "SELECT Entente_Key__c, Status__c FROM Top_Up_Request__c WHERE Status__c = 'Posted'",
    );
    assert.deepEqual(records.map((record) => String(record.Entente_Key__c)).sort(), requested.toSorted());

    // SAP: one document each.
    assert.deepEqual((await posted()).sort(), accepted.map(reference).sort());

    // And what was begun in A has ended in A.
    const ended = await a.journal("request");
    for (const type of ["flux.top-up-submitted", "flux.request-closed"]) {
      const processIds = ended.filter((one) => one.type === type).map(({ processId }) => processId);
      assert.deepEqual(processIds.sort(), requested.toSorted(), type);
    }
    console.log(
      `${requested.length} by way of Salesforce, ${directly.size} directly; ${JSON.stringify(counts)}`,
    );
  });

  /** So that what waits for a time is tried. Seldom: every program looks at everything it keeps when time was moved. */
  async function timeGoesOn(): Promise<void> {
    await pause(500);
    await a.advance("PT30S");
  }

  /** References of the documents in the books. */
  async function posted(): Promise<string[]> {
    return (await a.sap.effects({ operation: "post-journal-entries" })).map(({ key }) => String(key));
  }
});

/** What SAP knows the entry of a top-up by. */
function reference(processId: string): string {
  const subject = { aggregateType: "top-up", aggregateId: processId, line: null };
  return referenceOf(
    handOffKey({ tenantId: "demo", ...subject, target: "sap", purpose: "journal-entry" }, 1),
  );
}

/** Looks until it holds, for as long as the slowest machine needs: it is announced nowhere outside. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + 150_000;
  while (!(await holds())) {
    if (performance.now() > limit) assert.fail(`never: ${what}`);
    await pause(100);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
