/**
 * Runs test files in the order given, each in a process of its own: `run-tests.ts <files at once> <spec|dot> <file>…`.
 * The runner's command line goes through them by name, and then the longest come last and alone.
 * Asked to end, it says what failed so far and names the files it waited for. Exit code 1 when anything failed.
 */
import path from "node:path";
import { run } from "node:test";
import { dot, spec } from "node:test/reporters";
import { inspect } from "node:util";
import slowestFiles from "./slowest-files.ts";
import { repositoryRoot } from "./tree.ts";

/** A test that hangs fails instead of holding everything up. */
const testMs = 600_000;

const [filesAtOnce, reporter, ...files] = process.argv.slice(2);
const running = new Set<string>();
/** What failed so far: the reporter tells why at the end, which an interrupted run does not come to. */
const failed: string[] = [];
const events = run({ files, concurrency: Number(filesAtOnce), timeout: testMs });
events.on("test:dequeue", ({ name, nesting }) => {
  if (nesting === 0) running.add(name);
});
events.on("test:complete", ({ name, nesting }) => {
  if (nesting === 0) running.delete(name);
});
events.on("test:fail", ({ name, file, details }) => {
  process.exitCode = 1;
  failed.push(`✖ ${file ?? ""} ${name}\n${inspect(details.error.cause ?? details.error)}`);
});
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    const waitedFor = [...running].filter((name) => files.includes(path.relative(repositoryRoot, name)));
    for (const failure of failed) console.error(failure);
    console.error(`Interrupted while running:\n${waitedFor.map((name) => `  ${name}`).join("\n")}`);
    process.exit(1);
  });
}
if (reporter === "dot") events.compose(dot).pipe(process.stdout);
else {
  events.compose(spec).pipe(process.stdout);
  events.compose(slowestFiles).pipe(process.stdout);
}
