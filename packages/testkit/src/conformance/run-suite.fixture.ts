import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { testServer } from "../test-server.ts";

export interface Report {
  /** First words of the tests, by what became of them. */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
  readonly code: number | null;
  readonly text: string;
}

/** Runs a suite as a user does, from a file of this folder and in a process of its own, and reads its report. `only`: a pattern of test names. */
export async function runSuiteOf(
  file: string,
  env: Readonly<Record<string, string>>,
  only?: string,
): Promise<Report> {
  const fixture = fileURLToPath(new URL(file, import.meta.url));
  const url = await testServer();
  const { NODE_TEST_CONTEXT: _context, ...surroundings } = process.env;
  const pattern = only === undefined ? [] : [`--test-name-pattern=${only}`];
  const child = spawn(process.execPath, ["--test", "--test-reporter=tap", ...pattern, fixture], {
    env: { ...surroundings, ...env, ENTENTE_TEST_DATABASE_URL: url },
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 120_000,
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const lines = [...text.matchAll(/^ {4}(ok|not ok) \d+ - ([^\n#]+?)(?: # (SKIP|TODO)[^\n]*)?$/gm)];
  const named = (isIt: (ok: boolean, mark: string | undefined) => boolean) =>
    lines
      .filter(([, ok, , mark]) => isIt(ok === "ok", mark))
      .map(([, , name = ""]) => name.split(":")[0] ?? "");
  return {
    passed: named((ok, mark) => ok && mark === undefined),
    failed: named((ok, mark) => !ok && mark === undefined),
    skipped: named((_ok, mark) => mark === "SKIP"),
    code,
    text,
  };
}
