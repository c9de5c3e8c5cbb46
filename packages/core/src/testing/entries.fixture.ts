/** Journal entries as tests write them. */
import { newId } from "../journal/new-id.ts";
import type { NewEntry } from "../model/entry.ts";

/** A fact of the ledger; everything unsaid has a default. `at` is business time, epoch milliseconds, and decides the month. */
export function fact(said: Partial<NewEntry> = {}, at = Date.now()): NewEntry {
  const id = newId(at);
  return {
    id,
    kind: "event",
    type: "bank.deposited",
    schemaVersion: "1.0.0",
    source: "ledger",
    target: null,
    tenantId: "acme",
    key: "a-1",
    keyVersion: null,
    processId: id,
    correlationId: id,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: at,
    data: {},
    ...said,
  };
}

/** A command from the front to the ledger. */
export function command(said: Partial<NewEntry> = {}, at = Date.now()): NewEntry {
  return fact({ kind: "command", type: "bank.deposit", source: "front", target: "ledger", ...said }, at);
}
