/**
 * What is away takes nothing else with it, in stage B: Salesforce and SAP, killed together for an hour of business time while customers go on
 * (FLX-44, FLX-45), and the store of one context alone (FLX-55). That nothing waits is judged by what was done, not by how long it took.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Entry, JsonObject } from "@entente/core";
import { openControlClient } from "@entente/simulators";
import { eventually, seededRandom } from "@entente/testkit";
import { demoAccountId, demoTenant } from "../app/demo-data.ts";
import type { JournalEntry } from "../contexts/ledger/contract/journal-entry.ts";
import { journalEntryOf } from "../contexts/ledger/domain/journal-entry-of.ts";
import { glAccounts } from "../treaties/sap-ledger/journal-entry-message.ts";
import { type FluxBesideCores, startFluxBesideCores } from "./beside-cores.fixture.ts";
import { type Load, startLoad } from "./load.fixture.ts";

const seed = Number(process.env.ENTENTE_CHAOS_SEED ?? Date.now() % 1_000_000);
/** Those that top up, again and again, and one that orders a plan. */
const busy = 6;
const ordering = demoAccountId(busy + 1);
const minute = 60_000;
const underWay = ["created", "sent", "accepted", "unknown", "retry_wait", "fallout"] as const;

describe(`while others are away (seed ${seed})`, () => {
  let flux: FluxBesideCores;
  let load: Load;
  /** Milliseconds from a 202 until its client saw it confirmed, by process. */
  const waited = new Map<string, number>();
  const failures: string[] = [];

  before(async () => {
    flux = await startFluxBesideCores(seed, busy + 1);
    await eventually(async () => {
      const { entitlements, stale } = await entitlement(demoAccountId(1));
      assert.deepEqual([entitlements.length, stale], [1, false]);
    });
    // Most of the quota goes first, so that later top-ups are paid from it, beyond it, and partly both.
    for (let n = 1; n <= busy; n++) {
      const { status, body } = await flux.operator.topUp(demoAccountId(n), `first-${n}`, 75 + n);
      assert.equal(status, 202, JSON.stringify(body));
      await seenConfirmed(String(body.processId));
    }
    load = startLoad({
      url: flux.url,
      token: flux.operator.token,
      accounts: busy,
      clients: 4,
      random: seededRandom(seed),
      twins: 0.1,
      afterwards: seenConfirmed,
    });
  });
  after(() => flux.stop());

  async function seenConfirmed(processId: string): Promise<void> {
    const from = performance.now();
    await flux.operator.until(processId, "confirmed").then(
      () => waited.set(processId, performance.now() - from),
      (error) => failures.push(String(error)),
    );
  }

  /** Clients see so many more of theirs confirmed: each asks again only when it has. */
  async function confirmedMore(count: number): Promise<void> {
    const enough = waited.size + count;
    await eventually(async () => assert.ok(waited.size >= enough || failures.length > 0, `${waited.size}`));
    assert.deepEqual(failures, []);
  }

  async function entitlement(accountId: string, query = "") {
    const { status, body } = await flux.operator.get(`/accounts/${accountId}/entitlement${query}`);
    assert.equal(status, 200, JSON.stringify(body));
    return body as {
      readonly entitlements: readonly { readonly planId: string; readonly version: number }[];
      readonly asOf: string;
      readonly ageMs: number;
      readonly stale: boolean;
    };
  }

  async function journal(context: string): Promise<readonly Entry[]> {
    const found: Entry[] = [];
    for (let cursor: string | null = null; ; ) {
      const page = await flux.system.feed(context, demoTenant, cursor, 1_000);
      if (page.entries.length === 0) return found;
      found.push(...page.entries);
      cursor = page.cursor;
    }
  }
  const debits = async () =>
    (await journal("subscription")).filter(({ type }) => type === "flux.balance-debited");

  /** Sums of what is really in the books, of everything or of one account's documents. */
  async function books(assignment?: string): Promise<Books> {
    const query = assignment === undefined ? "" : `?assignment=${assignment}`;
    return (await (await fetch(`${flux.sap.url}/_control/ledger${query}`)).json()) as Books;
  }

  test("both cores killed for an hour: top-ups are confirmed, the entitlement says its age, and afterwards all lands once and in order", async () => {
    await confirmedMore(30);
    await eventually(async () => assert.ok((await books()).documents > 0));

    await Promise.all([flux.salesforce.kill(), flux.sap.kill()]);
    const killedAt = flux.system.clock.now();
    const decidedBefore = (await debits()).map(({ processId }) => processId);
    const ordered = await flux.operator.post(
      `/accounts/${ordering}/plan-orders`,
      { planId: "voyager" },
      { "idempotency-key": "ordered-while-away" },
    );
    assert.equal(ordered.status, 202);
    for (let minutes = 5; minutes <= 60; minutes += 5) {
      await confirmedMore(6);
      await flux.system.setClock(flux.system.clock.now() + 5 * minute);
      const { entitlements, stale, ageMs } = await entitlement(demoAccountId(1 + (minutes % busy)));
      assert.deepEqual([entitlements[0]?.planId, entitlements[0]?.version, stale], ["commuter", 1, true]);
      assert.ok(ageMs >= minutes * minute, `${ageMs} ms old after ${minutes} minutes`);
    }
    const asked = await entitlement(demoAccountId(1), "?fresh=true");
    assert.ok(asked.stale && Date.parse(asked.asOf) <= killedAt + minute, "nobody else can say");

    // All that was accepted until now is decided, and the books are owed every one of it.
    const accepted = acceptedIn(load);
    await eventually(async () =>
      assert.deepEqual(
        accepted.filter((id) => !waited.has(id)),
        [],
      ),
    );
    const decided = (await debits()).map(({ processId }) => processId);
    const decidedDuring = decided.filter((id) => !decidedBefore.includes(id));
    const owed = decided.length - (await postedRows());
    assert.ok(owed >= decidedDuring.length, `${owed} owed of ${decidedDuring.length}`);
    assert.equal((await processOf(ordered.body.processId)).state, "processing");
    assert.deepEqual(
      await waysOf(decidedDuring),
      await waysOf(decidedBefore),
      "it took the same steps as before",
    );

    // Customers go on: what is new must not overtake what waits.
    await Promise.all([flux.salesforce.back(), flux.sap.back()]);
    await confirmedMore(12);
    await load.finish();
    await caughtUp(String(ordered.body.processId));
    assert.deepEqual(failures, []);

    await assertBooksEqual(await debits());
    const acceptance = (await journal("gateway")).filter(({ type }) => type === "flux.top-up");
    const order = byAccount(acceptance.map(({ key, processId }) => [key, processId]));
    assert.deepEqual(byAccount((await debits()).map(({ key, processId }) => [key, processId])), order);
    assert.deepEqual(byAccount(await documents(flux.sap.url)), order);
    assert.equal(acceptance.length, load.accepted() + busy);

    const { entitlements, stale } = await entitlement(ordering, "?fresh=true");
    assert.deepEqual([entitlements[0]?.planId, entitlements[0]?.version, stale], ["voyager", 2, false]);
    const written = (await openControlClient(flux.salesforce.url).effects()).map(
      ({ operation }) => operation,
    );
    assert.deepEqual(written, ["update-row"], "one order, one write");
    for (const context of ["ledger", "entitlement"])
      assert.deepEqual(await flux.system.treaties.cases(context, demoTenant, 100), []);
    const p90 = (ids: readonly string[]) => Math.round(p90Of(ids.flatMap((id) => waited.get(id) ?? [])));
    console.log(
      `confirmed ${decidedBefore.length} before, ${decidedDuring.length} during, ${waited.size} in all; ` +
        `P90 ${p90(decidedBefore)} ms before, ${p90(decidedDuring)} ms during`,
    );
  });

  for (const [context, theirs] of [
    ["ledger", ["process", "balance", "entitlement"]],
    ["entitlement", ["process", "balance"]],
    ["subscription", ["process", "entitlement"]],
  ] as const) {
    test(`with the store of the ${context} away, what others have is still read: ${theirs.join(", ")}`, async () => {
      const account = demoAccountId(1);
      const [topUp] = (await journal("gateway")).filter(
        ({ type, key }) => type === "flux.top-up" && key === account,
      );
      const paths = {
        process: `/processes/${topUp?.processId}`,
        balance: `/accounts/${account}/balance`,
        entitlement: `/accounts/${account}/entitlement`,
      };
      await flux.store(context, false);
      try {
        await assert.rejects(flux.system.feed(context, demoTenant, null, 1), "it is away");
        for (const what of theirs) {
          const { status, body } = await flux.operator.get(paths[what]);
          assert.equal(status, 200, `${what}: ${JSON.stringify(body)}`);
        }
        // Whoever decides about a top-up, or shows it, reads on in those journals that are there.
        if (context !== "subscription") {
          const { body } = await flux.operator.topUp(account, `without-${context}`);
          await flux.operator.until(String(body.processId), "confirmed");
        }
      } finally {
        await flux.store(context, true);
      }
    });
  }

  const processOf = async (id: unknown) => (await flux.operator.get(`/processes/${id}`)).body;

  /** Entries that the books have confirmed, as far as Flux knows. */
  async function postedRows(): Promise<number> {
    const rows = await flux.system.contexts
      .get("ledger")
      ?.database.execute<{ n: number }>(
        "select count(*)::int as n from entente.hand_off_row where outcome = 'completed'",
      );
    return rows?.[0]?.n ?? 0;
  }

  /** What top-ups leave in the journals of those that decide them; each way once. */
  async function waysOf(processIds: readonly string[]): Promise<ReadonlySet<string>> {
    const wanted = new Set(processIds);
    const entries = [...(await journal("gateway")), ...(await journal("subscription"))];
    const ways = Map.groupBy(
      entries.filter(({ processId }) => wanted.has(processId)),
      ({ processId }) => processId,
    );
    return new Set(
      [...ways.values()].map((way) => way.map(({ source, type }) => `${source} ${type}`).join(", ")),
    );
  }

  /** An hour at most goes by, a minute at a time: what waits for a time is tried, and no case is opened for want of patience. */
  async function caughtUp(orderId: string): Promise<void> {
    const owed = (await debits()).length;
    const settled = async () => {
      for (const context of ["ledger", "entitlement"]) {
        const open = await flux.system.treaties.handOffs(context, demoTenant, underWay, null, 100);
        assert.deepEqual(
          open.map(({ treaty, state }) => `${treaty} ${state}`),
          [],
        );
      }
      assert.ok((await books()).documents >= owed, "all is posted");
      assert.equal((await processOf(orderId)).state, "confirmed");
      assert.equal((await entitlement(ordering)).entitlements[0]?.version, 2, "the feed tells of it");
    };
    let minutes = 60;
    await eventually(
      () =>
        settled().catch(async (error) => {
          if (minutes-- > 0) await flux.system.setClock(flux.system.clock.now() + minute);
          throw error;
        }),
      // One batch after the other goes out, over a hundred of them: on a busy machine that takes longer than a minute.
      240_000,
    );
  }

  /** Number and sums of what is in the books are those of the facts: of the company code, and of each account. */
  async function assertBooksEqual(facts: readonly Entry[]): Promise<void> {
    assert.deepEqual(shown(await books()), sumsOf(facts));
    for (let n = 1; n <= busy; n++) {
      const account = demoAccountId(n);
      assert.deepEqual(
        shown(await books(account)),
        sumsOf(facts.filter(({ key }) => key === account)),
        account,
      );
    }
  }
});

