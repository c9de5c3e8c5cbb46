/**
 * The drill of incidents: faults of many kinds, one after the other. Who sees each, when it was noticed and when it was over is what the system
 * itself wrote down; what is done about it is done by operator routes, or by waiting, and by nothing else. Longer than others because the faults are a table that
 * is read at once, and all of it needs one running system.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { weekMs, weekOf } from "@entente/core/model";
import type { RuleToAdd } from "@entente/simulators";
import { startDrilledFlux, type ToldIncident } from "./drilled-flux.fixture.ts";

const flux = await startDrilledFlux();
after(() => flux.stop());
const { operator, controls } = flux;
const { payments, salesforce, sap } = controls;
const minute = 60_000;

interface Fault {
  readonly name: string;
  readonly symptom: "processes-late" | "processes-failing" | "hand-offs-stuck";
  readonly subject: string;
  /** What breaks. */
  begins(): Promise<unknown>;
  /** Who suffers from it: their processes. */
  customers(): Promise<readonly string[]>;
  /** The outside is itself again, or a mended release is there; nothing when only an act of ours mends it. */
  ends?(): Promise<unknown>;
  /** The step of the runbook; absent: it says to wait. */
  runbook?(): Promise<void>;
  /** It lasts so long that half an hour cannot be kept. */
  readonly lastsMinutes?: number;
}

