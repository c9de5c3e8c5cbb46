/**
 * `npm run bench [-- --peers] [--docs] [--scenarios A,D] [--only entente,floor] [--seconds 15] [--rounds 1] [--outage-seconds 60]
 * [--outage-rate 500] [--preload 5000000] [--seed 1] [--out folder]`. See README.md.
 * `npm run bench -- --scenarios courier [--rows 100000] [--singles 10000]` measures hand-offs instead: courier.ts.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runCourier } from "./courier.ts";
import { ententeAuditTarget, ententeTarget } from "./entente-target.ts";
import { describeMachine } from "./machine.ts";
import { peerTargets } from "./peer-targets.ts";
import { startServer } from "./postgres.ts";
import { type Results, write } from "./report.ts";
import { joinRounds } from "./rounds.ts";
import { type Outcome, runOne, say } from "./runner.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import type { Options } from "./stage.ts";
import type { Target } from "./target.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));

const { values } = parseArgs({
  options: {
    peers: { type: "boolean", default: false },
    docs: { type: "boolean", default: false },
    scenarios: { type: "string" },
    only: { type: "string" },
    seconds: { type: "string", default: "15" },
    rounds: { type: "string", default: "1" },
    "outage-seconds": { type: "string", default: "60" },
    "outage-rate": { type: "string", default: "500" },
    preload: { type: "string", default: "5000000" },
    rows: { type: "string", default: "100000" },
    singles: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    out: { type: "string" },
  },
});

function wholeNumber(
  name: "seconds" | "rounds" | "outage-seconds" | "outage-rate" | "preload" | "seed" | "rows" | "singles",
): number {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number of at least 1`);
  return value;
}

/** Names from a comma-separated flag; unknown ones are an error that lists the known. */
function chosen<T extends { name: string }>(
  flag: string,
  names: string | undefined,
  all: T[],
  usual: T[],
): T[] {
  if (names === undefined) return usual;
  return names.split(",").map((name) => {
    const found = all.find((one) => one.name === name.trim());
    if (found === undefined)
      throw new Error(`--${flag}: no "${name}"; known: ${all.map((one) => one.name).join(", ")}`);
    return found;
  });
}

function targets(): Target[] {
  const all = [ententeTarget, ententeAuditTarget, ...peerTargets];
  const base = all.filter((target) => target.name === "entente" || target.name === "floor");
  const tuned = all.filter((target) => !target.name.includes("-") || target.name === "pg-boss");
  return chosen(
    "only",
    values.only,
    all,
    values.docs ? all.filter((target) => target !== ententeAuditTarget) : values.peers ? tuned : base,
  );
}

/** A2 is about half of what A found, so it brings A along. */
function wanted(): Scenario[] {
  const asked = chosen("scenarios", values.scenarios, scenarios, scenarios);
  const names = new Set(asked.map((scenario) => scenario.name));
  if (names.has("A2")) names.add("A");
  return scenarios.filter((scenario) => names.has(scenario.name));
}

async function installPeers(): Promise<void> {
  const cwd = join(folder, "peers");
  if (existsSync(join(cwd, "node_modules"))) return;
  say("installing the peers (once)");
  const npm = spawn("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  const [code] = await once(npm, "exit");
  if (code !== 0) throw new Error(`npm ci in bench/peers ended with ${code}`);
}

async function main(): Promise<boolean> {
  const options: Options = {
    seconds: wholeNumber("seconds"),
    rounds: wholeNumber("rounds"),
    outageSeconds: wholeNumber("outage-seconds"),
    outageRate: wholeNumber("outage-rate"),
    preload: wholeNumber("preload"),
    seed: wholeNumber("seed"),
  };
  const running = targets();
  if (running.some((target) => !target.name.startsWith("entente") && target.name !== "floor"))
    await installPeers();
  const data = join(folder, ".data", String(process.pid));
  mkdirSync(data, { recursive: true });
  const server = await startServer(process.env.BENCH_DATABASE_URL, data, say);
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void stop().finally(() => process.exit(1)));
  if (values.scenarios === "courier") {
    const sizes = { rows: wholeNumber("rows"), singles: wholeNumber("singles") };
    await runCourier(server, data, values.out ?? join(folder, "results"), sizes, say).finally(stop);
    return true;
  }
  const outcomes: Outcome[] = [];
  let results: Results;
  try {
    const machine = await describeMachine(server.url, data);
    say(`${machine.cores} cores, PostgreSQL ${machine.postgres}, fdatasync ${machine.fsyncMs.p50} ms`);
    for (const scenario of wanted()) {
      const rounds: Outcome[][] = [];
      for (let round = 0; round < options.rounds; round++) {
        const inTurn: Outcome[] = [];
        for (const target of running)
          inTurn.push(await runOne(target, scenario, { server, folder: data, options, earlier: outcomes }));
        rounds.push(inTurn);
      }
      outcomes.push(...joinRounds(scenario, rounds, ententeTarget.name));
    }
    results = { machine, options, targets: running.map(({ name, about }) => ({ name, about })), outcomes };
  } finally {
    await stop();
  }
  const failed = outcomes.filter((outcome) => outcome.failed !== undefined);
  if (failed.length === 0) {
    write(results, values.out ?? folder);
    say(`written: ${join(values.out ?? folder, "RESULTS.md")}`);
    return true;
  }
  // Figures of a run that failed must not replace good ones; they are kept aside for whoever looks into it.
  const aside = join(folder, ".data", "failed");
  write(results, aside);
  for (const { scenario, target, failed: why } of failed) say(`FAILED ${scenario} ${target}: ${why}`);
  say(`RESULTS were left as they are; what was measured is in ${aside}`);
  return false;
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (cause) {
  console.error(cause instanceof Error ? cause.message : cause);
  process.exitCode = 1;
}
