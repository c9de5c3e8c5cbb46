import type { FastifyRequest } from "fastify";
import type { ReceivedCall } from "../../control/received-call.ts";
import { systemId } from "../description.ts";
import type { MessageEntry } from "../messages.ts";
import { postEntry, refusalReason, type Simulation } from "../simulation.ts";
import { writeConfirmation } from "./confirmation.ts";
import { type JournalEntryRequest, readJournalEntryRequest } from "./journal-entry-request.ts";

type Read = ReturnType<typeof readJournalEntryRequest>;

/** Each request is read once, although control part and handler both look into it. */
export function openRequestReader({ world }: Simulation): (request: FastifyRequest) => Read {
  const read = new WeakMap<FastifyRequest, Read>();
  return (request) => {
    const known = read.get(request);
    if (known !== undefined) return known;
    const fresh = readJournalEntryRequest(
      typeof request.body === "string" ? request.body : "",
      world().master,
    );
    read.set(request, fresh);
    return fresh;
  };
}

/** The reasons for which entries are refused, chosen when the request arrives: null for those that are not. */
export function chooseRefusals(
  simulation: Simulation,
  call: ReceivedCall,
  { entries }: JournalEntryRequest,
): readonly (string | null)[] {
  return entries.map(({ entry }) => refusalReason(simulation, call, entry.reference));
}

/** Posts every entry by itself, in order: one that is refused holds up no other. */
export function postEntries(
  simulation: Simulation,
  call: ReceivedCall,
  { entries }: JournalEntryRequest,
  reasons: readonly (string | null)[],
): readonly MessageEntry[] {
  return entries.map(({ messageId, entry }, i) => {
    const { document, items } = postEntry(simulation, call, entry, reasons[i] ?? null);
    return { messageId, reference: entry.reference, document, items };
  });
}

/** `severity`: what a rule about unknown statuses wants to read in it. */
export function confirmationOf(
  { world, now }: Simulation,
  request: JournalEntryRequest,
  entries: readonly MessageEntry[],
  severity?: string,
): string {
  return writeConfirmation(entries, {
    referenceId: request.messageId,
    now: now(),
    system: systemId,
    uuid: () => world().uuid(),
    ...(severity === undefined ? {} : { severity }),
  });
}
