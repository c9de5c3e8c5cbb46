/** One load on one running target, watched from outside until everything that was accepted is confirmed. */
import { startLoad } from "./driver.ts";
import type { LoadReport, LoadSpec } from "./load-spec.ts";
import { cpuSeconds, postgresCpuSeconds } from "./proc.ts";
import type { Running } from "./target.ts";

/** What a load did to a target. Rates per second. */
export type Measured = {
  report: LoadReport;
  acceptPerSecond: number;
  /** Confirmed divided by the time from the first request to the last confirmation. */
  confirmedPerSecond: number;
  /** Seconds from the last acceptance to the last confirmation. */
  drainSeconds: number;
  cpuTarget: number;
  cpuPostgres: number;
  cpuLoad: number;
  /** The most that the audit log was behind while the load ran. */
  auditLagSeconds?: number;
};

/** How a load is watched. */
export type Watch = {
  /** The PostgreSQL server's process. */
  postmaster: number;
  /** Told ten times a second how far it is. */
  progress(line: { accepted: number; confirmed: number }): void;
  /** Aborted when the target has ended: the load stops and `measure` throws the reason. */
  signal: AbortSignal;
};

const watchMs = 100;
const auditMs = 250;
const drainStepMs = 20;
const stuckMs = 90_000;

const now = (): number => performance.timeOrigin + performance.now();

/**
 * Waits until `wanted` commands are confirmed, looking every 20 ms.
 * Throws when nothing is confirmed for a minute and a half: then commands are lost or the target is stuck.
 */
export async function drained(
  confirmed: () => Promise<number>,
  wanted: number,
  signal: AbortSignal,
): Promise<void> {
  let last = -1;
  let movedAt = now();
  for (;;) {
    const count = await confirmed();
    const at = now();
    signal.throwIfAborted();
    if (count >= wanted) return;
    if (count > last) movedAt = at;
    last = count;
    if (at - movedAt > stuckMs) throw new Error(`${wanted - count} of ${wanted} accepted are not confirmed`);
    await new Promise((resolve) => setTimeout(resolve, drainStepMs));
  }
}

/**
 * Runs `spec` against the target. With `drain` false it returns when the last request is answered;
 * `confirmedPerSecond` and `drainSeconds` then mean nothing.
 */
export async function measure(
  running: Running,
  spec: LoadSpec,
  { postmaster, progress, signal }: Watch,
  drain = true,
): Promise<Measured> {
  const before = await running.confirmedCount();
  const pids = running.pids();
  const cpu = { target: cpuSeconds(pids), postgres: postgresCpuSeconds(postmaster) };
  const load = startLoad(spec);
  signal.addEventListener("abort", load.stop);
  let last = 0;
  let lastConfirmedAt = now();
  const confirmed = async (): Promise<number> => {
    const count = (await running.confirmedCount()) - before;
    if (count > last) lastConfirmedAt = now();
    last = count;
    load.confirmed(count);
    progress({ accepted: load.accepted(), confirmed: count });
    return count;
  };
  let over = false;
  const watching = (async () => {
    while (!over) {
      await confirmed();
      await new Promise((resolve) => setTimeout(resolve, watchMs));
    }
  })();
  let auditLag = 0;
  const auditing = (async () => {
    while (!over && running.auditLagSeconds !== undefined) {
      auditLag = Math.max(auditLag, await running.auditLagSeconds());
      await new Promise((resolve) => setTimeout(resolve, auditMs));
    }
  })();
  const report = await Promise.race([
    load.report,
    watching.then(() => load.report),
    auditing.then(() => load.report),
  ])
    .catch((cause: unknown) => {
      signal.throwIfAborted();
      throw cause;
    })
    .finally(() => {
      over = true;
      signal.removeEventListener("abort", load.stop);
    });
  await watching;
  await auditing;
  if (drain) await drained(confirmed, report.accepted, signal);
  const seconds = (lastConfirmedAt - report.firstSentAt) / 1000;
  const acceptSeconds = (report.lastAcceptedAt - report.firstSentAt) / 1000 - report.heldSeconds;
  return {
    report,
    acceptPerSecond: report.accepted / acceptSeconds,
    confirmedPerSecond: report.accepted / seconds,
    drainSeconds: Math.max(0, (lastConfirmedAt - report.lastAcceptedAt) / 1000),
    cpuTarget: cpuSeconds(pids) - cpu.target,
    cpuPostgres: postgresCpuSeconds(postmaster) - cpu.postgres,
    cpuLoad: report.cpuSeconds,
    ...(running.auditLagSeconds === undefined ? {} : { auditLagSeconds: auditLag }),
  };
}
