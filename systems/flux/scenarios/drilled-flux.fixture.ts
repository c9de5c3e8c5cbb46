/**
 * Flux with its three counterparties in this process, made to fail on purpose: what the drill of incidents-in-time.alone.pg.test.ts breaks, and the
 * routes by which it finds out and mends. Time is business time and moves only when nothing else does.
 */
import { randomBytes } from "node:crypto";
import {
  type ConsumerEvent,
  type ContextDefinition,
  isFollowingTreaty,
  isHandOffTreaty,
  type System,
  type SystemDefinition,
  startSystem,
  type Treaty,
} from "@entente/core";
import { openDatabase, withFitness } from "@entente/core/internal";
import { weekMs, weekOf } from "@entente/core/model";
import { buildEdge, callbackRoute } from "@entente/edge";
import { type ControlClient, openControlClient, type SimulatorName, simulators } from "@entente/simulators";
import { testServer } from "@entente/testkit";
import {
  demoTenant,
  fluxErrors,
  fluxFitness,
  fluxOutside,
  fluxRoutes,
  fluxTags,
  fluxWith,
  paymentsCharge,
  registerWebhook,
  seedDemoData,
  textOf,
} from "../app/flux.ts";
import { registerCondenser } from "../contexts/subscription/contract/register-condenser.ts";
import { comes } from "./charged-flux.fixture.ts";
import { type Caller, caller } from "./client.fixture.ts";
import { watchUnderWay } from "./under-way.fixture.ts";

/** An incident as `GET /ops/incidents` tells it. */
export interface ToldIncident {
  readonly incidentId: string;
  readonly symptom: string;
  readonly subject: string;
  readonly says: string;
  readonly processIds: readonly string[];
  readonly runbook: string;
  readonly since: string;
  readonly timeToDetectMs: number;
  readonly closedAt: string | null;
  readonly timeToResolveMs: number | null;
}

type Alert = Extract<ConsumerEvent, { event: "incident" }>;

const secrets: Readonly<Record<SimulatorName, Readonly<Record<string, string>>>> = {
  payments: { apiKey: "sk_test_entente" },
  salesforce: { clientId: "entente-dev-client", clientSecret: "entente-dev-secret" },
  sap: { user: "ENTENTE_COMM", password: "entente-dev-1" },
};

/** What works for Salesforce runs as a program of its own, so that it can end while all else goes on. */
const apart = "entitlement";

/** Milliseconds without any happening after which only time brings something, when nothing is under way. */
const quietMs = 80;
/** What is under way for longer than this waits for something that the fault has taken away. */
const stuckMs = 3_000;

/** Demo accounts that top up: each of the many top-ups has one of its own. */
const accounts = 100;

export type DrilledFlux = Awaited<ReturnType<typeof startDrilledFlux>>;

