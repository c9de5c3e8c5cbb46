/** Runs one of the server's own programs to its end. */
import { execFile } from "node:child_process";
import path from "node:path";
import type { Account } from "./account.ts";

export interface ProgramEnd {
  /** Exit code; null when it was killed, ran out of time or could not be started. */
  readonly code: number | null;
  /** Why it could not be started, e.g. "EACCES"; undefined when it ran. */
  readonly startError: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Nothing of our own environment is passed on: PG* and locale variables would change what the programs do.
 * Windows adds the variables it cannot run without by itself.
 */
export const programEnvironment: NodeJS.ProcessEnv = { LC_ALL: "C", TZ: "UTC" };

/** The root folder: our own working directory may be closed to the server's account. */
export function neutralFolder(program: string): string {
  return path.parse(program).root;
}

/** Runs a program under an account, at most `timeoutMs`. Never rejects: how it ended is the value. */
export function runProgram(
  program: string,
  programArguments: readonly string[],
  account: Account | undefined,
  timeoutMs = 10_000,
): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    const options = {
      ...account,
      cwd: neutralFolder(program),
      env: programEnvironment,
      timeout: timeoutMs,
      encoding: "utf8" as const,
    };
    execFile(program, programArguments, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : null;
      const startError = typeof error?.code === "string" ? error.code : undefined;
      resolve({ code, startError, stdout, stderr });
    });
  });
}
