import type { ConsumerEvent, TreatyEvent } from "@entente/core";
import { type Logger, pino } from "pino";

/**
 * Structured lines on standard error; standard output carries where simulators are, and `ready`. Payloads and secrets are never logged:
 * events have codes and ids, nothing else.
 */
export interface Log {
  readonly logger: Logger;
  info(text: string): void;
  event(event: ConsumerEvent): void;
  treaty(event: TreatyEvent): void;
}

const parkedEntries = "docs/operations/parked-entries.md";
const journalReplaced = "docs/operations/journal-replaced.md";

export function openLog(level: string): Log {
  const logger = pino({ level, base: null }, pino.destination({ dest: 2, sync: false }));
  return {
    logger,
    info: (text) => logger.info(text),
    event(event) {
      switch (event.event) {
        case "batch":
          return;
        case "parked":
          // One line per parked command: this is what pages somebody.
          logger.error({ ...event, processId: event.processId, runbook: parkedEntries }, "command parked");
          return;
        case "stopped":
          logger.error(
            event.code === "journal-replaced" ? { ...event, runbook: journalReplaced } : event,
            "consumer cannot go on",
          );
          return;
        case "retrying":
        case "unavailable":
        case "fenced":
          logger.warn(event, event.event);
          return;
        case "lanes":
          logger.debug(event, "lanes");
      }
    },
    treaty(event) {
      const troubles = event.event === "courier-trouble" || event.event === "hand-offs-lost";
      logger[troubles || event.event === "circuit" ? "warn" : "debug"](event, event.event);
    },
  };
}