export async function startDrilledFlux() {
  const running = await Promise.all(
    (Object.keys(secrets) as SimulatorName[]).map(async (name) => {
      const start = await simulators[name]();
      return [name, await start({ seed: 17 })] as const;
    }),
  );
  const urls = Object.fromEntries(running.map(([name, { url }]) => [name, url])) as Record<
    SimulatorName,
    string
  >;
  const controls = Object.fromEntries(
    running.map(([name, { url }]) => [name, openControlClient(url)]),
  ) as Record<SimulatorName, ControlClient>;
  let shiftMs = 0;
  let webhookSecret: string | undefined;
  /** A member of a command's data with which the subscription's present release breaks. */
  let breaksOn: unknown;
  const alerts: Alert[] = [];
  /** Batches committed by each consumer. */
  const batches = new Map<string, number>();
  /** Consumers whose database is away. */
  const away = new Set<string>();
  /** When something happened last, apart from the looks of fitness, which time alone brings. */
  let movedAt = performance.now();
  const report = (event: ConsumerEvent): void => {
    if (event.event === "incident") alerts.push(event);
    if (event.event === "unavailable") away.add(event.consumer);
    if (event.event === "batch" || event.event === "lanes") away.delete(event.consumer);
    if (event.event === "batch") batches.set(event.consumer, (batches.get(event.consumer) ?? 0) + 1);
    if (event.event === "batch" || event.event === "retrying" || event.event === "parked")
      movedAt = performance.now();
  };
  const counterparties = {
    payments: { url: urls.payments },
    salesforce: { url: urls.salesforce, tenantId: demoTenant },
    sap: { url: urls.sap },
  };
  const plain = breakable(impatient(fluxWith(counterparties)), () => breaksOn);
  const definition = withFitness(plain, fluxFitness(plain));
  const options = {
    adminUrl: await testServer(),
    wallClock: () => Date.now() + shiftMs,
    definition,
    // Looks at fitness are taken when the clock moves.
    settings: { statisticsGatherMs: 25, fitnessEveryMs: 3_600_000, retryFirstMs: 5, retryLongestMs: 10 },
    outside: {
      ...fluxOutside(
        counterparties,
        (name, secret) => (secret === "webhookSecret" ? webhookSecret : secrets[name][secret]),
        ["127.0.0.0/8"],
      ),
      report() {
        movedAt = performance.now();
      },
    },
    report,
  };
  const all = definition.contexts.map(({ name }) => name);
  const startApart = (): Promise<System> => startSystem({ ...options, run: [apart] });
  const system = await startSystem({ ...options, run: all.filter((name) => name !== apart) });
  let program: System | null = await startApart();
  const underWay = watchUnderWay(options.adminUrl, definition.name);
  const edge = await buildEdge({
    system,
    mode: "dev",
    tokens: { key: { kind: "secret", secret: randomBytes(32) }, issuer: "test", audience: "flux" },
    title: "Flux",
    version: "0.1.0",
    tags: fluxTags,
    errors: fluxErrors,
    textOf: textOf(system),
    routes: [fluxRoutes(system), callbackRoute(system)],
  });
  const url = await edge.listen({ port: 0 });
  const token = async (claims: object): Promise<string> => {
    const answer = await fetch(`${url}/dev/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sub: "olga", tenant: demoTenant, ...claims }),
    });
    return ((await answer.json()) as { token: string }).token;
  };
  const operator: Caller = await caller({ url, token }, { role: "operator", sub: "olga" });

  /** Both programs, and all counterparties. */
  async function moveTime(ms: number): Promise<void> {
    shiftMs += ms;
    await Promise.all(running.map(([, { control }]) => control.clock.set(control.clock.now() + ms)));
    // What the databases say stays as it is, so that this works while one of them is away; everybody is told to look.
    for (const one of [system, program]) one?.clock.setOffset(one.clock.offsetMs() === 0 ? 1 : 0);
    // That includes fitness: what its look finds is on its way when this resolves, or a database is away.
    await system.fitness?.look().catch(() => {});
  }
  // Mid-week, so that no week ends before the drill does.
  await moveTime(Math.round(weekOf(Date.now() + weekMs) + 2 * 86_400_000 - Date.now()));
  await system.setClock(system.clock.now());
  await seedDemoData(system, accounts);
  await comes("every account is open", async () => system.backlog().backlog === 0);

  let keys = 0;
  let account = 0;
  let lead = 0;
  const send = async (path: string, body: object): Promise<string> => {
    const answer = await operator.post(path, body, { "idempotency-key": `drill-${keys++}` });
    if (answer.status !== 202)
      throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return String(answer.body.processId);
  };
  const incidents = async (open?: boolean): Promise<readonly ToldIncident[]> => {
    const { body } = await operator.get(
      `/ops/incidents?limit=1000${open === undefined ? "" : `&open=${open}`}`,
    );
    return body.incidents as readonly ToldIncident[];
  };

  return {
    url,
    system,
    operator,
    controls,
    alerts,
    incidents,
    now: () => system.clock.now(),
    moveTime,
    /** A top-up of an account nobody has used yet; of its quota, or beyond it, which is charged. */
    topUp(paid: "by quota" | "on demand") {
      const accountId = `acct-${String(++account).padStart(4, "0")}`;
      const condenserId = accountId.replace("acct", "car");
      return send("/top-ups", { accountId, condenserId, units: paid === "on demand" ? 104 : 5 });
    },
    /** An account gets a condenser that drives a train. */
    async registerTrain() {
      const accountId = `acct-${String(++account).padStart(4, "0")}`;
      const { processId } = await system.accept({
        type: registerCondenser.type,
        schemaVersion: registerCondenser.schemaVersion,
        target: "subscription",
        tenantId: demoTenant,
        key: accountId,
        customerId: null,
        caller: "drill",
        idempotencyKey: `train ${accountId}`,
        traceparent: null,
        data: { condenserId: `${accountId}-train`, model: "train" },
      });
      return processId;
    },
    /** A prospect becomes a customer, which only Salesforce can make. */
    convert() {
      const number = String(++lead).padStart(4, "0");
      return send("/customers", { prospectId: `lead-${number}`, accountId: `acct-9${number.slice(1)}` });
    },
    /**
     * Resolves when it has come true. Business time moves by `stepMs` when nothing is under way and nothing has happened for a while, so that
     * nothing is gained by waiting for it; `steps` times at most.
     */
    async wait(what: string, isTrue: () => Promise<boolean>, stepMs: number, steps: number): Promise<void> {
      let left = steps;
      movedAt = performance.now();
      const moving = async () => {
        const quiet = performance.now() - movedAt;
        if (quiet < quietMs) return false;
        const programs = program === null ? [system] : [system, program];
        if (quiet < stuckMs && !(await underWay.isNothing(programs, away))) return false;
        if (await isTrue()) return true;
        if (left-- === 0) throw new Error(`${steps} steps of ${stepMs} ms were not enough until ${what}`);
        await moveTime(stepMs);
        movedAt = performance.now();
        return false;
      };
      // The steps are the limit; each may have to wait for what the fault has taken away.
      await comes(what, moving, () => `${left} steps left`, (steps + 1) * 2 * stuckMs);
    },
    /** Has the provider's messages come. */
    async listen() {
      const callbackUrl = `${url}/callbacks/${paymentsCharge}`;
      webhookSecret = await registerWebhook({
        url: urls.payments,
        apiKey: secrets.payments.apiKey ?? "",
        treaty: paymentsCharge,
        callbackUrl,
      });
    },
    /** The subscription's release breaks with commands whose data have a member of this value; undefined: it is mended. */
    release(value: unknown) {
      breaksOn = value;
    },
    async endProgram() {
      await program?.stop();
      program = null;
    },
    async startProgram() {
      const before = batches.get("prospect");
      program = await startApart();
      await comes("it is at work", async () => batches.get("prospect") !== before);
    },
    /** Has PostgreSQL take connections to a context's database or not; those that there are end. Resolves when a consumer that waited goes on. */
    async database(context: string, takes: boolean, consumer: string) {
      const before = batches.get(consumer);
      const admin = openDatabase({ url: options.adminUrl, applicationName: "drill", connections: 1 });
      try {
        const name = `${definition.name}_${context}`;
        await admin.execute(`alter database ${name} allow_connections ${takes}`);
        if (!takes)
          await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [
            name,
          ]);
      } finally {
        await admin.close();
      }
      if (takes) await comes(`${consumer} goes on`, async () => batches.get(consumer) !== before);
    },
    async stop() {
      await edge.close();
      await underWay.close();
      await system.stop();
      await program?.stop();
      for (const [, simulator] of running) await simulator.stop();
    },
  };
}

/**
 * A database of its own, two seconds for an answer and none of rest after failures: what takes real time is waited for, and a machine that
 * is busy with other tests must not look like a provider that says nothing. Without the
 * feeds of Salesforce, whose thousand customers nobody asks about here.
 */
function impatient(definition: SystemDefinition): SystemDefinition {
  const hurry = (treaty: Treaty): Treaty =>
    isHandOffTreaty(treaty)
      ? {
          ...treaty,
          times: { ...treaty.times, answerWithinMs: 2_000 },
          limits: { ...treaty.limits, circuitOpenMs: 50 },
        }
      : treaty;
  const calm = ({ treaties = [], ...context }: ContextDefinition): ContextDefinition => ({
    ...context,
    treaties: treaties.filter((treaty) => !isFollowingTreaty(treaty)).map(hurry),
  });
  return { name: `d_${randomBytes(4).toString("hex")}`, contexts: definition.contexts.map(calm) };
}

/** With deciders in the subscription that throw at commands whose data have a member of this value, as a faulty release would. */
function breakable(definition: SystemDefinition, breaksOn: () => unknown): SystemDefinition {
  const contexts = definition.contexts.map((context) =>
    context.name !== "subscription"
      ? context
      : {
          ...context,
          deciders: (context.deciders ?? []).map(({ decider, commandsFrom }) => ({
            commandsFrom,
            decider: {
              ...decider,
              decide: (...given: Parameters<typeof decider.decide>) => {
                const value = breaksOn();
                if (value !== undefined && Object.values(given[1].data).includes(value as never))
                  throw new Error("a fault in this release");
                return decider.decide(...given);
              },
            },
          })),
        },
  );
  return { ...definition, contexts };
}
