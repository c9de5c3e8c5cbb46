import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { startBilling } from "./billing-system.fixture.ts";
import { assertProblem } from "./http-client.fixture.ts";

const billing = await startBilling();
after(() => billing.stop());
const { get, post, script, system } = billing;

const olga = { sub: "olga" };
const bert = { sub: "bert" };
const auditor = { role: "auditor" } as const;
const path = "/ops/treaties/billing/reconciliations";
const now = "/ops/treaties/billing/reconcile";
const why = { why: "their support says that it is there" };

test("what is open is compared at a person's wish, once a minute, and every run tells what each side said", async () => {
  script.send = "TAKEN";
  const taken = await billing.orders("demo", ["a-1", "a-2", "a-3"], "accepted");
  assert.deepStrictEqual((await get(path)).body, { runs: [] });
  // What was sent a moment ago may be under way: nobody asks about it yet.
  await system.setClock(system.clock.now() + 1_000);
  script.inquire = "DONE";
  const asked = await post(now, why);
  assert.deepStrictEqual([asked.status, asked.body], [202, { name: "billing", handOffs: 3 }]);
  const again = await post(now, why);
  const { expectedWaitSeconds } = assertProblem(again, 429, "reconciliation-too-soon");
  assert.ok(expectedWaitSeconds >= 1 && expectedWaitSeconds <= 60, String(expectedWaitSeconds));
  assert.equal(again.headers.get("retry-after"), String(expectedWaitSeconds));
  assert.equal((await post(now, why, { tenant: "other" })).status, 202);

  const lookedAt = async (): Promise<number> =>
    (await get(path, auditor)).body.runs.reduce(
      (sum: number, run: { looked: number }) => sum + run.looked,
      0,
    );
  await billing.until(async () => (await lookedAt()) === 3);
  const { runs } = (await get(path, auditor)).body;
  const reports = await Promise.all(
    runs.map(async ({ runId }: { runId: string }) => (await get(`${path}/${runId}`, auditor)).body),
  );
  for (const [n, { findings, totals, ...run }] of reports.entries()) {
    assert.deepStrictEqual([totals, run.day], [null, null]);
    assert.deepStrictEqual(run, runs[n]);
    assert.equal(findings.length, run.looked);
    assert.deepStrictEqual([run.corrected, run.results["external-success"]], [run.looked, run.looked]);
  }
  const findings = reports.flatMap((report) => report.findings);
  assert.deepStrictEqual(
    findings
      .map(({ handOffId, result, weSay, theySay, externalReference }) =>
        [handOffId, result, weSay, theySay, externalReference].join(" "),
      )
      .sort(),
    taken.map(({ handOffId }) => `${handOffId} external-success accepted completed ext-1`).sort(),
  );
  const page = await get("/journals/orders/events?limit=1000");
  const [act] = page.body.filter(({ type }: { type: string }) => type === "entente.reconciliation-asked");
  assert.deepStrictEqual([act.data.by, act.data.why, act.data.handOffs], ["olga", why.why, 3]);
});

test("what nobody can tell and what they refused have results of their own, newest run first and page by page", async () => {
  script.send = "TAKEN";
  const cases = [
    ["b-1", "lost", "external-unknown"],
    ["b-2", "E1", "external-failure"],
  ] as const;
  const seen: string[] = [];
  for (const [id, inquire, result] of cases) {
    const tenant = `t-${id}`;
    await billing.orders(tenant, [id], "accepted");
    await system.setClock(system.clock.now() + 1_000);
    script.inquire = inquire;
    assert.equal((await post(now, why, { tenant })).body.handOffs, 1);
    await billing.until(async () => (await get(path, { tenant })).body.runs.length === 1);
    const [run] = (await get(path, { tenant })).body.runs;
    assert.equal(run.results[result], 1, JSON.stringify(run));
    assert.equal(
      Object.values(run.results).reduce((a, b) => Number(a) + Number(b), 0),
      1,
    );
    seen.push(run.runId);
    // Another tenant has no such run.
    assertProblem(await get(`${path}/${run.runId}`), 404, "reconciliation-unknown");
  }
  const [newest] = (await get(`${path}?limit=1`)).body.runs;
  const rest = (await get(`${path}?limit=1&before=${newest.runId}`)).body.runs;
  assert.ok(rest.every(({ runId }: { runId: string }) => runId < newest.runId));
  assert.equal(seen.length, cases.length);
});