const because = { why: "drill of incidents" };
const done = async (path: string, body: object = because): Promise<void> => {
  const answer = await operator.post(path, body);
  assert.ok(answer.status < 300, `${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
};

/** The step of docs/operations/hand-offs.md for a case that waits for a person. */
async function decideCase(kind: string, act: string): Promise<void> {
  const { body } = await operator.get("/ops/cases");
  const cases = body.cases as { kind: string; treaty: string; caseId: string; context: string }[];
  const found = cases.filter((one) => one.kind === kind);
  assert.ok(found.length > 0, `no case ${kind}: ${JSON.stringify(cases)}`);
  // Every hand-off that was refused has a case of its own; the act clears all of its treaty.
  for (const { caseId, context } of new Map(found.map((one) => [one.treaty, one])).values())
    await done(`/ops/cases/${caseId}/decide`, { ...because, context, act });
}

/** The step of docs/operations/parked-entries.md when the cause is mended. */
async function redriveAll(): Promise<void> {
  const { body } = await operator.get("/ops/parked?context=subscription&limit=100");
  const open = body.parked as { entryId: string; state: string }[];
  // Those that are still tried by themselves need nobody.
  const parked = open.filter(({ state }) => state === "parked");
  assert.ok(parked.length > 0);
  for (const { entryId } of parked)
    await done(`/ops/parked/${entryId}/redrive`, { ...because, context: "subscription" });
}

const times = async (count: number, ask: () => Promise<string>): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, ask));
const charged = () => times(2, () => flux.topUp("on demand"));
const fromQuota = () => times(2, () => flux.topUp("by quota"));
/** Served, as far as they can see; the books are owed. */
const served = async (): Promise<string[]> => {
  const processIds = await fromQuota();
  for (const processId of processIds) await operator.until(processId, "confirmed");
  return processIds;
};
const prospects = () => times(2, () => flux.convert());

const late = { symptom: "processes-late", subject: "top-up" } as const;
const lateProspects = { symptom: "processes-late", subject: "convert-prospect" } as const;
const failing = { symptom: "processes-failing", subject: "top-up" } as const;
const stuck = { symptom: "hand-offs-stuck", subject: "sap-ledger" } as const;

const create = "create-payment-intent";
/** The provider behaves like this whenever it is asked for a charge. */
function provider(name: string, rule: RuleToAdd, more: Partial<Fault> = {}): Fault {
  const begins = () => payments.rule({ ...rule, when: { operation: create } });
  return { name, ...late, begins, customers: charged, ends: () => payments.removeRules(), ...more };
}

const faults: readonly Fault[] = [
  {
    name: "the subscription is paused and forgotten",
    ...late,
    begins: () => done("/ops/contexts/subscription/pause"),
    customers: fromQuota,
    runbook: () => done("/ops/contexts/subscription/resume"),
  },
  {
    name: "PostgreSQL takes no connections to the subscription's database",
    ...late,
    begins: () => flux.database("subscription", false, "account"),
    customers: fromQuota,
    ends: () => flux.database("subscription", true, "account"),
  },
  {
    name: "a release breaks with what later commands of an account build on",
    symptom: "processes-late",
    subject: "register-condenser",
    begins: async () => flux.release("train"),
    customers: () => times(2, () => flux.registerTrain()),
    ends: async () => flux.release(undefined),
    runbook: redriveAll,
  },
  {
    name: "a release fails every top-up",
    ...failing,
    begins: async () => flux.release(5),
    customers: () => times(21, () => flux.topUp("by quota")),
    ends: async () => flux.release(undefined),
    runbook: redriveAll,
  },
  {
    name: "the bank declines every card",
    ...failing,
    begins: () =>
      payments.rule({ behaviour: "rejection", reason: "do_not_honor", when: { operation: create } }),
    customers: () => times(21, () => flux.topUp("on demand")),
    ends: () => payments.removeRules(),
  },
  {
    name: "the payment provider is not there",
    ...late,
    begins: () => payments.outage("refuse"),
    customers: charged,
    ends: () => payments.outage("none"),
  },
  {
    name: "the payment provider takes calls and never answers",
    ...late,
    begins: () => payments.outage("hang"),
    customers: charged,
    ends: () => payments.outage("none"),
  },
  provider("charged, told as a timeout, and the callback is lost", { behaviour: "timeout", effect: true }),
  provider("charged, and the answer cannot be read", { behaviour: "malformed", variant: "not-json" }),
  provider("the payment provider has no room for us", { behaviour: "throttled", retryAfterSeconds: 0 }),
  provider("the payment provider charges, and then says that it broke", {
    behaviour: "server-error",
    effect: true,
  }),
  provider(
    "the payment provider does not know our key any more",
    { behaviour: "unauthorized" },
    {
      runbook: () => decideCase("credentials-refused", "resume-treaty"),
    },
  ),
  {
    name: "the treaty with the payment provider is stopped and forgotten",
    ...late,
    begins: () => done("/ops/treaties/payments-charge/stop"),
    customers: charged,
    runbook: () => done("/ops/treaties/payments-charge/resume"),
  },
  {
    name: "the program that works for Salesforce has ended",
    ...lateProspects,
    begins: () => flux.endProgram(),
    customers: prospects,
    ends: () => flux.startProgram(),
  },
  {
    name: "Salesforce is not there",
    ...lateProspects,
    begins: () => salesforce.outage("refuse"),
    customers: prospects,
    ends: () => salesforce.outage("none"),
  },
  {
    name: "Salesforce makes the customer, and its answer is lost",
    ...lateProspects,
    begins: () =>
      salesforce.rule({ behaviour: "timeout", effect: true, when: { operation: "convert-lead" } }),
    customers: prospects,
    ends: () => salesforce.removeRules(),
  },
  {
    name: "Salesforce does not let us sign in",
    ...lateProspects,
    begins: () => salesforce.rule({ behaviour: "unauthorized" }),
    customers: prospects,
    ends: () => salesforce.removeRules(),
    runbook: () => decideCase("credentials-refused", "resume-treaty"),
  },
  {
    name: "the treaty that makes customers is stopped and forgotten",
    ...lateProspects,
    begins: () => done("/ops/treaties/salesforce-lead/stop"),
    customers: prospects,
    runbook: () => done("/ops/treaties/salesforce-lead/resume"),
  },
  {
    name: "SAP is not there for more than an hour",
    ...stuck,
    begins: () => sap.outage("refuse"),
    customers: served,
    ends: () => sap.outage("none"),
  },
  {
    name: "SAP does not know our user any more",
    ...stuck,
    begins: () => sap.rule({ behaviour: "unauthorized", when: { operation: "post-journal-entries" } }),
    customers: served,
    ends: () => sap.removeRules(),
    runbook: () => decideCase("credentials-refused", "resume-treaty"),
  },
  {
    name: "Salesforce is away for more than an hour, so that its hand-offs count as stuck besides",
    ...lateProspects,
    begins: () => salesforce.outage("unavailable"),
    customers: prospects,
    ends: () => salesforce.outage("none"),
    lastsMinutes: 65,
  },
];

const openNow = () => flux.incidents(true);

/** The fault as the system wrote it down, from nothing to nothing. */
async function drill(fault: Fault): Promise<ToldIncident> {
  assert.equal((await openNow()).length, 0, "something else is still wrong");
  const paged = flux.alerts.length;
  const [before] = await flux.incidents();
  await fault.begins();
  const processIds = await fault.customers();
  const isNoticed = async () => (await openNow()).length > 0;
  const isOver = async () => (await openNow()).length === 0;
  // A hand-off to SAP counts as stuck after an hour, and nobody looks before.
  const step = fault.symptom === "hand-offs-stuck" ? 10 : 1;
  await flux.wait(`${fault.name} is noticed`, isNoticed, step * minute, 8);
  if (fault.lastsMinutes !== undefined) {
    const end = flux.now() + fault.lastsMinutes * minute;
    await flux.wait("its time is over", async () => flux.now() >= end, 20 * minute, 20);
  }
  await fault.ends?.();
  await fault.runbook?.();
  await flux.wait(`${fault.name} is over`, isOver, 3 * minute, 15);

  const all = await flux.incidents();
  const [told, earlier] = all;
  assert.ok(told !== undefined);
  assert.equal(
    earlier?.incidentId,
    before?.incidentId,
    `one page per root: ${JSON.stringify(all.slice(0, 2))}`,
  );
  assert.deepEqual([told.symptom, told.subject], [fault.symptom, fault.subject], told.says);
  assert.equal(told.runbook, `docs/operations/incidents.md#${fault.symptom}`);
  if (fault.symptom === "processes-failing") {
    // Those that had failed when it was noticed.
    assert.ok(told.processIds.length > 0 && told.processIds.every((one) => processIds.includes(one)));
  } else assert.deepEqual(told.processIds, [...processIds].sort());
  const alerts = flux.alerts.slice(paged);
  assert.deepEqual(
    alerts.map(({ incidentId, code, processIds: named }) => [incidentId, code, named]),
    [[told.incidentId, fault.symptom, told.processIds]],
  );
  for (const processId of processIds) {
    const { body } = await operator.get(`/processes/${processId}`);
    // What a bank declined stays declined; all else has ended as its customer wished.
    const isDeclined = fault.name === "the bank declines every card";
    assert.equal(body.state, isDeclined ? "failed" : "confirmed", JSON.stringify(body));
  }
  return told;
}

const written: ToldIncident[] = [];

for (const fault of faults) {
  test(`${fault.name}: noticed as ${fault.symptom}, one page with the process ids, mended without editing data`, async (t) => {
    const told = await drill(fault);
    written.push(told);
    const minutes = (ms: number | null): string => ((ms ?? 0) / minute).toFixed(1);
    t.diagnostic(
      `noticed after ${minutes(told.timeToDetectMs)} min, over after ${minutes(told.timeToResolveMs)} min`,
    );
    assert.ok(told.timeToDetectMs < 15 * minute);
    const isInTime = (told.timeToResolveMs ?? Number.POSITIVE_INFINITY) <= 30 * minute;
    assert.equal(isInTime, fault.lastsMinutes === undefined, "in half an hour, or honestly not");
  });
}

test("nineteen of twenty of them were over in half an hour, and the figure of fitness says the same", async () => {
  const all = await flux.incidents();
  assert.deepEqual(
    all.map(({ incidentId }) => incidentId),
    written.map(({ incidentId }) => incidentId).reverse(),
  );
  assert.ok(all.length >= 20 && new Set(all.map(({ symptom }) => symptom)).size === 3);
  const inTime = all.filter(
    ({ timeToResolveMs }) => (timeToResolveMs ?? Number.POSITIVE_INFINITY) <= 30 * minute,
  );
  assert.ok(inTime.length / all.length >= 0.95, `${inTime.length} of ${all.length}`);
  const figure = async () => {
    const { body } = await operator.get("/ops/fitness");
    const functions = body.functions as {
      name: string;
      value: number;
      state: string;
      weeks: { value: number }[];
    }[];
    return functions.find(({ name }) => name === "incidents-in-time");
  };
  const now = await figure();
  assert.deepEqual([now?.value, now?.state], [inTime.length / all.length, "within-target"]);
});

test("a callback that comes although its answer was lost, and a storm of forged ones, are nobody's page", async () => {
  const paged = flux.alerts.length;
  await flux.listen();
  await payments.rule({ behaviour: "timeout", effect: true, when: { operation: create } });
  const processIds = await charged();
  const forged = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      const { status } = await fetch(`${flux.url}/callbacks/payments-charge`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "stripe-signature": `t=${Math.round(flux.now() / 1_000)},v1=${"0".repeat(64)}`,
        },
        body: JSON.stringify({ id: `evt_${n}`, type: "payment_intent.succeeded" }),
      });
      return status;
    }),
  );
  assert.ok(
    forged.every((status) => status === 401),
    forged.join(),
  );
  for (const processId of processIds) await operator.until(processId, "confirmed");
  await payments.removeRules();
  await flux.moveTime(2 * minute);
  await flux.system.fitness?.look();
  assert.deepEqual(await openNow(), []);
  assert.equal(flux.alerts.length, paged);
});

