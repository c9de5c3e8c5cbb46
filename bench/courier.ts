/**
 * Hand-offs per second, from the opened hand-off to its end, against simulators in processes of their own:
 * `npm run bench -- --scenarios courier [--rows 100000] [--singles 10000]`. Writes `results/courier.md` and `.json`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type NewEntry, type System, startSystem } from "@entente/core";
import { appendEntries, newId } from "@entente/core/internal";
import { openControlClient } from "@entente/simulators";
import {
  concurrency,
  courierSystem,
  courierSystemName,
  rowsTogether,
  type Simulators,
} from "./courier-system.ts";
import { describeMachine, type Machine } from "./machine.ts";
import type { Server } from "./postgres.ts";
import { cpuSeconds } from "./proc.ts";
import { dropDatabases, ourDatabases, until } from "./target.ts";

const tenantId = "bench";
const slowMs = 2_000;
const startMs = 60_000;
const endMs = 180_000;
const cli = fileURLToPath(new URL("../packages/cli/src/main.ts", import.meta.url));
const workerFile = fileURLToPath(new URL("./courier-worker.ts", import.meta.url));

export type CourierOptions = { rows: number; singles: number };

/** Rates per second; CPU in seconds per 1,000 rows or hand-offs. */
type Figures = { name: string; count: number; perSecond: number; courierCpu: number; simulatorCpu: number };

type Child = { process: ChildProcess; ready: string; stop(): Promise<void> };

/** Starts a program of ours and waits for its ready line. */
async function start(args: readonly string[], env: Record<string, string> = {}): Promise<Child> {
  const child = spawn(process.execPath, ["--min-semi-space-size=64", "--max-semi-space-size=64", ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const orphaned = (): boolean => child.kill("SIGKILL");
  process.once("exit", orphaned);
  const stop = async (): Promise<void> => {
    process.off("exit", orphaned);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  };
  const late = setTimeout(orphaned, startMs);
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith("ready")) continue;
    clearTimeout(late);
    child.stdout.resume();
    return { process: child, ready: line.slice("ready ".length), stop };
  }
  throw new Error(`${args.join(" ")} ended before it was ready`);
}

function fact(type: string, key: string, data: NewEntry["data"]): NewEntry {
  const occurredAt = Date.now();
  const id = newId(occurredAt);
  return {
    id,
    kind: "event",
    type,
    schemaVersion: "1.0.0",
    source: "shop",
    target: null,
    tenantId,
    key,
    keyVersion: null,
    processId: id,
    correlationId: id,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt,
    data,
  };
}

const entries = (name: string, count: number): NewEntry[] => {
  const day = new Date().toISOString().slice(0, 10);
  return Array.from({ length: count }, (_, n) => {
    const entryId = `${name}-${n}`;
    return fact("shop.booked", entryId, { entryId, amountMinor: 100 + (n % 1000), day });
  });
};

const payments = (name: string, count: number, type = "shop.paid"): NewEntry[] =>
  Array.from({ length: count }, (_, n) => {
    const paymentId = `${name}-${n}`;
    return fact(type, paymentId, { paymentId, amountMinor: 100, method: "pm_card_visa" });
  });

class Bench {
  private readonly system: System;
  private readonly adminUrl: string;
  private readonly simulators: { ledger: Child; fast: Child; slow: Child };

  constructor(system: System, adminUrl: string, simulators: { ledger: Child; fast: Child; slow: Child }) {
    this.system = system;
    this.adminUrl = adminUrl;
    this.simulators = simulators;
  }

  urls(): Simulators {
    const url = (child: Child): string => child.ready.replace("127.0.0.1", "localhost");
    const { ledger, fast, slow } = this.simulators;
    return { ledger: url(ledger), fast: url(fast), slow: url(slow) };
  }

