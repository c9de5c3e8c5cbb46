import type { FastifyRequest } from "fastify";
import type { Control } from "../control/control.ts";
import type { ReceivedCall } from "../control/received-call.ts";
import { writeAmount } from "./amount.ts";
import { nextOpening } from "./ledger/batch-window.ts";
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
  const at = now();
  return nextOpening(world().settings.batchWindow, at) - at;
}

/** Does something after the processing time, or when the batch window opens. */
export function processLater({ control, world, now }: Simulation, act: () => void): void {
  // The clock runs on between two looks at it: whoever asks twice waits for a moment before the window opens.
  const opening = (at: number): number => nextOpening(world().settings.batchWindow, at);
  const wait = (at: number): void => {
    control.clock.at(at, () => {
      const present = now();
      // Time may have been set past the end of the window.
      if (opening(present) > present) wait(opening(present));
      else act();
    });
  };
  const present = now();
  wait(Math.max(present + world().settings.processingMs, opening(present)));
}

/** `http://127.0.0.1:4011`, as the caller wrote it. */
export function originOf(request: FastifyRequest): string {
  return `http://${request.headers.host ?? request.hostname}`;
}
