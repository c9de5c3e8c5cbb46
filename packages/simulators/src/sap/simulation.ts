import type { FastifyRequest } from "fastify";
import type { Control } from "../control/control.ts";
import type { ReceivedCall } from "../control/received-call.ts";
import { writeAmount } from "./amount.ts";
import { isInside, nextOpening } from "./ledger/batch-window.ts";
import type { ProposedEntry } from "./ledger/journal-entry.ts";
import { debitOf, objectKeyOf, type PostingOutcome } from "./ledger/ledger.ts";
import { postingRefusal } from "./refusals.ts";
import type { World } from "./world.ts";

/** What every route of this system works with. */
export interface Simulation {
  readonly control: Control;
  readonly world: () => World;
  /** The simulator's time in whole epoch milliseconds. */
  readonly now: () => number;
}

/** Why one part of a request is refused, as rules or the request's own header say; null: it is not. */
export function refusalReason({ control }: Simulation, call: ReceivedCall, key: string): string | null {
  const whole = call.under("rejection");
  if (whole !== null) return whole.reason;
  return control.rules.chooseForPart({ operation: call.subject.operation, keys: [key] });
}

/** Posts one entry, unless `reason` refuses it, and writes the effect down. */
export function postEntry(
  { world, now }: Simulation,
  call: ReceivedCall,
  entry: ProposedEntry,
  reason: string | null,
): PostingOutcome {
  const outcome = world().ledger.post(
    entry,
    now(),
    reason === null ? undefined : postingRefusal(reason, entry),
  );
  if (outcome.document !== null) {
    const { minor, currency } = debitOf(outcome.document);
    call.effect({
      key: entry.reference === "" ? null : entry.reference,
      id: objectKeyOf(outcome.document),
      amount: writeAmount(minor, currency),
      currency,
    });
  }
  return outcome;
}

/** Milliseconds until the batch window opens; 0 when it is open. */
export function closedForMs({ world, now }: Simulation): number {
  const { batchWindow } = world().settings;
  return isInside(batchWindow, now()) ? 0 : nextOpening(batchWindow, now()) - now();
}

/** Does something after the processing time, or when the batch window opens. */
export function processLater(simulation: Simulation, act: () => void): void {
  const { control, world, now } = simulation;
  const at = Math.max(now() + world().settings.processingMs, now() + closedForMs(simulation));
  control.clock.at(at, () => {
    // Time may have been set past the end of the window.
    if (closedForMs(simulation) > 0) processLater(simulation, act);
    else act();
  });
}

/** `http://127.0.0.1:4011`, as the caller wrote it. */
export function originOf(request: FastifyRequest): string {
  return `http://${request.headers.host ?? request.hostname}`;
}
