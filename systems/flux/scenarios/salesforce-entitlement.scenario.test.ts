/** Longer than 400 lines because one Flux and one Salesforce serve all of it: starting them takes longer than most of its tests. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually, type ServerProcess } from "@entente/testkit";
import { type Caller, caller } from "./client.fixture.ts";
import { assertEnvelopes, journalsAt } from "./envelopes.fixture.ts";
import { type FluxUnderTest, startFluxUnderTest } from "./flux-under-test.fixture.ts";
import { inEntitlement, type SalesforceUnderTest, startSalesforceUnderTest } from "./salesforce.fixture.ts";

interface Shown {
  readonly entitlements: readonly {
    planId: string;
    monthlyQuotaUnits: number;
    status: string;
    version: number;
  }[];
  readonly ageMs: number | null;
  readonly stale: boolean;
  readonly standing: string;
}

interface Budget {
  readonly name: string;
  readonly used: number;
  readonly callers: readonly { readonly treaty: string; readonly operation: string }[];
}

interface Case {
  readonly caseId: string;
  readonly kind: string;
  readonly treaty: string;
  readonly owner: string;
  readonly says: string;
}

interface TreatyShown {
  readonly name: string;
  readonly stopped: boolean;
  readonly code: string | null;
  readonly by: string | null;
}

/** Salesforce has the last word on entitlements; Flux knows them whether it is there or not, and says how old that is. */
describe("entitlements of Salesforce", () => {
  let salesforce: SalesforceUnderTest;
  let flux: FluxUnderTest;
  let follower: ServerProcess;
  let customer: Caller;
  let operator: Caller;

  before(async () => {
    salesforce = await startSalesforceUnderTest();
    flux = await startFluxUnderTest({ ...salesforce.environment, ENTENTE_SALESFORCE_EVENTS_PER_DAY: "5" });
    await flux.startEdge();
    follower = await flux.startWorker({}, "subscription,entitlement");
    customer = await caller(flux, { role: "customer", accounts: accountsUsed });
    operator = await caller(flux, { role: "operator", sub: "olga" });
  });
  after(async () => {
    await flux.stop();
    await salesforce.stop();
  });

  let tries = 0;
  const accountsUsed = Array.from({ length: 9 }, (_, n) => `acct-000${n + 1}`);
  const shown = async (account: string, query = ""): Promise<Shown> => {
    const { status, body } = await customer.get(`/accounts/${account}/entitlement${query}`);
    assert.equal(status, 200, JSON.stringify(body));
    return body as unknown as Shown;
  };
  const isVersion = (account: string, version: number): Promise<void> =>
    eventually(async () => assert.equal((await shown(account)).entitlements[0]?.version, version));
  const isFollowed = (): Promise<void> =>
    eventually(async () => assert.equal((await shown("acct-0001")).stale, false));

  /** What the balance says of the authority's word on its quota. */
  const quotaOf = async (account: string) =>
    (await customer.get(`/accounts/${account}/balance`)).body.entitlement as {
      readonly asOf: string;
      readonly stale: boolean;
    };

  /** Treaties that are stopped: name, code, and who stopped them. */
  const stopped = async () => {
    const treaties = (await operator.get("/ops/treaties")).body.treaties as TreatyShown[];
    return treaties.filter((one) => one.stopped).map(({ name, code, by }) => [name, code, by]);
  };

  test("what is there is known, a change over there appears, and nobody sees another's", async () => {
    await isFollowed();
    await isVersion("acct-0001", 1);
    await eventually(async () => {
      const { standing, entitlements } = await shown("acct-0001");
      assert.deepEqual([standing, entitlements[0]?.planId], ["customer", "commuter"]);
    });
    await salesforce.change("ent-acct-0001", {
      Plan_Code__c: "voyager",
      Monthly_Quota_Units__c: 500,
      Version_Number__c: 2,
    });
    await isVersion("acct-0001", 2);
    const [entitlement] = (await shown("acct-0001")).entitlements;
    assert.deepEqual([entitlement?.planId, entitlement?.monthlyQuotaUnits], ["voyager", 500]);
    assert.equal((await customer.get("/accounts/acct-0500/entitlement")).status, 403);
    const elsewhere = await caller(flux, { role: "operator", sub: "otto", tenant: "other" });
    assert.equal((await elsewhere.get("/accounts/acct-0001/entitlement")).status, 404);
    assert.equal((await operator.get("/accounts/acct-0500/entitlement")).status, 200);
  });

  test("what it uses of Salesforce's day is what Salesforce counts, and a person is told at four fifths of it", async () => {
    await isFollowed();
    const nearlyUsed = async () =>
      ((await operator.get("/ops/cases")).body.cases as Case[]).filter(
        ({ kind }) => kind === "budget-nearly-used",
      );
    assert.deepEqual(await nearlyUsed(), []);
    for (let version = 3; version <= 6; version++)
      await salesforce.change("ent-acct-0001", { Version_Number__c: version });
    await isVersion("acct-0001", 6);
    assert.equal((await shown("acct-0001", "?fresh=true")).stale, false);
    const budgets = async () => (await operator.get("/ops/treaties")).body.budgets as Budget[];
    const used = async () =>
      Object.fromEntries((await budgets()).map((budget) => [budget.name, budget.used]));
    await eventually(async () => {
      const { calls, events } = await salesforce.usedByFlux();
      assert.deepEqual(await used(), { "api-calls": calls, "delivered-events": events });
    });
    const { "api-calls": calls = 0, "delivered-events": events = 0 } = await used();
    assert.ok(calls >= 4 && events === 5, `${calls} calls, ${events} events`);
    const [api] = await budgets();
    const operations = api?.callers.map(({ treaty, operation }) => `${treaty} ${operation}`) ?? [];
    assert.deepEqual(operations.sort(), [
      "salesforce-entitlement-changes read-changed",
      "salesforce-entitlement-changes read-everything",
      "salesforce-entitlement-now ask-entitlement",
    ]);
    await eventually(async () => assert.equal((await nearlyUsed()).length, 1));
    const [told] = await nearlyUsed();
    assert.match(
      told?.says ?? "",
      /delivered-events of salesforce .* Most by salesforce-entitlement-changes change-event \d/,
    );
    const { text } = await page(flux, "/metrics");
    assert.match(text, /^entente_treaty_budget_share\{treaty="",label="salesforce delivered-events"\} 1$/m);
    assert.match(
      text,
      /^entente_treaty_budget_calls\{treaty="salesforce-entitlement-now",label="api-calls ask-entitlement"\} 1$/m,
    );
    // All other questions were answered here, and cost nothing there.
    assert.match(text, /^entente_treaty_answered_here\{treaty="salesforce-entitlement-now",.*\} [1-9]\d*$/m);
    const elsewhere = await caller(flux, { role: "operator", sub: "otto", tenant: "other" });
    const others = (await elsewhere.get("/ops/treaties")).body.budgets as Budget[];
    assert.deepEqual(
      others.map((budget) => budget.used),
      [0, 0],
    );
    assert.deepEqual((await elsewhere.get("/ops/cases")).body.cases, []);
  });

  test("a plan changed over there is the account's at once: its balance shows it and top-ups are judged by it", async () => {
    await isFollowed();
    const balance = async () => (await customer.get("/accounts/acct-0009/balance")).body;
    const ends = async (key: string, units: number) => {
      const { processId } = (await customer.topUp("acct-0009", key, units)).body;
      return customer.until(String(processId), "confirmed", "failed");
    };
    const before = await ends("before", 90);
    assert.deepEqual(outcomeOf(before), [90, 0, 10]);
    await salesforce.change("ent-acct-0009", {
      Plan_Code__c: "voyager",
      Monthly_Quota_Units__c: 500,
      Version_Number__c: 2,
    });
    await eventually(async () => {
      const { quotaUnits, usedUnits } = await balance();
      assert.deepEqual([quotaUnits, usedUnits], [500, 90]);
    });
    assert.equal((await quotaOf("acct-0009")).stale, false);
    assert.deepEqual(outcomeOf(await ends("more", 400)), [400, 0, 10]);
    const local = await customer.post(
      "/accounts/acct-0009/plan-orders",
      { planId: "voyager" },
      { "idempotency-key": "held" },
    );
    const held = await customer.until(String(local.body.processId), "failed");
    assert.equal((held.reason as { code: string }).code, "plan-already-held");

    // The authority goes away after its last word: what it said is in force without it.
    await salesforce.change("ent-acct-0009", { Status__c: "Suspended", Version_Number__c: 3 });
    await isVersion("acct-0009", 3);
    salesforce.cut();
    await eventually(async () => {
      const { state, reason } = await ends(`suspended-${tries++}`, 1);
      assert.deepEqual([state, (reason as { code?: string } | null)?.code], ["failed", "not-entitled"]);
    });
    const other = await customer.topUp("acct-0008", "while-away", 60);
    const confirmed = await customer.until(String(other.body.processId), "confirmed");
    assert.deepEqual(outcomeOf(confirmed), [60, 0, 40]);
    await salesforce.mend();
    await salesforce.change("ent-acct-0009", {
      Status__c: "Active",
      Plan_Code__c: "commuter",
      Monthly_Quota_Units__c: 100,
      Version_Number__c: 4,
    });
    await eventually(async () => assert.equal((await balance()).quotaUnits, 100));
    const { state, outcome } = await ends("smaller", 1);
    assert.deepEqual([state, (outcome as { fundedFromQuota: number }).fundedFromQuota], ["confirmed", 0]);
  });

  test("cut off it still answers, marked with its age; what changed before and meanwhile is caught up", async () => {
    await isFollowed();
    await salesforce.change("ent-acct-0002", { Status__c: "Suspended", Version_Number__c: 2 });
    salesforce.cut();
    await salesforce.change("ent-acct-0003", { Plan_Code__c: "fleet", Version_Number__c: 2 });
    await salesforce.remove("ent-acct-0004");
    await eventually(async () => assert.equal((await shown("acct-0003")).stale, true));
    const during = await shown("acct-0003");
    assert.deepEqual([during.entitlements[0]?.planId, during.entitlements[0]?.version], ["commuter", 1]);
    assert.equal((await operator.post("/dev/clock", { advance: "PT2H" })).status, 200);
    // So is a balance whose quota is its word: what was news two hours ago is none.
    await eventually(async () => assert.equal((await quotaOf("acct-0009")).stale, true));
    const later = await shown("acct-0003", "?fresh=true");
    assert.ok(later.stale && (later.ageMs ?? 0) >= 2 * 3_600_000, JSON.stringify(later));
    await salesforce.mend();
    await isVersion("acct-0003", 2);
    await isVersion("acct-0002", 2);
    assert.equal((await shown("acct-0002")).entitlements[0]?.status, "suspended");
    await eventually(async () => assert.deepEqual((await shown("acct-0004")).entitlements, []));
    await isFollowed();
    await eventually(async () => assert.equal((await quotaOf("acct-0009")).stale, false));
    const fresh = await shown("acct-0003", "?fresh=true");
    assert.deepEqual([fresh.stale, fresh.entitlements[0]?.planId], [false, "fleet"]);
  });

  test("stopped by an operator, the question asked at once is answered from the projection until it may go on", async () => {
    await isFollowed();
    const now = "salesforce-entitlement-now";
    const turn = (act: "stop" | "resume") => operator.post(`/ops/treaties/${now}/${act}`, { why: "drill" });
    const asked = async () => (await salesforce.control.calls({ operation: "query" })).length;
    assert.equal((await shown("acct-0001", "?fresh=true")).stale, false);
    assert.equal((await turn("stop")).status, 200);
    assert.deepEqual(await stopped(), [[now, null, "olga"]]);
    const before = await asked();
    const answer = await shown("acct-0001", "?fresh=true");
    assert.ok(
      answer.stale && answer.ageMs !== null && answer.entitlements.length === 1,
      JSON.stringify(answer),
    );
    assert.equal((await shown("acct-0001")).stale, false, "the feed is followed all the same");
    assert.equal(await asked(), before);
    assert.equal((await turn("resume")).status, 200);
    assert.deepEqual(await stopped(), []);
    assert.equal((await shown("acct-0001", "?fresh=true")).stale, false);
    assert.equal(await asked(), before + 1);
  });

  test("refused credentials stop what asks and what follows, with a case each, until a person lets them go on", async () => {
    await isFollowed();
    const refusals = async () =>
      ((await operator.get("/ops/cases")).body.cases as Case[]).filter(
        ({ kind }) => kind === "credentials-refused",
      );
    await salesforce.control.rule({ behaviour: "unauthorized" });
    // A poll that waits is not refused: the next connection is.
    salesforce.cut();
    await salesforce.mend();
    const both = ["salesforce-entitlement-changes", "salesforce-entitlement-now"];
    assert.equal((await shown("acct-0001", "?fresh=true")).stale, true);
    await eventually(async () =>
      assert.deepEqual(
        await stopped(),
        both.map((name) => [name, "invalid_client", "entente"]),
      ),
    );
    const cases = await refusals();
    assert.deepEqual(cases.map(({ treaty }) => treaty).sort(), both);
    for (const { treaty, owner, says } of cases) {
      assert.equal(owner, "Head of customer operations");
      assert.match(says, new RegExp(`stopped.*runbook of ${treaty}\\.`));
    }
    const tries = async () => (await salesforce.control.calls({ operation: "issue-token" })).length;
    const before = await tries();
    const answer = await shown("acct-0001", "?fresh=true");
    assert.ok(answer.stale && answer.entitlements.length === 1, JSON.stringify(answer));
    assert.equal(await tries(), before, "nobody tries again");

    await salesforce.control.removeRules();
    for (const { caseId } of cases) {
      const decision = { context: "entitlement", act: "resume-treaty", why: "the secret is renewed" };
      assert.equal((await operator.post(`/ops/cases/${caseId}/decide`, decision)).status, 200);
    }
    assert.deepEqual([await refusals(), await stopped()], [[], []]);
    await isFollowed();
    assert.equal((await shown("acct-0001", "?fresh=true")).stale, false);
  });

  test("a process that is killed in the middle of the feed loses nothing and doubles nothing", async () => {
    await isFollowed();
    const change = (version: number) =>
      salesforce.change("ent-acct-0005", {
        Monthly_Quota_Units__c: 100 + version,
        Version_Number__c: version,
      });
    for (let version = 2; version <= 6; version++) await change(version);
    const killed = follower.kill();
    for (let version = 7; version <= 12; version++) await change(version);
    await killed;
    assert.equal((await shown("acct-0005")).entitlements.length, 1, "answered without the process");
    follower = await flux.startWorker({}, "subscription,entitlement");
    await isVersion("acct-0005", 12);
    assert.deepEqual(await doubled(flux), []);
  });

  test("after more days than the feed keeps everything is read again, with the same end", async () => {
    await follower.kill();
    await salesforce.change("ent-acct-0006", { Status__c: "Ended", Version_Number__c: 2 });
    await salesforce.advance("PT73H");
    await salesforce.change("ent-acct-0007", { Monthly_Quota_Units__c: 7, Version_Number__c: 2 });
    const readingsBefore = (await readings(flux)).length;
    follower = await flux.startWorker({}, "subscription,entitlement");
    await isVersion("acct-0006", 2);
    await isVersion("acct-0007", 2);
    assert.equal((await shown("acct-0006")).entitlements[0]?.status, "ended");
    // Told when all is read. That it is followed proves nothing: the killed one had said so, and a moment ago.
    await eventually(async () => {
      const runs = (await readings(flux)).slice(readingsBefore);
      assert.deepEqual(
        runs.map(({ corrected, gone }) => [corrected, gone]),
        [[2, 0]],
      );
    });
    await isFollowed();
    assert.deepEqual(await doubled(flux), []);
  });

  test("an ordered plan lands at Salesforce first: while it is away the order waits, and is never confirmed without it", async () => {
    await isFollowed();
    const order = (key: string, planId: string) =>
      customer.post("/accounts/acct-0008/plan-orders", { planId }, { "idempotency-key": key });
    const asked = await order("order-1", "voyager");
    assert.equal(asked.status, 202);
    const confirmed = await customer.until(String(asked.body.processId), "confirmed");
    assert.deepEqual(confirmed.outcome, { planId: "voyager" });
    const record = await salesforce.look("ent-acct-0008");
    assert.deepEqual([record.Plan_Code__c, record.Version_Number__c], ["voyager", 2]);
    await isVersion("acct-0008", 2);

    salesforce.cut();
    const waiting = await order("order-2", "fleet");
    const processId = String(waiting.body.processId);
    await customer.until(processId, "processing");
    const second = await order("order-3", "commuter");
    const refused = await customer.until(String(second.body.processId), "failed");
    assert.equal((refused.reason as { code: string }).code, "plan-order-under-way");
    assert.equal((await shown("acct-0008")).entitlements[0]?.planId, "voyager");
    assert.equal((await customer.get(`/processes/${processId}`)).body.state, "processing");
    await salesforce.mend();
    await operator.post("/dev/clock", { advance: "PT20M" });
    await customer.until(processId, "confirmed");
    assert.equal((await salesforce.look("ent-acct-0008")).Plan_Code__c, "fleet");
    await isVersion("acct-0008", 3);
  });

  test("an order made on old knowledge is refused over there, told to the customer, and the authority wins", async () => {
    await follower.kill();
    await salesforce.change("ent-acct-0009", { Plan_Code__c: "voyager", Version_Number__c: 5 });
    const asked = await customer.post(
      "/accounts/acct-0009/plan-orders",
      { planId: "fleet" },
      { "idempotency-key": "old-knowledge" },
    );
    salesforce.cut();
    follower = await flux.startWorker({}, "subscription,entitlement");
    // It decides before it can hear: the line is mended only when the order is on its way.
    await customer.until(String(asked.body.processId), "processing");
    await salesforce.mend();
    await operator.post("/dev/clock", { advance: "PT20M" });
    const failed = await customer.until(String(asked.body.processId), "failed");
    assert.equal((failed.reason as { code: string }).code, "plan-order-refused");
    await isVersion("acct-0009", 5);
    assert.equal((await shown("acct-0009")).entitlements[0]?.planId, "voyager");
  });

  test("after all of that every entry says process, source, customer and time as it is declared to", async () => {
    const contexts = ["gateway", "subscription", "entitlement"];
    const found = await assertEnvelopes(journalsAt(flux.postgres.url), contexts);
    const { entries, ofCustomers, observations, types } = found;
    assert.ok(
      entries > 100 && ofCustomers > 0 && observations > 20,
      JSON.stringify({ entries, observations }),
    );
    for (const type of ["flux.note-entitlement", "flux.entitlement-followed", "flux.plan-ordered"])
      assert.ok(types.has(type), type);
  });
});

/** Units of a confirmed top-up from the quota and on demand, and the quota left. */
function outcomeOf({ outcome }: Readonly<Record<string, unknown>>): unknown[] {
  const { fundedFromQuota, fundedOnDemand, quotaRemaining } = outcome as Record<string, number>;
  return [fundedFromQuota, fundedOnDemand, quotaRemaining];
}

async function page(flux: FluxUnderTest, path: string): Promise<{ readonly text: string }> {
  return { text: await (await fetch(`${flux.url}${path}`)).text() };
}

/** Versions of entitlements that the journal tells of more than once. */
async function doubled(flux: FluxUnderTest): Promise<unknown[]> {
  return inEntitlement(
    flux,
    `select key, data->>'version' as version from entente.journal where type = 'flux.entitlement-changed'
     group by 1, 2, data->>'entitlementId' having count(*) > 1`,
  );
}

async function readings(flux: FluxUnderTest): Promise<{ corrected: number; gone: number }[]> {
  const rows = await inEntitlement<{ data: { corrected: number; gone: number } }>(
    flux,
    "select data from entente.journal where type = 'entente.feed-read' order by xid, seq",
  );
  return rows.map(({ data }) => data);
}