test("sums of a day that is over are a run of their own, with both sides' sums and what they do not have", async () => {
  const tenant = "sums";
  const today = new Date(system.clock.now()).toISOString().slice(0, 10);
  Object.assign(script, { send: "DONE", day: today, books: [] });
  const done = await billing.orders(tenant, ["c-1", "c-2"], "completed");
  script.books = [{ name: "nobody's", label: "doc 9", amounts: { sales: 7 } }];
  await system.setClock(Date.parse(today) + 86_400_000 + 2_000);
  const ofToday = async () =>
    (await get(path, { tenant })).body.runs.filter(({ day }: { day: string | null }) => day === today);
  await billing.until(async () => (await ofToday()).length === 1);
  const [run] = await ofToday();
  assert.deepStrictEqual(
    [run.scheduled, run.looked, run.corrected, run.results["sums-differ"], run.results.matched],
    [true, 2, 0, 1, 0],
  );
  const { totals, findings, ...same } = (await get(`${path}/${run.runId}`, { tenant, ...auditor })).body;
  assert.deepStrictEqual([same, findings], [run, []]);
  assert.deepStrictEqual(totals.sums, [{ group: "sales", ours: "10", theirs: "7" }]);
  assert.deepStrictEqual(totals.missing.toSorted(), done.map(({ idempotencyKey }) => idempotencyKey).sort());
  assert.deepStrictEqual([totals.extra, totals.found], [["doc 9"], { missing: 2, extra: 1, differing: 0 }]);
  assertProblem(await get(`${path}/${run.runId}`), 404, "reconciliation-unknown");
});

test("unknown treaties and runs, stopped treaties and people without the role are told so", async () => {
  assertProblem(await get("/ops/treaties/nobody/reconciliations"), 404, "treaty-unknown");
  assertProblem(await get(`/ops/treaties/nobody/reconciliations/${randomUUID()}`), 404, "treaty-unknown");
  assertProblem(await post("/ops/treaties/nobody/reconcile", why), 404, "treaty-unknown");
  assertProblem(await get(`${path}/${randomUUID()}`), 404, "reconciliation-unknown");
  assertProblem(await get(`${path}/nonsense`), 404, "reconciliation-unknown");
  assertProblem(await get(`${path}?limit=201`), 422, "query-invalid");
  assertProblem(await get(`${path}?before=nonsense`), 422, "query-invalid");
  assertProblem(await post(now, why, auditor), 403, "role-not-allowed");
  assertProblem(await post(now, { why: " " }), 422, "body-invalid");
  assertProblem(await get(path, { role: "customer" }), 403, "role-not-allowed");
  const tenant = "stopper";
  await post("/ops/treaties/billing/stop", { why: "their audit" });
  assertProblem(await post(now, why, { tenant }), 409, "treaty-stopped");
  await post("/ops/treaties/billing/resume", { why: "over" });
  // A refusal does not count as a turn.
  assert.equal((await post(now, why, { tenant })).status, 202);
});

let made = 0;
const ids = (count: number): string[] => Array.from({ length: count }, () => `o-${++made}`);
/** Hand-offs that were refused, of a tenant of their own. */
async function refused(count: number) {
  const tenant = `t-${++made}`;
  script.send = "E1";
  const handOffs = await billing.orders(tenant, ids(count), "rejected");
  script.send = "DONE";
  const by = (who: object = olga) => ({ ...who, tenant });
  return { tenant, by, handOffs, handOffIds: handOffs.map(({ handOffId }) => handOffId) };
}
const ask = { treaty: "billing", why: "they mended it" };
const decide = { context: "orders", why: "seen on their status page" };

