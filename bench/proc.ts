/** CPU and memory of processes, read from /proc. On a system without it the figures are 0. */
import { readdirSync, readFileSync } from "node:fs";

type Stat = { pid: number; parent: number; name: string; ticks: number; reapedTicks: number };

/** Linux reports CPU time in hundredths of a second on every platform Node runs on. */
const ticksPerSecond = 100;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function statOf(pid: number): Stat | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const field = (n: number): number => Number(fields[n - 3]);
  return {
    pid,
    parent: field(4),
    name: text.slice(text.indexOf("(") + 1, end),
    ticks: field(14) + field(15),
    reapedTicks: field(16) + field(17),
  };
}

function all(): Stat[] {
  try {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return pids.map((pid) => statOf(Number(pid))).filter((stat) => stat !== undefined);
  } catch {
    return [];
  }
}

/** The processes named and everything they started, PostgreSQL servers left out. */
export function family(pids: number[]): number[] {
  const stats = all();
  const found = new Set(pids);
  for (let grown = true; grown; ) {
    grown = false;
    for (const stat of stats)
      if (!found.has(stat.pid) && found.has(stat.parent) && stat.name !== "postgres") {
        found.add(stat.pid);
        grown = true;
      }
  }
  return [...found];
}

/** CPU seconds used so far by the processes that are alive. */
export function cpuSeconds(pids: number[]): number {
  return pids.reduce((sum, pid) => sum + (statOf(pid)?.ticks ?? 0), 0) / ticksPerSecond;
}

/** CPU seconds of a PostgreSQL server: the postmaster, its living backends and those it has reaped. */
export function postgresCpuSeconds(postmaster: number): number {
  const own = statOf(postmaster);
  if (own === undefined) return 0;
  const backends = all().filter((stat) => stat.parent === postmaster);
  return (own.ticks + own.reapedTicks + backends.reduce((sum, b) => sum + b.ticks, 0)) / ticksPerSecond;
}

/** Highest resident memory so far, MiB, summed over the processes (each one's own maximum). */
export function peakMemoryMiB(pids: number[]): number {
  const kib = pids.map((pid) => Number(/VmHWM:\s+(\d+)/.exec(read(`/proc/${pid}/status`) ?? "")?.[1] ?? 0));
  return Math.round(kib.reduce((sum, n) => sum + n, 0) / 1024);
}

/** Parent of a process; 0 when unknown. */
export function parentOf(pid: number): number {
  return statOf(pid)?.parent ?? 0;
}
