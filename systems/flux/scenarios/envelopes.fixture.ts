import assert from "node:assert/strict";
import { openDatabase } from "@entente/core/internal";
import { isId } from "@entente/core/model";
import { fluxContract } from "../app/contract.ts";
import { accountOpened } from "../contexts/subscription/contract/account-opened.ts";

/** Asks the journal of a context. */
export type AskJournal = (context: string, text: string) => Promise<readonly Record<string, unknown>[]>;

/** What was found of a run, so that a test can say that it was a mixed one. */
export interface FoundEnvelopes {
  readonly entries: number;
  /** Of whose account they were said to be about. */
  readonly ofCustomers: number;
  /** News for a time only. */
  readonly observations: number;
  readonly types: ReadonlySet<string>;
}

interface Envelope {
  readonly type: string;
  readonly kind: string;
  readonly source: string;
  readonly account: string;
  readonly processId: string;
  readonly customerId: string | null;
  readonly ttlMs: number | null;
}

const envelopes = `select type, kind, source, tenant_id || ' ' || key as account, process_id as "processId",
  customer_id as "customerId", ttl_ms::float8 as "ttlMs" from entente.journal order by xid, seq`;

const declared = new Map(
  fluxContract.contexts.flatMap(({ messages }) => messages.map(({ type, ttlMs }) => [type, ttlMs] as const)),
);

/**
 * Every entry of these contexts' journals has a process, the context that wrote it as its source, the time its declaration gives it, and, in the
 * journal of the context that knows customers, the customer of its account from the fact that opened it on. docs/reference/journal-entry.md says where
 * there is none.
 */
export async function assertEnvelopes(ask: AskJournal, contexts: readonly string[]): Promise<FoundEnvelopes> {
  const types = new Set<string>();
  let entries = 0;
  let ofCustomers = 0;
  let observations = 0;
  for (const context of contexts) {
    const customers = new Map<string, string>();
    // The cast trusts the statement's own columns.
    for (const entry of (await ask(context, envelopes)) as unknown as readonly Envelope[]) {
      const { type, source, account, processId, customerId, ttlMs } = entry;
      const says = `${context}: ${JSON.stringify(entry)}`;
      assert.ok(isId(processId), says);
      assert.equal(source, context, says);
      const ttl = declared.get(type);
      if (typeof ttl === "number") assert.ok(ttlMs !== null && ttlMs >= 1 && ttlMs <= ttl, says);
      else assert.equal(ttlMs, null, says);
      assert.ok(customerId === null || customerId !== "", says);
      if (type === accountOpened.type) customers.set(account, customerId ?? "");
      if (namesCustomer(entry) && customers.has(account)) {
        assert.equal(customerId, customers.get(account), says);
        assert.ok(customerId, says);
      }
      types.add(type);
      entries++;
      if (customerId !== null) ofCustomers++;
      if (ttlMs !== null) observations++;
    }
  }
  return { entries, ofCustomers, observations, types };
}

/** What tells of a command as it was accepted, or of an operator's act on it, says what that command said. */
function namesCustomer({ kind, type }: Envelope): boolean {
  return (kind === "event" || kind === "command") && !type.startsWith("entente.command-");
}

/** The journals of a Flux whose databases are on this server. */
export function journalsAt(postgresUrl: string): AskJournal {
  return async (context, text) => {
    const url = new URL(postgresUrl);
    url.pathname = `/flux_${context}`;
    const database = openDatabase({ url: url.href, applicationName: "scenario", connections: 1 });
    try {
      return await database.execute(text);
    } finally {
      await database.close();
    }
  };
}
