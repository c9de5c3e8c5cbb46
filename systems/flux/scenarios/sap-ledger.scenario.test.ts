/** Flux with a ledger over there: SAP's simulator on a real socket, and its books held against the facts. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Entry, type System, startSystem } from "@entente/core";
import { withFitness } from "@entente/core/internal";
import { openControlClient, simulators } from "@entente/simulators";
import { testServer } from "@entente/testkit";
import { demoAccountId, demoCondenserId } from "../app/demo-data.ts";
import { fluxFitness, fluxOutside, fluxWith, seedDemoData } from "../app/flux.ts";
import type { JournalEntry } from "../contexts/ledger/contract/journal-entry.ts";
import { journalEntryOf } from "../contexts/ledger/domain/journal-entry-of.ts";

const accounts = 4;
const secrets: Readonly<Record<string, string>> = { user: "ENTENTE_COMM", password: "entente-dev-1" };
const numbers = {
  "provider-clearing": "0011002000",
  "quota-owed": "0023200000",
  "revenue-energy": "0041000000",
  "revenue-on-demand": "0041100000",
} as const;

describe("the ledger of top-ups", () => {
  let sap: Awaited<ReturnType<Awaited<ReturnType<typeof simulators.sap>>>>;
  let control: ReturnType<typeof openControlClient>;
  let system: System;
  let asked = 0;

  before(async () => {
    sap = await (await simulators.sap())({ seed: 11 });
    control = openControlClient(sap.url);
    const counterparties = { sap: { url: sap.url } };
    const plain = fluxWith(counterparties);
    const definition = withFitness(plain, fluxFitness(plain));
    system = await startSystem({
      definition: { ...definition, name: `f${process.pid}` },
      adminUrl: await testServer(),
      outside: fluxOutside(counterparties, (_, name) => secrets[name], ["127.0.0.0/8"]),
    });
    await seedDemoData(system, accounts);
  });
  after(async () => {
    await system.stop();
    await sap.stop();
  });
  beforeEach(() => control.removeRules());

  async function topUp(count: number, units = 30): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, () => {
        const n = (asked++ % accounts) + 1;
        const accountId = demoAccountId(n);
        return system.accept({
          type: "flux.top-up",
          schemaVersion: "1.0.0",
          target: "subscription",
          tenantId: "demo",
          key: accountId,
          customerId: null,
          caller: "scenario",
          idempotencyKey: `top-up ${asked}`,
          traceparent: null,
          data: { accountId, condenserId: demoCondenserId(n), units },
        });
      }),
    );
    await until("all top-ups are confirmed", async () => (await debits()).length === asked);
  }

  async function debits(): Promise<Entry[]> {
    const found: Entry[] = [];
    for (let cursor: string | null = null; ; ) {
      const page = await system.feed("subscription", "demo", cursor, 1_000);
      found.push(...page.entries.filter(({ type }) => type === "flux.balance-debited"));
      if (page.entries.length === 0) return found;
      cursor = page.cursor;
    }
  }

  interface Books {
    readonly documents: number;
    readonly totals: readonly { readonly account: string; readonly balance: string }[];
  }
  const books = async () => (await (await fetch(`${sap.url}/_control/ledger`)).json()) as Books;

  /** Sums and number of what is really in the books are those of the facts. */
  async function assertEqualSums(): Promise<void> {
    const entries = (await debits())
      .map(journalEntryOf)
      .filter((entry): entry is JournalEntry => entry !== null);
    const owed: Record<string, number> = {};
    for (const { account, amountMinor } of entries.flatMap(({ lines }) => lines)) {
      owed[numbers[account]] = (owed[numbers[account]] ?? 0) + amountMinor;
    }
    const { documents, totals } = await books();
    assert.equal(documents, entries.length);
    assert.deepEqual(
      Object.fromEntries(totals.map(({ account, balance }) => [account, Math.round(Number(balance) * 100)])),
      owed,
    );
  }

  const settled = async () =>
    (
      await system.treaties.handOffs(
        "ledger",
        "demo",
        ["created", "sent", "unknown", "retry_wait", "accepted"],
        "sap",
        100,
      )
    ).length === 0 && (await books()).documents >= asked;

  test("every confirmed top-up has one document, quota and on-demand parts apart", async () => {
    await topUp(20);
    await until("the books have them", settled);
    await assertEqualSums();
    const scorecard = await system.fitness?.scorecard("demo");
    const traces = scorecard?.functions.find(({ definition }) => definition.name === "complete-traces");
    assert.deepEqual([traces?.value, traces?.state], [1, "within-target"], "they shared batches");
  });

  test("with SAP off for an hour top-ups are confirmed as before, and the books catch up: equal sums, nothing twice", async () => {
    await control.outage("refuse");
    await topUp(20, 7);
    await system.setClock(system.clock.now() + 3_600_000);
    await topUp(20, 7);
    assert.equal((await books()).documents, asked - 40, "nothing can be posted while they are away");
    await control.outage("none");
    await caughtUp();
    await assertEqualSums();
  });

  test("posted, but told that it timed out: found in the books, and one document each", async () => {
    await control.rule({
      behaviour: "server-error",
      status: 504,
      effect: true,
      when: { operation: "post-journal-entries" },
      times: 1,
    });
    await topUp(12);
    await caughtUp();
    const { entries } = await system.feed("ledger", "demo", null, 1_000);
    assert.ok(
      entries.some(({ type }) => type === "entente.hand-off-unknown"),
      "it was not known for a while",
    );
    await assertEqualSums();
  });

  test("an entry of a closed period is refused alone and becomes accounting's case", async () => {
    await control.rule({
      behaviour: "rejection",
      reason: "period-closed",
      when: { operation: "post-journal-entries" },
      times: 1,
    });
    const before = (await books()).documents;
    await topUp(8);
    await until("all but one are posted", async () => (await books()).documents === before + 7);
    await until(
      "there is a case",
      async () => (await system.treaties.cases("ledger", "demo", 10)).length > 0,
    );
    const [one] = await system.treaties.cases("ledger", "demo", 10);
    assert.equal(one?.owner, "Accounting, general ledger");
  });

  /** Time goes on, minute by minute, until nothing is under way. */
  async function caughtUp(): Promise<void> {
    await until("the books have caught up", async () => {
      if (await settled()) return true;
      await system.setClock(system.clock.now() + 60_000);
      return false;
    });
  }
});

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 1_200; looks++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`never: ${what}`);
}
