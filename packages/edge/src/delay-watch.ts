import type { ProcessRecord, System } from "@entente/core";
import { isFinal } from "@entente/core/model";

const longestTimerMs = 2 ** 31 - 1;

/** Watches one process for the moment it becomes late. */
export interface DelayWatch {
  /** The process as last seen; restarts the watch. */
  seen(record: ProcessRecord): void;
  close(): void;
}

/** Milliseconds after acceptance past which a process of this type is late; undefined when the type has no limit. */
export type DelayLimits = ReadonlyMap<string, number>;

export function delayLimitsOf(system: System): DelayLimits {
  const limits = new Map<string, number>();
  for (const { definition } of system.contexts.values()) {
    for (const process of definition.intake?.processes ?? [])
      limits.set(process.type, process.delayedAfterMs);
  }
  return limits;
}

/**
 * Being late is not a change that somebody writes: it comes by the passing of business time.
 * Tells `onDelayed` once per record seen, when the limit passes, also when it passes because the clock was moved.
 */
export function watchDelay(
  system: System,
  limits: DelayLimits,
  onDelayed: (record: ProcessRecord) => void,
): DelayWatch {
  let latest: ProcessRecord | null = null;
  let timer: NodeJS.Timeout | undefined;

  function arm(): void {
    clearTimeout(timer);
    if (latest === null || latest.delayed || isFinal(latest.state)) return;
    const limitMs = limits.get(latest.type);
    if (limitMs === undefined) return;
    const leftMs = latest.acceptedAt + limitMs - system.clock.now();
    if (leftMs < 0) {
      latest = { ...latest, delayed: true };
      onDelayed(latest);
      return;
    }
    timer = setTimeout(arm, Math.min(longestTimerMs, leftMs + 1)).unref();
  }

  const unlisten = system.clock.onChange(arm);
  return {
    seen(record) {
      latest = record;
      arm();
    },
    close() {
      latest = null;
      clearTimeout(timer);
      unlisten();
    },
  };
}