  /**
   * Puts all facts into the journal, starts the courier's process, and times from the first hand-off opened to the last one completed,
   * by the times that stand in the hand-offs. `beside`: what waits for the slow counterparty meanwhile.
   */
  async measure(
    name: string,
    treaty: string,
    simulator: Child,
    facts: readonly NewEntry[],
    beside: readonly NewEntry[] = [],
  ): Promise<Figures> {
    const database = this.database();
    await appendEntries(database, [...beside, ...facts]);
    const [before] = await database.execute<{ n: number }>(
      "select coalesce(sum(greatest(row_count, 1)), 0)::int as n from entente.hand_off where treaty = $1",
      [treaty],
    );
    await database.execute("checkpoint").catch(() => {});
    const since = Date.now();
    const cpuBefore = cpuSeconds([simulator.process.pid ?? 0]);
    const worker = await start([workerFile], {
      COURIER_ADMIN_URL: this.adminUrl,
      COURIER_SIMULATORS: JSON.stringify(this.urls()),
    });
    const pid = worker.process.pid ?? 0;
    const startCpu = cpuSeconds([pid]);
    let courierCpu = 0;
    try {
      const wanted = (before?.n ?? 0) + facts.length;
      await until(`${name}: all completed`, endMs, 50, async () => {
        const [row] = await database.execute<{ n: number }>(
          `select coalesce(sum(greatest(row_count, 1)), 0)::int as n from entente.hand_off
           where treaty = $1 and state = 'completed'`,
          [treaty],
        );
        return row?.n === wanted;
      });
      courierCpu = cpuSeconds([pid]) - startCpu;
    } finally {
      await worker.stop();
    }
    const [took] = await database.execute<{ ms: number }>(
      `select (extract(epoch from max(updated_at) - min(created_at)) * 1000)::float8 as ms from entente.hand_off
       where treaty = $1 and created_at >= to_timestamp($2::float8 / 1000)`,
      [treaty, since],
    );
    const per1000 = (seconds: number): number => (seconds * 1000) / facts.length;
    return {
      name,
      count: facts.length,
      perSecond: (facts.length * 1000) / (took?.ms ?? Number.NaN),
      courierCpu: per1000(courierCpu),
      simulatorCpu: per1000(cpuSeconds([simulator.process.pid ?? 0]) - cpuBefore),
    };
  }

  /** What really happened over there: every act once, and no other. */
  async verify(simulator: Child, acts: number): Promise<void> {
    const effects = await openControlClient(simulator.ready).effects();
    const keys = new Set(effects.map(({ key }) => key));
    if (effects.length !== acts || keys.size !== acts)
      throw new Error(`${acts} acts were asked for; ${effects.length} happened, under ${keys.size} keys`);
  }

  /** A counterparty with nothing left to do slows nobody down: then the figure beside it would be worth nothing. */
  async verifyWaiting(treaty: string): Promise<void> {
    const [row] = await this.database().execute<{ n: number }>(
      "select count(*)::int as n from entente.hand_off where treaty = $1 and state = 'created'",
      [treaty],
    );
    if ((row?.n ?? 0) === 0)
      throw new Error(`nothing waits for ${treaty} any more: it was not slow to the end`);
  }

  private database() {
    const context = this.system.contexts.get("shop");
    if (context === undefined) throw new Error("no context shop");
    return context.database;
  }
}