test("what a recovery would touch is counted and sampled before anybody asks for it", async () => {
  const { by, handOffs } = await refused(3);
  const preview = await get("/ops/recoveries/preview?treaty=billing", by(auditor));
  assert.equal(preview.status, 200);
  const { candidates, allowed, notSafe, sample } = preview.body;
  assert.deepStrictEqual([candidates, allowed, notSafe], [3, 200, { inDoubt: 0, happened: 0, withdrawn: 0 }]);
  assert.deepStrictEqual(
    sample.map((one: { handOffId: string }) => one.handOffId).sort(),
    handOffs.map(({ handOffId }) => handOffId).sort(),
  );
  assert.equal("idempotencyKey" in sample[0], false);
  const of = async (code: string) =>
    (await get(`/ops/recoveries/preview?treaty=billing&code=${code}`, by())).body.candidates;
  assert.deepStrictEqual([await of("E1"), await of("E7")], [3, 0]);
  const others = await get("/ops/recoveries/preview?treaty=billing", { tenant: "elsewhere" });
  assert.deepStrictEqual([others.body.candidates, others.body.sample], [0, []]);
  assertProblem(await get("/ops/recoveries/preview?treaty=nobody", by()), 404, "treaty-unknown");
});

test("another person approves it, everything is sent anew under new keys, and its progress tells", async () => {
  const { by, handOffIds } = await refused(4);
  const asked = await post("/ops/recoveries", { ...ask, code: "E1" }, by());
  assert.deepStrictEqual([asked.status, asked.body.context, asked.body.handOffs], [201, "orders", 4]);
  const { requestId } = asked.body;
  const path = `/ops/recoveries/${requestId}`;
  const waiting = (await get(`${path}?context=orders`, by(auditor))).body;
  assert.deepStrictEqual([waiting.state, waiting.untouched, waiting.states], ["open", 4, { rejected: 4 }]);

  // The one who asked stays the one who asked, whatever role or reason is given.
  assertProblem(await post(`${path}/approve`, decide, by()), 403, "second-person-needed");
  assertProblem(await post(`${path}/approve`, decide, by({ ...bert, ...auditor })), 403, "role-not-allowed");
  assertProblem(
    await post(`${path}/approve`, decide, { ...bert, tenant: "other" }),
    409,
    "recovery-not-open",
  );
  assertProblem(await post(`${path}/approve`, { ...decide, why: " " }, by(bert)), 422, "body-invalid");
  assert.equal((await get(`${path}?context=orders`, by())).body.untouched, 4);

  const approved = await post(`${path}/approve`, decide, by(bert));
  assert.deepStrictEqual(approved.body, { requestId, done: "approve", handOffs: 4 });
  await billing.until(async () => (await get(`${path}?context=orders`, by())).body.states.completed === 4);
  const done = (await get(`${path}?context=orders`, by())).body;
  assert.deepStrictEqual(
    [done.state, done.untouched, done.askedBy, done.askedWhy, done.decidedBy, done.decidedWhy],
    ["approved", 0, "olga", ask.why, "bert", decide.why],
  );
  assert.deepStrictEqual([...done.handOffIds].sort(), [...handOffIds].sort());
  const one = await system.treaties.handOff("orders", {
    tenantId: by().tenant,
    handOffId: handOffIds[0] ?? "",
  });
  assert.deepStrictEqual([one?.attempt, one?.tries], [2, 1]);
  assertProblem(await post(`${path}/approve`, decide, by(bert)), 409, "recovery-not-open");
  assertProblem(await post(`${path}/reject`, decide, by(bert)), 409, "recovery-not-open");

  const page = await get(`/journals/orders/events?limit=1000`, by(auditor));
  const acts = page.body.filter(({ type }: { type: string }) => type.startsWith("entente.recovery-"));
  assert.deepStrictEqual(
    acts.map(({ type, data }: { type: string; data: Record<string, unknown> }) => [
      type,
      data.askedBy ?? data.by,
      data.by,
      data.why,
    ]),
    [
      ["entente.recovery-asked", "olga", "olga", ask.why],
      ["entente.recovery-approved", "olga", "bert", decide.why],
    ],
  );
});

