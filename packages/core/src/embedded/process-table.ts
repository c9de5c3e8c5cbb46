/** What the operating system says about a process. */
import { readFileSync } from "node:fs";

export interface ProcessEntry {
  /** File name of the running program, at most 15 characters. */
  readonly program: string;
  /** True when it ended and only its exit code is still to be fetched by its parent. */
  readonly ended: boolean;
  /** Clock ticks from boot to its start: with the id, this names one process for good. */
  readonly startTicks: string;
}

/** False only when the process is surely gone: a process of another user, or one we may not look at, is alive. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
  return processEntry(pid)?.ended !== true;
}

/** The entry of a process on Linux; undefined when there is none, when it is hidden, and on other systems. */
export function processEntry(pid: number): ProcessEntry | undefined {
  if (process.platform !== "linux") return undefined;
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The program's name stands in brackets and may itself contain brackets and spaces.
  const close = line.lastIndexOf(")");
  const [state, ...rest] = line.slice(close + 2).split(" ");
  const program = line.slice(line.indexOf("(") + 1, close);
  return { program, ended: state === "Z" || state === "X", startTicks: rest[18] ?? "" };
}
