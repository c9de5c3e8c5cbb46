/** A reporter for `node --test` beside another one: at the end, the test files that took longest. */
import path from "node:path";
import type { TestEvent } from "node:test/reporters";
import { repositoryRoot } from "./tree.ts";

const shown = 15;

export default async function* slowestFiles(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const files: { readonly file: string; readonly seconds: number }[] = [];
  for await (const event of source) {
    // One summary for each file, and one without a file for them all.
    if (event.type !== "test:summary" || event.data.file === undefined) continue;
    const file = path.relative(repositoryRoot, event.data.file);
    files.push({ file, seconds: event.data.duration_ms / 1000 });
  }
  files.sort((one, other) => other.seconds - one.seconds);
  const total = files.reduce((sum, { seconds }) => sum + seconds, 0);
  yield `ℹ longest of ${files.length} test files (${total.toFixed(0)} s one after the other):\n`;
  for (const { file, seconds } of files.slice(0, shown))
    yield `ℹ ${seconds.toFixed(1).padStart(7)} s  ${file}\n`;
}