/** Runs the benchmark on `server` and writes its pages into `folder`. */
export async function runCourier(
  server: Server,
  data: string,
  folder: string,
  options: CourierOptions,
  say: (line: string) => void,
): Promise<void> {
  const machine = await describeMachine(server.url, data);
  await dropDatabases(server.url, ourDatabases);
  const [ledger, fast, slow] = await Promise.all(
    ["sap", "payments", "payments"].map((name) => start([cli, "simulator", name, "--seed", "1"])),
  );
  if (ledger === undefined || fast === undefined || slow === undefined) throw new Error("no simulators");
  await openControlClient(slow.ready).rule({ behaviour: "slow", delayMs: slowMs });
  const { definition, outside } = courierSystem({ ledger: "", fast: "", slow: "" });
  // A first start makes the databases.
  const maker = await start([workerFile], { COURIER_ADMIN_URL: server.url });
  await maker.stop();
  const system = await startSystem({ definition, adminUrl: server.url, outside, run: [] });
  try {
    const bench = new Bench(system, server.url, { ledger, fast, slow });
    const { rows, singles } = options;
    const told = (figures: Figures): Figures => {
      say(`${figures.name}: ${Math.round(figures.perSecond)}/s`);
      return figures;
    };
    // A first, small run of both: what is compiled and planned at first use is not what is measured.
    await bench.measure("warm-up", "ledger-post", ledger, entries("w", 5_000));
    await bench.measure("warm-up", "payments-take", fast, payments("w", 1_000));
    const batches = told(await bench.measure("rows in batches", "ledger-post", ledger, entries("e", rows)));
    const alone = told(
      await bench.measure("single hand-offs", "payments-take", fast, payments("a", singles)),
    );
    // More than the slow one can take in that time, and not so many that opening them is what is measured.
    const waiting = payments("s", Math.max(200, Math.round(singles / 12)), "shop.paid-slowly");
    const beside = told(
      await bench.measure(
        "single hand-offs beside a slow counterparty",
        "payments-take",
        fast,
        payments("b", singles),
        waiting,
      ),
    );
    await bench.verifyWaiting("slow-take");
    await bench.verify(ledger, rows + 5_000);
    await bench.verify(fast, 2 * singles + 1_000);
    const results = {
      machine,
      options,
      figures: [batches, alone, beside],
      ratio: beside.perSecond / alone.perSecond,
    };
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "courier.json"), `${JSON.stringify(results, null, 2)}\n`);
    writeFileSync(join(folder, "courier.md"), courierPage(results));
    say(`written: ${join(folder, "courier.md")}`);
  } finally {
    await system.stop();
    await Promise.all([ledger, fast, slow].map((one) => one.stop()));
    await dropDatabases(server.url, [`${courierSystemName.replaceAll("_", "\\_")}\\_%`]);
  }
}

function courierPage(results: { machine: Machine; figures: readonly Figures[]; ratio: number }): string {
  const { machine, figures, ratio } = results;
  const settings = Object.entries(machine.settings).map(([name, value]) => `${name} ${value}`);
  const number = (value: number): string =>
    value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
  return [
    "# Hand-offs per second",
    "",
    "Written by `npm run bench -- --scenarios courier`; do not edit. How it works: [README.md](../README.md#hand-offs).",
    "",
    `Measured ${machine.date} UTC on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.kernel}.`,
    `Node ${machine.node}, PostgreSQL ${machine.postgres} (${settings.join(", ")}).`,
    `One 8 KiB write with fdatasync takes ${machine.fsyncMs.p50} ms (p50), ${machine.fsyncMs.p99} ms (p99).`,
    "",
    `Rows travel in batches of ${rowsTogether} to the SAP simulator; singles to the payments simulator, ${concurrency} at once. Courier, PostgreSQL and`,
    "simulators share the machine, each in a process of its own. From the first hand-off opened to the last one completed.",
    "Afterwards the simulators' own record was checked: every act happened once, and nothing else did.",
    "",
    "| What | Count | Per second | courier CPU s/1000 | simulator CPU s/1000 |",
    "| --- | --: | --: | --: | --: |",
    ...figures.map(
      ({ name, count, perSecond, courierCpu, simulatorCpu }) =>
        `| ${name} | ${number(count)} | ${number(perSecond)} | ${number(courierCpu)} | ${number(simulatorCpu)} |`,
    ),
    "",
    `A counterparty that takes ${slowMs / 1000} s for each answer, with ${concurrency} hand-offs under way to it all the time, leaves another one`,
    `${ratio.toFixed(2)} of its throughput.`,
    "",
  ].join("\n");
}