interface Books {
  readonly documents: number;
  readonly totals: readonly {
    readonly companyCode: string;
    readonly account: string;
    readonly balanceMinor: number;
  }[];
}

/** Minor units by company code and account of the chart. */
type Sums = { readonly documents: number; readonly sums: Readonly<Record<string, number>> };

function shown({ documents, totals }: Books): Sums {
  const sums = totals.map(({ companyCode, account, balanceMinor }) => [
    `${companyCode} ${account.replace(/^0+/, "")}`,
    balanceMinor,
  ]);
  return { documents, sums: Object.fromEntries(sums) };
}

function sumsOf(facts: readonly Entry[]): Sums {
  const entries = facts.map(journalEntryOf).filter((entry): entry is JournalEntry => entry !== null);
  const sums: Record<string, number> = {};
  for (const { account, amountMinor } of entries.flatMap(({ lines }) => lines)) {
    const name = `1010 ${glAccounts[account]}`;
    sums[name] = (sums[name] ?? 0) + amountMinor;
  }
  return { documents: entries.length, sums };
}

/** Documents in the order of their numbers, each as account and process; read as a person in accounting reads them. */
async function documents(url: string): Promise<readonly (readonly [string, string])[]> {
  const path = "/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube";
  const authorization = `Basic ${Buffer.from("ENTENTE_COMM:entente-dev-1").toString("base64")}`;
  const items: Record<string, string>[] = [];
  for (let next: string | undefined = `${path}?$format=json`; next !== undefined; ) {
    const answer = await fetch(new URL(next, url), { headers: { authorization } });
    const { d } = (await answer.json()) as { d: { results: Record<string, string>[]; __next?: string } };
    items.push(...d.results);
    next = d.__next;
  }
  const found = new Map<string, readonly [string, string]>();
  for (const item of items) {
    const text = item.DocumentItemText ?? "";
    found.set(`${item.FiscalYear} ${item.AccountingDocument}`, [
      item.AssignmentReference ?? "",
      text.slice(text.lastIndexOf(" ") + 1),
    ]);
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, document]) => document);
}

/** Processes of each account in the order given. */
function byAccount(all: readonly (readonly [string, string])[]): JsonObject {
  const accounts = Map.groupBy(all, ([account]) => account);
  return Object.fromEntries([...accounts].sort().map(([account, own]) => [account, own.map(([, id]) => id)]));
}

function acceptedIn({ records }: Load): readonly string[] {
  const told = records.filter(({ outcome }) => outcome === "accepted");
  return told.map(({ processId }) => processId ?? "");
}

function p90Of(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.ceil(values.length * 0.9) - 1] ?? 0;
}
