/**
 * `npm test`: types, format and lint, the rules of the repository, then every test. Stops at the first step that fails.
 * `npm test -- --only <text>` runs only the test files whose path contains the text, and no other step.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { repositoryFiles, repositoryRoot } from "./tree.ts";

/** Those in folders of `examples` need what their guide starts for them: the guide's own test runs them. */
const testFolders = /^(?:(?:packages|systems|tools|bench)\/.*|examples\/[^/]+)\.test\.ts$/;
/** Tests share the machine with the PostgreSQL servers they start. */
const testFilesAtOnce = 3;
/** Files of this name have the machine for themselves, after all others: what they judge is how long a system takes to notice and to mend. */
const alone = /\.alone\.[^/]*test\.ts$/;
/** Whole systems, killed and restarted: minutes each. */
const scenario = /\.scenario\.test\.ts$/;
/** With a database server of their own: seconds each. */
const withServer = /\.pg\.test\.ts$/;
/** The runner's own limit does not reach a file whose tests have ended but whose process does not: this one does. */
const stepMs = 60 * 60_000;

interface Step {
  readonly title: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** Where the run's first database server leaves its cluster for the others. As root, their account has to pass through. */
const seed = mkdtempSync(path.join(tmpdir(), "entente-seed-"));
chmodSync(seed, 0o711);
process.once("exit", () => rmSync(seed, { recursive: true, force: true }));

/** Where test processes ask for a database server. */
const servers = path.join(seed, "servers");

/** Programs that dev dependencies brought along, Node 26 among them. */
const programs = path.join(repositoryRoot, "node_modules", ".bin");
/** Some of those programs are scripts that look for `node`: they must find ours, not the machine's. */
const environment = {
  ...process.env,
  PATH: `${programs}${path.delimiter}${process.env.PATH ?? ""}`,
  ENTENTE_TEST_SEED: seed,
  ENTENTE_TEST_SERVERS: servers,
  // Each test file, and each process that tests start, loads the same modules: compiled once.
  NODE_COMPILE_CACHE: path.join(repositoryRoot, "node_modules", ".cache", "compiled"),
};

function testsIn(
  files: readonly string[],
  reporter: "spec" | "dot",
  filesAtOnce = testFilesAtOnce,
): readonly string[] {
  return [path.join(import.meta.dirname, "run-tests.ts"), String(filesAtOnce), reporter, ...inOrder(files)];
}

/**
 * Scenarios among those with a server, as evenly as it goes, and the short ones last: several scenarios at once leave each other too
 * little of the machine, and one that is begun last keeps one core busy while the other has nothing left to do.
 */
function inOrder(files: readonly string[]): readonly string[] {
  const scenarios = files.filter((file) => scenario.test(file));
  const servers = files.filter((file) => withServer.test(file));
  const share = Math.ceil(servers.length / Math.max(1, scenarios.length));
  const mixed = scenarios.flatMap((file, n) => [file, ...servers.slice(n * share, (n + 1) * share)]);
  return [...new Set([...mixed, ...servers, ...files])];
}

function stepsFor(only: string | undefined): readonly Step[] {
  const tests = repositoryFiles().filter((file) => testFolders.test(file));
  const chosen = only === undefined ? tests : tests.filter((file) => file.includes(only));
  if (chosen.length === 0) stop(`No test file has "${only}" in its path.`);
  const shared = chosen.filter((file) => !alone.test(file));
  const single = chosen.filter((file) => alone.test(file));
  const program = process.execPath;
  const runs: Step[] = [];
  if (shared.length > 0) runs.push({ title: "tests", program, args: testsIn(shared, "spec") });
  if (single.length > 0)
    runs.push({ title: "tests that run alone", program, args: testsIn(single, "spec", 1) });
  if (only !== undefined) return runs;
  // The rules run twice: here, in a second, so that a broken one is told before the long part; and in the full count.
  const rules = tests.filter((file) => file.startsWith("tools/"));
  return [
    { title: "types", program: path.join(programs, "tsc"), args: ["-p", "."] },
    { title: "format and lint", program: path.join(programs, "biome"), args: ["check", "."] },
    { title: "rules", program, args: testsIn(rules, "dot") },
    ...runs,
  ];
}

/** Exit code of the step's program; 1 when a signal ended it. Asked to end, the test runner names what it waited for. */
function run(step: Step): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(step.program, step.args, {
      cwd: repositoryRoot,
      stdio: "inherit",
      env: environment,
      timeout: stepMs,
    });
    child.once("error", (cause) => reject(new Error(`${step.program} could not be started`, { cause })));
    child.once("close", (code) => resolve(code ?? 1));
  });
}

function stop(why: string): never {
  console.error(why);
  process.exit(1);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

const { values } = parseArgs({ options: { only: { type: "string" } } });
if (!process.versions.node.startsWith("26.")) {
  stop(`This is Node ${process.versions.node}. Use \`npm test\`, which brings Node 26 along.`);
}
/** Lends the run's database servers; ends when this process does, however it ends. */
const lender = spawn(
  process.execPath,
  [path.join(repositoryRoot, "packages/testkit/src/test-server-lender.ts"), servers],
  { cwd: repositoryRoot, stdio: ["pipe", "pipe", "inherit"], env: environment, detached: true },
);
await once(lender.stdout, "data");
const times: string[] = [];
const startedAt = performance.now();
for (const step of stepsFor(values.only)) {
  const stepAt = performance.now();
  console.log(`▸ ${step.title}`);
  process.exitCode = await run(step);
  times.push(`${step.title} ${seconds(performance.now() - stepAt)}`);
  if (process.exitCode !== 0) {
    console.error(`✖ ${step.title} failed`);
    break;
  }
}
console.log(`ℹ total ${seconds(performance.now() - startedAt)} (${times.join(", ")})`);
lender.stdin.end();
await once(lender, "close");