test("more than the limit, nothing, strangers and what may have happened are not recovered", async () => {
  const { by, handOffIds } = await refused(201);
  const many = assertProblem(await post("/ops/recoveries", ask, by()), 422, "recovery-too-large");
  assert.deepStrictEqual([many.named, many.allowed], [201, 200]);
  const named = { ...ask, handOffIds };
  assertProblem(await post("/ops/recoveries", named, by()), 422, "recovery-too-large");
  const few = { ...ask, handOffIds: handOffIds.slice(0, 2) };
  assertProblem(await post("/ops/recoveries", few, by(auditor)), 403, "role-not-allowed");
  const foreign = await post("/ops/recoveries", few, { ...olga, tenant: "stranger" });
  assert.equal(assertProblem(foreign, 409, "hand-off-not-in-fallout").missing, 2);
  assertProblem(await post("/ops/recoveries", ask, { ...olga, tenant: "stranger" }), 422, "recovery-empty");
  assertProblem(await post("/ops/recoveries", { ...few, treaty: "nobody" }, by()), 404, "treaty-unknown");
  assertProblem(await post("/ops/recoveries", { ...few, handOffIds: [] }, by()), 422, "body-invalid");
  const unknown = { ...ask, handOffIds: [randomUUID()] };
  assertProblem(await post("/ops/recoveries", unknown, by()), 409, "hand-off-not-in-fallout");
  assert.deepStrictEqual((await get("/ops/recoveries", by())).body, { recoveries: [] });

  script.send = "E9";
  const doubtful = { ...olga, tenant: "doubtful" };
  const [inDoubt] = await billing.orders("doubtful", ids(1), "fallout");
  script.send = "DONE";
  const preview = (await get("/ops/recoveries/preview?treaty=billing", doubtful)).body;
  assert.deepStrictEqual([preview.candidates, preview.notSafe.inDoubt], [0, 1]);
  const named1 = { ...ask, handOffIds: [inDoubt?.handOffId] };
  assertProblem(await post("/ops/recoveries", named1, doubtful), 409, "hand-off-not-in-fallout");
});

test("a recovery whose hand-offs have moved, or that nobody decided for a day, is not approved", async () => {
  const { by, tenant, handOffIds } = await refused(2);
  const first = (await post("/ops/recoveries", { ...ask, handOffIds }, by())).body;
  const second = (await post("/ops/recoveries", { ...ask, handOffIds: handOffIds.slice(1) }, by())).body;
  const [open] = (await get("/ops/cases", by())).body.cases.filter(
    (one: { handOffId: string }) => one.handOffId === handOffIds[0],
  );
  await post(`/ops/cases/${open.caseId}/decide`, { ...decide, act: "escalate" }, by());
  await billing.until(async () => {
    const found = await system.treaties.handOffs("orders", tenant, ["fallout"], null, 10);
    return found.length === 1;
  });
  const stale = await post(`/ops/recoveries/${first.requestId}/approve`, decide, by(bert));
  assert.equal(assertProblem(stale, 409, "recovery-stale").moved, 1);
  // It can still be ended, by the one who asked as well.
  assert.equal((await post(`/ops/recoveries/${first.requestId}/reject`, decide, by())).status, 200);

  const before = system.clock.now();
  await system.setClock(before + 25 * 3_600_000);
  try {
    const late = await post(`/ops/recoveries/${second.requestId}/approve`, decide, by(bert));
    assert.equal(assertProblem(late, 409, "recovery-stale").moved, 0);
    const { recoveries } = (await get("/ops/recoveries", by())).body;
    assert.deepStrictEqual(
      recoveries.map(({ requestId, state, decidedBy }: Record<string, unknown>) => [
        requestId,
        state,
        decidedBy,
      ]),
      [
        [second.requestId, "expired", null],
        [first.requestId, "rejected", "olga"],
      ],
    );
  } finally {
    await system.setClock(before);
  }
  const older = await get(`/ops/recoveries?before=${second.requestId}&limit=1&state=rejected`, by());
  assert.deepStrictEqual(
    older.body.recoveries.map(({ requestId }: { requestId: string }) => requestId),
    [first.requestId],
  );
  assertProblem(await get("/ops/recoveries?before=nonsense", by()), 422, "query-invalid");
  assertProblem(await get(`/ops/recoveries/${randomUUID()}?context=orders`, by()), 404, "recovery-unknown");
  assertProblem(await get("/ops/recoveries/nonsense?context=orders", by()), 404, "recovery-unknown");
  assertProblem(
    await get(`/ops/recoveries/${first.requestId}?context=nowhere`, by()),
    404,
    "context-unknown",
  );
  const foreign = await get(`/ops/recoveries/${first.requestId}?context=orders`, { tenant: "other" });
  assertProblem(foreign, 404, "recovery-unknown");
  assertProblem(await post("/ops/recoveries/nonsense/approve", decide, by(bert)), 409, "recovery-not-open");
});
