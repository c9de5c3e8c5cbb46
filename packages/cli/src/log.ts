import type { ConsumerEvent, HandOffState, TreatyEvent } from "@entente/core";
import { type DestinationStream, type Logger, pino } from "pino";

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

const standardError = () => pino.destination({ dest: 2, sync: false });

const parkedEntries = "docs/operations/parked-entries.md";
const runbooks: ReadonlyMap<string, string> = new Map([
  ["journal-replaced", "docs/operations/journal-replaced.md"],
  ["month-held", "docs/operations/retention.md"],
  ["archive-unwritable", "docs/operations/retention.md"],
  ["archive-damaged", "docs/operations/retention.md"],
]);

/** `exported` hears every line as well; `destination` stands for standard error in tests. */
export function openLog(
  level: string,
  exported: DestinationStream | null = null,
  destination: DestinationStream = standardError(),
): Log {
  const both =
    exported === null
      ? destination
      : pino.multistream([
          { level: "trace", stream: destination },
          { level: "trace", stream: exported },
        ]);
  const logger = pino({ level, base: null }, both);
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
        case "incident":
          logger.error(event, "customers suffer");
          return;
        case "stopped": {
          const runbook = runbooks.get(event.code);
          logger.error(runbook === undefined ? event : { ...event, runbook }, "consumer cannot go on");
          return;
        }
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
      const level = levelOf(event);
      if (level !== null) logger[level](event, event.event);
    },
  };
}

/** What only counts has no line: each hand-off has its own. What takes its course is detail, what did not go well is for everybody. */
function levelOf(event: TreatyEvent): "debug" | "info" | "warn" | null {
  switch (event.event) {
    case "hand-offs-sent":
    case "hand-offs-answered":
    case "hand-offs-lost":
    case "reconciled":
      return null;
    case "courier-trouble":
    case "circuit":
      return "warn";
    case "case":
      return event.step === "opened" ? "warn" : "info";
    case "callback":
      return event.outcome === "refused" ? "warn" : "debug";
    case "hand-off":
      if (event.verdict === "impossible" || event.step === "lost") return "warn";
      return event.step === "decided" || troubled.has(event.state) ? "info" : "debug";
  }
}

const troubled = new Set<HandOffState>(["unknown", "rejected", "fallout", "blocked"]);
