/** Stage A: a top-up enters through Salesforce, is handed to SAP over the mesh, and its result returns to Salesforce and app (FLX-42, FLX-43). */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, type ServerProcess } from "@entente/testkit";
import { assertEnvelopes, journalsAt } from "./envelopes.fixture.ts";
import { behindTheEdge, type JournalRow, type StageAUnderTest, startStageA } from "./stage-a.fixture.ts";

const requestObject = "Top_Up_Request__c";
const contexts = ["gateway", "subscription", "request", "ledger"] as const;

describe("a top-up in stage A", () => {
  let a: StageAUnderTest;
  let worker: ServerProcess;

  before(async () => {
    a = await startStageA();
    worker = await a.startWorker();
  });
  after(() => a.stop());

  let asked = 0;
  async function topUp(account: string, units = 1, condenser?: string): Promise<string> {
    const { status, body } = await a.customer.topUp(account, `key-${asked++}`, units, condenser);
    assert.equal(status, 202, JSON.stringify(body));
    return String(body.processId);
  }
  const stateOf = async (processId: string) => (await a.customer.get(`/processes/${processId}`)).body.state;
  const stepsOf = (body: Readonly<Record<string, unknown>>) =>
    (body.steps as { name: string; state: string }[]).map(({ name, state }) => `${name} ${state}`);
  const ofType = (rows: readonly JournalRow[], type: string) => rows.filter((row) => row.type === type);
  const debits = async (processId?: string) =>
    ofType(await a.journal("subscription", processId), "flux.balance-debited").length;
  /** Postings to the books, whatever anybody was told of them. */
  const postings = async () => (await a.sap.effects({ operation: "post-journal-entries" })).length;
  /** Effects at Salesforce on the record of a request: it was made, it was closed. */
  const effectsOf = async (processId: string) =>
    (await a.salesforce.control.effects({ key: processId })).map(({ operation }) => operation);

  const treaty = async (name: string, what: "stop" | "resume") => {
    const { status, body } = await a.operator.post(`/ops/treaties/${name}/${what}`, { why: "scenario" });
    assert.equal(status, 200, JSON.stringify(body));
  };

  /** Exactly one record, one debit, one posting and one closing of each. */
  async function assertOnceEach(processIds: readonly string[], postedBefore: number): Promise<void> {
    for (const processId of processIds) {
      assert.deepEqual(await effectsOf(processId), ["create-row", "update-row"], processId);
      assert.equal((await a.salesforce.look(processId, requestObject)).Status__c, "Posted");
      assert.equal(await debits(processId), 1, processId);
    }
    assert.equal((await postings()) - postedBefore, processIds.length);
  }

  test("the messages are those of App. F3 in their order, all in one process, and each follows from the one before", async () => {
    const processId = await topUp("acct-0001", 30);
    const confirmed = await a.customer.until(processId, "confirmed", "failed");
    assert.deepEqual(stepsOf(confirmed), [
      "request-recorded done",
      "balance-debited done",
      "posted done",
      "request-closed done",
    ]);
    assert.equal((confirmed.outcome as { fundedFromQuota: number }).fundedFromQuota, 30);
    const rows = new Map<string, readonly JournalRow[]>();
    for (const context of contexts) rows.set(context, await a.journal(context, processId));
    const one = (context: string, type: string, purpose?: string): JournalRow => {
      const found = ofType(rows.get(context) ?? [], type).filter(
        ({ data }) => purpose === undefined || data.purpose === purpose,
      );
      assert.equal(found.length, 1, `${context} ${type} ${purpose ?? ""}`);
      return found[0] as JournalRow;
    };
    // App, BFF.
    const accepted = one("gateway", "flux.top-up");
    // CRM checks entitlement and records the request.
    const submitted = one("request", "flux.top-up-submitted");
    const recording = one("request", "entente.hand-off-opened", "request");
    one("request", "entente.hand-off-completed", "request");
    // Mesh carries TopUpRequested.
    const heard = one("request", "flux.note-request");
    const requested = one("request", "flux.top-up-requested");
    const carried = one("request", "flux.carry-out-top-up");
    // SAP adapter debits quota and posts.
    const debited = one("subscription", "flux.balance-debited");
    const posting = one("ledger", "entente.hand-off-opened", "journal-entry");
    const answered = one("ledger", "entente.hand-off-completed", "journal-entry");
    // TopUpPosted returns.
    const noted = one("ledger", "flux.note-posting");
    const posted = one("ledger", "flux.top-up-posted");
    const reported = one("ledger", "flux.report-posting");
    // CRM updates.
    const settled = one("request", "flux.request-settled");
    const closing = one("request", "entente.hand-off-opened", "outcome");
    const updated = one("request", "entente.hand-off-completed", "outcome");
    // App told: the fact that confirms it.
    const told = one("request", "flux.note-settlement");
    const closed = one("request", "flux.request-closed");
    const follows = (later: JournalRow, earlier: JournalRow) =>
      assert.equal(later.causationId, earlier.id, `${later.type} follows from ${earlier.type}`);
    follows(submitted, accepted);
    follows(recording, submitted);
    assert.deepEqual(heard.data.heard, {
      treaty: "salesforce-top-up-requests",
      place: (heard.data.heard as { place: string }).place,
    });
    follows(requested, heard);
    follows(carried, heard);
    follows(debited, carried);
    follows(posting, debited);
    follows(noted, answered);
    follows(posted, noted);
    follows(reported, noted);
    follows(settled, reported);
    follows(closing, settled);
    follows(told, updated);
    follows(closed, told);
    const inOrder = [accepted, submitted, heard, requested, debited, posted, settled, updated, closed];
    const times = inOrder.map(({ at }) => at);
    assert.deepEqual(
      times,
      [...times].sort((one, other) => one - other),
    );
    assert.deepEqual(await effectsOf(processId), ["create-row", "update-row"]);
    assert.equal((await a.salesforce.look(processId, requestObject)).Status__c, "Posted");
    // Nothing of theirs in what the app is told.
    assert.doesNotMatch(JSON.stringify(confirmed), /__c|Posted|Salesforce|SAP/);
    // The authority has it as done, and no treaty could tell it otherwise: an operator undoes it there, not here.
    const undo = await a.operator.post(
      `/ops/top-ups/${processId}/undo`,
      { why: "drill" },
      { "idempotency-key": "undo" },
    );
    assert.deepEqual([undo.status, undo.body.code], [409, "top-up-kept-elsewhere"]);
  });

  test("an account without an active entitlement is refused by Salesforce: nothing is recorded, debited or posted", async () => {
    await a.salesforce.change("ent-acct-0002", { Status__c: "Suspended", Version_Number__c: 2 });
    const before = await postings();
    const processId = await topUp("acct-0002");
    const failed = await a.customer.until(processId, "failed", "confirmed");
    assert.equal((failed.reason as { code: string }).code, "request-refused");
    assert.deepEqual(await effectsOf(processId), []);
    assert.deepEqual([await debits(processId), (await postings()) - before], [0, 0]);
  });

  test("what the quota book refuses has failed at once, and Salesforce's record says so", async () => {
    const processId = await topUp("acct-0003", 1, "car-0999");
    const failed = await a.customer.until(processId, "failed", "confirmed");
    assert.equal((failed.reason as { code: string }).code, "condenser-unknown");
    await eventually(async () => {
      const { Status__c: status, Reason_Code__c: code } = await a.salesforce.look(processId, requestObject);
      assert.deepEqual([status, code], ["Refused", "condenser-unknown"]);
    });
    await eventually(async () =>
      assert.equal(ofType(await a.journal("request", processId), "flux.request-closed").length, 1),
    );
    assert.equal(await stateOf(processId), "failed");
  });

  test("a request that the CRM team cancels before it is heard of is not carried out", async () => {
    await treaty("salesforce-top-up-requests", "stop");
    const processId = await topUp("acct-0010");
    await eventually(async () => assert.deepEqual(await effectsOf(processId), ["create-row"]));
    await a.salesforce.change(processId, { Status__c: "Cancelled" }, requestObject);
    await treaty("salesforce-top-up-requests", "resume");
    const failed = await a.customer.until(processId, "failed", "confirmed");
    assert.equal((failed.reason as { code: string }).code, "request-cancelled");
    assert.equal(await debits(processId), 0);
  });

  test("an entry that SAP refuses keeps its top-up unconfirmed; sent anew it is confirmed, given up its debit is taken back", async () => {
    const before = await postings();
    const when = { operation: "post-journal-entries" };
    // Until both have their case: an answer that is late on a busy machine makes one of them ask twice.
    await a.sap.rule({ behaviour: "rejection", reason: "period-closed", when });
    const anew = await topUp("acct-0011", 5);
    const dropped = await topUp("acct-0012", 6);
    const caseOf = async (processId: string): Promise<string> => {
      const [opening] = ofType(await a.journal("ledger", processId), "entente.hand-off-opened");
      const open = (await a.operator.get("/ops/cases")).body.cases as { caseId: string; handOffId: string }[];
      const found = open.find(({ handOffId }) => handOffId === opening?.id);
      if (found === undefined)
        assert.fail(`no case of ${JSON.stringify(await a.journal("ledger", processId))}`);
      return found.caseId;
    };
    for (const processId of [anew, dropped]) await eventually(async () => void (await caseOf(processId)));
    await a.sap.removeRules();
    for (const [processId, act] of [
      [anew, "try-anew"],
      [dropped, "give-up"],
    ] as const) {
      const caseId = await caseOf(processId);
      assert.equal(await stateOf(processId), "processing");
      for (const one of ["escalate", act])
        await eventually(async () => {
          const path = `/ops/cases/${caseId}/decide`;
          const body = { context: "ledger", act: one, why: "scenario" };
          const { status, body: said } = await a.operator.post(path, body);
          assert.equal(status, 200, JSON.stringify(said));
        });
    }
    await confirmAll([anew]);
    const failed = await a.customer.until(dropped, "failed", "confirmed");
    assert.equal((failed.reason as { code: string }).code, "compensated");
    assert.deepEqual(stepsOf(failed), ["request-recorded done", "balance-debited undone"]);
    await eventually(async () => {
      const { Status__c: status, Reason_Code__c: code } = await a.salesforce.look(dropped, requestObject);
      assert.deepEqual([status, code], ["Refused", "posting-given-up"]);
      const { usedUnits, pendingUnits } = (await a.customer.get("/accounts/acct-0012/balance")).body;
      assert.deepEqual([usedUnits, pendingUnits], [0, 0]);
    });
    await assertOnceEach([anew], before);
  });

  test("with Salesforce away top-ups are queued, nothing is carried out, and none is lost when it is back", async () => {
    const before = await postings();
    a.salesforce.cut();
    const processIds = await Promise.all([4, 5, 6, 4, 5].map((n) => topUp(`acct-000${n}`, 2)));
    for (const processId of processIds) {
      await eventually(async () =>
        assert.equal(ofType(await a.journal("request", processId), "entente.hand-off-opened").length, 1),
      );
    }
    await a.advance("PT30M");
    await eventually(async () =>
      assert.ok(ofType(await a.journal("request"), "entente.hand-off-retry-wait").length > 0),
    );
    for (const processId of processIds) {
      const { body } = await a.customer.get(`/processes/${processId}`);
      assert.deepEqual([body.state, body.delayed, body.steps], ["queued", true, []]);
      assert.equal(await debits(processId), 0);
    }
    assert.equal(await postings(), before);
    const balance = await a.customer.get("/accounts/acct-0004/balance");
    assert.deepEqual([balance.body.usedUnits, balance.body.pendingUnits], [0, 4]);

    await a.salesforce.mend();
    await confirmAll(processIds);
    await assertOnceEach(processIds, before);
  });

  test("with SAP away a top-up is recorded and debited and not confirmed; it is when the books have it", async () => {
    const before = await postings();
    await a.sap.outage("refuse");
    const processId = await topUp("acct-0007", 3);
    await eventually(async () => {
      const { body } = await a.customer.get(`/processes/${processId}`);
      assert.deepEqual(stepsOf(body), ["request-recorded done", "balance-debited done"]);
      assert.equal(body.state, "processing");
    });
    await a.advance("PT30M");
    assert.equal(await stateOf(processId), "processing");
    assert.equal((await a.salesforce.look(processId, requestObject)).Status__c, "Requested");
    await a.sap.outage("none");
    await confirmAll([processId]);
    await assertOnceEach([processId], before);
  });

  test("an answer of Salesforce or SAP that is lost is asked about, and there is one effect of each", async () => {
    const before = await postings();
    const lost = { behaviour: "drop", effect: true, times: 1 } as const;
    await a.salesforce.control.rule({ ...lost, when: { operation: "upsert-row" } });
    await a.sap.rule({ ...lost, when: { operation: "post-journal-entries" } });
    const processId = await topUp("acct-0008", 4);
    await confirmAll([processId]);
    const doubts = [...(await a.journal("request", processId)), ...(await a.journal("ledger", processId))];
    assert.equal(ofType(doubts, "entente.hand-off-unknown").length, 2);
    await assertOnceEach([processId], before);
  });

  test("after all of that no story has a gap: what Salesforce told in its feed and SAP answered late counts as what it is", async () => {
    const { status, body } = await a.operator.get("/ops/fitness");
    assert.equal(status, 200);
    const figures = body.functions as readonly { name: string; value: number | null; state: string }[];
    const found = figures.find(({ name }) => name === "complete-traces");
    assert.deepEqual([found?.value, found?.state], [1, "within-target"]);
  });

  test("after all of that every entry says process, source, customer and time as it is declared to", async () => {
    const contexts = ["gateway", ...behindTheEdge.split(",")];
    const found = await assertEnvelopes(journalsAt(a.flux.postgres.url), contexts);
    for (const type of ["flux.top-up-requested", "flux.balance-debited", "flux.note-entitlement"])
      assert.ok(found.types.has(type), type);
    assert.ok(found.ofCustomers > 0 && found.observations > 0);
  });

  test("killed at any of its points the worker leaves nothing undone and nothing done twice", async () => {
    const points = [
      "consumer:before-commit:2",
      "consumer:after-commit:3",
      "courier:before-send:1",
      "courier:answered:1",
      "courier:before-settle:1",
      "courier:answered:2",
      "feed:heard:1",
      "feed:told:1",
    ];
    const before = await postings();
    const processIds: string[] = [];
    await worker.terminate();
    for (const [n, point] of points.entries()) {
      const dying = await a.startWorker({ ENTENTE_DIE_AT: point }).catch((error: Error) => {
        // Dead before it was ready: what came before had left it work. Anything else is no kill.
        assert.match(error.message, /was ended by SIGKILL/, point);
        return null;
      });
      const account = `acct-00${20 + n}`;
      processIds.push(await topUp(account, 1), await topUp(account, 2));
      if (dying !== null) assert.equal((await dying.exited).signal, "SIGKILL", point);
    }
    worker = await a.startWorker();
    await confirmAll(processIds);
    await assertOnceEach(processIds, before);
  });

  /**
   * Time goes on until all of them are confirmed: what waits for a time is tried, what is in doubt is asked about. Seldom: every program
   * looks at everything it keeps when time was moved.
   */
  async function confirmAll(processIds: readonly string[]): Promise<void> {
    await eventually(async () => {
      const states = await Promise.all(processIds.map(stateOf));
      if (states.every((state) => state === "confirmed")) return;
      await delay(250);
      await a.advance("PT2M");
      assert.fail(`still ${states.join(", ")}`);
    });
  }
});
