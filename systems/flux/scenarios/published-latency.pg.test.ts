/**
 * How long customers wait, by their own watch and by what Flux publishes: the same within 5 %.
 *
 * The watch of a customer starts before the POST and stops when the push says "confirmed"; Flux counts from the acceptance to the moment
 * the process shows it. What lies between the two is a request's way and a push's, some milliseconds, and what is published comes from
 * buckets that are up to 2.2 % off. So that 5 % says something, the wait itself is long: on-demand top-ups are confirmed by their charge, and
 * the provider answers each charge later than the one before, by hundreds of milliseconds of real time. Nothing here moves a clock.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { isHandOffTreaty, type SystemDefinition, type Treaty } from "@entente/core";
import { withFitness } from "@entente/core/internal";
import { latencyErrorBound } from "@entente/core/model";
import { fluxFitness } from "../app/flux.ts";
import { comes, startChargedFlux } from "./charged-flux.fixture.ts";

const allowed = 0.05;
const accounts = ["acct-0001", "acct-0002", "acct-0003", "acct-0004"];
/** Of the provider's answers, in the order in which it is asked, eight charges each. */
const delaysMs = [300, 600, 900, 1_200, 1_500, 1_800];
const chargesEach = 8;

const flux = await startChargedFlux({
  around: (definition) => withFitness(patient(definition), fluxFitness(definition)),
});
after(() => flux.stop());

/** Who answers slowly is waited for: an answer that was given up would have to be found out about, minutes later. */
function patient(definition: SystemDefinition): SystemDefinition {
  const wait = (treaty: Treaty): Treaty =>
    isHandOffTreaty(treaty) ? { ...treaty, times: { ...treaty.times, answerWithinMs: 30_000 } } : treaty;
  return {
    ...definition,
    contexts: definition.contexts.map((context) => ({
      ...context,
      treaties: (context.treaties ?? []).map(wait),
    })),
  };
}

/** When each process of these accounts was pushed as confirmed, by the watch of whoever listens. */
async function listen(): Promise<ReadonlyMap<string, number>> {
  const confirmedAt = new Map<string, number>();
  const { token } = await flux.callerAs({ role: "customer", accounts });
  const socket = new WebSocket(`${flux.url.replace("http", "ws")}/processes/stream`);
  after(() => socket.close());
  const ready = Promise.withResolvers<void>();
  socket.addEventListener("message", ({ data }) => {
    const told = JSON.parse(String(data)) as { ready?: true; processId?: string; state?: string };
    if (told.ready === true) ready.resolve();
    if (told.processId !== undefined && told.state === "confirmed")
      confirmedAt.set(told.processId, performance.now());
  });
  await once(socket, "open");
  socket.send(JSON.stringify({ token }));
  await ready.promise;
  return confirmedAt;
}

/** By nearest rank. */
function percentile(latencies: readonly number[], share: number): number {
  const sorted = latencies.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] as number;
}

test("the P90 that Flux publishes is the one its customers measured from POST to push, within 5 %", async () => {
  for (const accountId of accounts) await flux.open(accountId);
  const confirmedAt = await listen();
  for (const delayMs of delaysMs) {
    const when = { operation: "create-payment-intent" } as const;
    await flux.provider.rule({ behaviour: "slow", delayMs, when, times: chargesEach });
  }
  const sentAt = new Map<string, number>();
  const topUp = async (accountId: string, key: string, units: number): Promise<void> => {
    const at = performance.now();
    const { status, body } = await flux.customer.topUp(accountId, key, units);
    assert.equal(status, 202, JSON.stringify(body));
    sentAt.set(String(body.processId), at);
  };
  // The first of each account uses its quota up, and waits for nobody.
  await Promise.all(accounts.map((accountId) => topUp(accountId, `quota ${accountId}`, 100)));
  const charges = Array.from({ length: delaysMs.length * chargesEach }, (_, n) => n);
  await Promise.all(charges.map((n) => topUp(accounts[n % accounts.length] as string, `charge ${n}`, 1)));
  await comes("all were pushed", async () => [...sentAt.keys()].every((id) => confirmedAt.has(id)));

  const measured = [...sentAt].map(([id, at]) => (confirmedAt.get(id) as number) - at);
  const [p50, p90] = [percentile(measured, 0.5), percentile(measured, 0.9)];
  // Otherwise the comparison would say nothing: of a figure that is mostly noise, or of one that any other would do for.
  assert.ok(p90 >= Math.max(...delaysMs) && p90 > p50 * (1 + 2 * allowed), `P50 ${p50} ms, P90 ${p90} ms`);
  assert.ok(latencyErrorBound < allowed / 2, "the buckets leave half of it to everything else");

  const statistics = await counted(measured.length);
  const published: [string, number, number | null][] = [
    ["P50 of /ops/process-statistics", p50, statistics.p50Ms],
    ["P90 of /ops/process-statistics", p90, statistics.p90Ms],
    ["P90 of /ops/fitness", p90, await fitnessP90()],
  ];
  for (const [what, exact, read] of published) {
    const off = Math.abs((read ?? 0) - exact) / exact;
    assert.ok(off <= allowed, `${what}: ${read} ms published, ${exact} ms measured, ${off} off`);
  }
});

interface Total {
  readonly started: number;
  readonly confirmed: number;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
}

/** What is published once it is about all of them, and nobody else's. */
async function counted(wanted: number): Promise<Total> {
  let last: Total | undefined;
  await comes(
    "they are counted",
    async () => {
      const { body } = await flux.customer.get("/ops/process-statistics?types=top-up");
      last = (body.types as { total: Total }[])[0]?.total;
      return last?.confirmed === wanted && last.started === wanted;
    },
    () => JSON.stringify(last),
  );
  return last as Total;
}

async function fitnessP90(): Promise<number | null> {
  const { status, body } = await flux.customer.get("/ops/fitness");
  assert.equal(status, 200, JSON.stringify(body));
  const functions = body.functions as { name: string; value: number | null }[];
  return functions.find(({ name }) => name === "top-up-p90")?.value ?? null;
}
