/** The ledger context with its treaty, and SAP's simulator on a real socket: facts go in as the subscription writes them, books come out. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import {
  type FalloutCase,
  type HandOffTreaty,
  type JsonObject,
  type NewEntry,
  type System,
  startSystem,
} from "@entente/core";
import { appendEntries, newId, wakeOthers } from "@entente/core/internal";
import { type ControlClient, openControlClient, simulators } from "@entente/simulators";
import { testServer } from "@entente/testkit";
import { balanceDebited } from "../../contexts/subscription/contract/balance-debited.ts";
import { quotaDebitUndone } from "../../contexts/subscription/contract/quota-debit-undone.ts";
import { fluxLedger } from "./flux-ledger.fixture.ts";

export const tenant = "demo";
const secrets: Readonly<Record<string, string>> = { user: "ENTENTE_COMM", password: "entente-dev-1" };
const authorization = `Basic ${Buffer.from(`${secrets.user}:${secrets.password}`).toString("base64")}`;
/** Longest wait for anything, milliseconds. */
const patienceMs = 20_000;

/** An item of the books as SAP's own interface shows it. */
export interface BookedItem {
  readonly AccountingDocument: string;
  readonly DocumentReferenceID: string;
  readonly AssignmentReference: string;
  readonly GLAccount: string;
  readonly AmountInTransactionCurrency: string;
  readonly DocumentItemText: string;
}

export interface Books {
  readonly treaty: HandOffTreaty;
  readonly url: string;
  readonly control: ControlClient;
  readonly system: System;
  /** Facts of top-ups or of undos, in one transaction. Answers their ids. */
  happened(...facts: readonly NewEntry[]): Promise<void>;
  /** Posts a message as anybody with a password could. */
  post(message: string): Promise<string>;
  /** POST below `/_control/sap`. */
  set(path: string, body: object): Promise<void>;
  /** What stands in the books, in order of posting. */
  items(): Promise<readonly BookedItem[]>;
  cases(): Promise<readonly FalloutCase[]>;
  entries(type: string): Promise<readonly JsonObject[]>;
  /** Both clocks go on. */
  moveTime(ms: number): Promise<void>;
  until(what: string, holds: () => Promise<boolean>): Promise<void>;
  /** Until so many rows have this outcome; time goes on meanwhile, unless `still`. */
  rows(count: number, outcome: string, still?: boolean): Promise<void>;
}

/** `through`: an address in front of SAP that the treaty uses instead. */
export async function openBooks(through?: (url: string) => Promise<string>): Promise<Books> {
  const sap = await (await simulators.sap())({ seed: 11 });
  const control = openControlClient(sap.url);
  const name = `sap_${randomBytes(4).toString("hex")}`;
  const treaty = fluxLedger(through === undefined ? sap.url : await through(sap.url));
  const system = await startSystem({
    adminUrl: await testServer(),
    definition: {
      name,
      contexts: [
        { name: "gateway", intake: { processes: [], factsFrom: ["subscription"] } },
        { name: "subscription" },
        { name: "ledger", treaties: [treaty] },
      ],
    },
    outside: {
      secret: (_treaty, secret) => secrets[secret] as string,
      egress: { [treaty.name]: { privateRanges: ["127.0.0.0/8"] } },
    },
  });
  after(async () => {
    await system.stop();
    await sap.stop();
  });
  const database = (context: string) => {
    const reachable = system.contexts.get(context);
    assert.ok(reachable);
    return reachable.database;
  };
  const books: Books = {
    treaty,
    url: sap.url,
    control,
    system,
    async happened(...facts) {
      await appendEntries(database("subscription"), facts);
      await wakeOthers(database("subscription"), ["subscription"]);
    },
    async post(message) {
      const response = await fetch(`${sap.url}/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi`, {
        method: "POST",
        headers: { authorization, "content-type": "text/xml; charset=utf-8" },
        body: message,
      });
      return response.text();
    },
    async set(path, body) {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${sap.url}/_control/sap${path}`, {
        method: "POST",
        body: JSON.stringify(body),
        headers,
      });
      assert.equal(response.status, 200, await response.text());
    },
    async items() {
      const path = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube";
      const response = await fetch(`${sap.url}${path}?$format=json`, { headers: { authorization } });
      return ((await response.json()) as { d: { results: BookedItem[] } }).d.results;
    },
    cases: () => system.treaties.cases("ledger", tenant, 100),
    entries: async (type) =>
      (
        await database("ledger").execute<{ data: JsonObject }>(
          "select data from entente.journal where type = $1 order by xid, seq",
          [type],
        )
      ).map(({ data }) => data),
    async moveTime(ms) {
      await control.advance(`PT${ms / 1_000}S`);
      await system.setClock(system.clock.now() + ms);
    },
    async until(what, holds) {
      const limit = performance.now() + patienceMs;
      while (!(await holds())) {
        if (performance.now() > limit) assert.fail(`never: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    },
    async rows(count, outcome, still = false) {
      let looks = 0;
      await books.until(`${count} rows are ${outcome}`, async () => {
        const [found] = await database("ledger").execute<{ n: number }>(
          "select count(*)::int as n from entente.hand_off_row where outcome = $1",
          [outcome],
        );
        if (found?.n === count) return true;
        // Nothing is gained by waiting for what only time brings.
        if (!still && ++looks % 10 === 0) await books.moveTime(130_000);
        return false;
      });
    },
  };
  return books;
}

/** A top-up that was paid with quota. */
export function debited(now: number, processId: string, accountId = "acct-0001", units = 10): NewEntry {
  const { example } = balanceDebited;
  const paid = { units, fundedFromQuota: units, fundedOnDemand: 0, onDemandAmountMinor: 0 };
  return fact(now, balanceDebited.type, accountId, { ...example, ...paid, accountId, processId });
}

/** Its undo: everything goes back to the quota. */
export function undone(now: number, undoneProcessId: string, accountId = "acct-0001", units = 10): NewEntry {
  const { example } = quotaDebitUndone;
  const back = { restoredToQuota: units, undoneOnDemand: 0, creditedMinor: 0 };
  return fact(now, quotaDebitUndone.type, accountId, { ...example, ...back, accountId, undoneProcessId });
}

function fact(now: number, type: string, key: string, data: JsonObject): NewEntry {
  const id = newId(now);
  return {
    id,
    kind: "event",
    type,
    schemaVersion: "1.0.0",
    source: "subscription",
    target: null,
    tenantId: tenant,
    key,
    keyVersion: null,
    processId: id,
    correlationId: id,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: now,
    data,
  };
}

/** What stands before SAP: hands everything on, and says 503 to the next postings although SAP has answered them. */
export async function startGateway(
  url: string,
): Promise<{ readonly url: string; refuse(times: number): void }> {
  let refusals = 0;
  const server = createServer((incoming, outgoing) => {
    const target = new URL(incoming.url ?? "/", url);
    const onwards = httpRequest(target, { method: incoming.method, headers: incoming.headers }, (answer) => {
      if (incoming.method === "POST" && refusals > 0) {
        refusals--;
        answer.resume();
        answer.on("end", () =>
          outgoing.writeHead(503, { "content-type": "text/html", "retry-after": "1" }).end("<h1>Away</h1>"),
        );
        return;
      }
      // SAP says how long until its window opens: hours of its clock, which are real ones to whoever waits. Here they are a second.
      const wait = answer.statusCode === 503 ? { "retry-after": "1" } : {};
      outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...wait });
      answer.pipe(outgoing);
    });
    onwards.on("error", () => outgoing.destroy());
    incoming.pipe(onwards);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refuse(times) {
      refusals = times;
    },
  };
}