interface ShownFlow {
  readonly type: string;
  readonly p90Ms: number | null;
  readonly inFlight: number;
  readonly behind: readonly {
    readonly name: string;
    readonly context: string;
    readonly lagMs: number | null;
  }[];
}

test("with one consumer behind, what its customers wait and its lag rise together, and nothing of any other flow does", async () => {
  const flows = async (minutes = 5): Promise<Map<string, ShownFlow>> => {
    const { status, body } = await operator.get(`/ops/flows?minutes=${minutes}`);
    assert.equal(status, 200);
    return new Map((body.flows as ShownFlow[]).map((flow) => [flow.type, flow]));
  };
  const behind = (flow: ShownFlow | undefined) =>
    Object.fromEntries((flow?.behind ?? []).map(({ context, name, lagMs }) => [`${context} ${name}`, lagMs]));
  // What went before is not in the period any more.
  await flux.moveTime(20 * minute);
  const settled = async () => {
    for (const processId of await fromQuota()) await operator.until(processId, "confirmed");
  };
  await settled();
  await flux.wait(
    "nothing is open",
    async () => Object.values(behind((await flows()).get("top-up"))).every((lagMs) => lagMs === 0),
    minute,
    20,
  );

  await done("/ops/contexts/entitlement/pause");
  const waiting = await prospects();
  const seen: { p90Ms: number; lagMs: number }[] = [];
  for (let n = 0; n < 2; n++) {
    await flux.moveTime(2 * minute);
    await settled();
    const now = await flows();
    const slow = now.get("convert-prospect");
    const lags = behind(slow);
    seen.push({ p90Ms: slow?.p90Ms ?? 0, lagMs: lags["entitlement prospect"] ?? 0 });
    const others = Object.entries(lags).filter(([name]) => name !== "entitlement prospect");
    assert.ok(others.length >= 3 && others.every(([, lagMs]) => lagMs === 0), JSON.stringify(lags));
    for (const [type, flow] of now) {
      if (type === "convert-prospect") continue;
      assert.ok((flow.p90Ms ?? 0) < 15_000, `${type} ${flow.p90Ms}`);
      // A top-up was made a moment ago, and may be on its way to the ledger.
      const late = Object.entries(behind(flow)).filter(([, lagMs]) => lagMs === null || lagMs > 15_000);
      assert.deepEqual(late, [], type);
    }
  }
  const [first, second] = seen;
  assert.ok(first !== undefined && second !== undefined);
  for (const [n, { p90Ms, lagMs }] of seen.entries()) {
    const passed = (n + 1) * 2 * minute;
    // Whole minutes of acceptance tell how long those have waited who still do.
    assert.ok(lagMs >= passed && p90Ms >= passed - minute, JSON.stringify(seen));
  }
  assert.ok(second.p90Ms > first.p90Ms && second.lagMs > first.lagMs);

  await done("/ops/contexts/entitlement/resume");
  for (const processId of waiting) await operator.until(processId, "confirmed");
  const after_ = (await flows()).get("convert-prospect");
  assert.deepEqual(
    Object.values(behind(after_)).filter((lagMs) => (lagMs ?? 1) > 15_000),
    [],
  );
  assert.ok((after_?.p90Ms ?? 0) >= 4 * minute, "what they have waited stays in the figure");
  await flux.wait("it is over", async () => (await openNow()).length === 0, minute, 5);
});

test("the week that ends writes the share down as it was", async () => {
  const all = await flux.incidents();
  const inTime = all.filter(
    ({ timeToResolveMs }) => (timeToResolveMs ?? Number.POSITIVE_INFINITY) <= 30 * minute,
  );
  await flux.moveTime(weekOf(flux.now()) + weekMs + minute - flux.now());
  await flux.wait(
    "the week is written down",
    async () => {
      const { body } = await operator.get("/ops/fitness");
      const functions = body.functions as { name: string; weeks: { value: number | null }[] }[];
      const weeks = functions.find(({ name }) => name === "incidents-in-time")?.weeks ?? [];
      if (weeks.length > 0) assert.equal(weeks.at(-1)?.value, inTime.length / all.length);
      return weeks.length > 0;
    },
    minute,
    20,
  );
});
