/**
 * Stage 2: SAP's quota logic is taken apart (FLX-58). Quota decisions move from SAP to the subscription by share of the customers, under load
 * and with answers of SAP lost on the way; afterwards SAP is a ledger and nothing else.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { type Entry, type System, startSystem } from "@entente/core";
import { buildEdge, type Edge } from "@entente/edge";
import { openControlClient, simulators } from "@entente/simulators";
import { seededRandom, testServer } from "@entente/testkit";
import { demoAccountId, demoCondenserId } from "../app/demo-data.ts";
import {
  fluxErrors,
  fluxOutside,
  fluxRoutes,
  fluxTags,
  fluxWith,
  seedDemoData,
  textOf,
} from "../app/flux.ts";
import { isInShare } from "../contexts/subscription/domain/quota-share.ts";
import { type Caller, caller } from "./client.fixture.ts";

const accounts = 20;
const seed = Number(process.env.ENTENTE_CHAOS_SEED ?? Date.now() % 1_000_000);
const secrets: Readonly<Record<string, string>> = { user: "ENTENTE_COMM", password: "entente-dev-1" };
const tenantId = "demo";

interface KeptAccount {
  readonly account: string;
  readonly takenUnits: number;
  readonly isHere: boolean;
}

describe(`quota decisions move by share (seed ${seed})`, () => {
  let sap: Awaited<ReturnType<Awaited<ReturnType<typeof simulators.sap>>>>;
  let control: ReturnType<typeof openControlClient>;
  let system: System;
  let edge: Edge;
  let url: string;
  let operator: Caller;
  let asked = 0;
  /** Processes of all top-ups that were accepted. */
  const accepted: string[] = [];

  before(async () => {
    sap = await (await simulators.sap())({ seed: 11 });
    control = openControlClient(sap.url);
    const counterparties = { sap: { url: sap.url, keepsQuota: true } };
    system = await startSystem({
      definition: { ...fluxWith(counterparties), name: `q${process.pid}` },
      adminUrl: await testServer(),
      outside: fluxOutside(counterparties, (_, name) => secrets[name], ["127.0.0.0/8"]),
    });
    // The middle of a month: the scenario moves time, and no cycle is to end under it.
    const now = new Date(system.clock.now());
    await system.setClock(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 10));
    edge = await buildEdge({
      system,
      mode: "dev",
      tokens: { key: { kind: "secret", secret: randomBytes(32) }, issuer: "test", audience: "flux" },
      title: "Flux",
      version: "0.1.0",
      tags: fluxTags,
      errors: fluxErrors,
      textOf: textOf(system),
      routes: [fluxRoutes(system)],
    });
    url = await edge.listen({ port: 0 });
    operator = await as("operator");
    await seedDemoData(system, accounts);
    await until("every account has a balance", async () => {
      const [row] = await subscription().execute<{ n: number }>(
        "select count(*)::int as n from flux.balance",
      );
      return row?.n === accounts;
    });
  });
  after(async () => {
    await edge.close();
    await system.stop();
    await sap.stop();
  });

  function as(role: string, tenant: string = tenantId): Promise<Caller> {
    return caller(
      {
        url,
        async token(claims) {
          const answer = await fetch(`${url}/dev/token`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ sub: `${role}-${tenant}`, tenant, ...claims }),
          });
          return ((await answer.json()) as { token: string }).token;
        },
      },
      { role, accounts: role === "customer" ? [demoAccountId(1)] : [] },
    );
  }

  const share = async (who: Caller) => {
    const { status, body } = await who.get("/quota-share");
    return [status, body.sharePercent, body.movedAt];
  };

  function subscription() {
    const context = system.contexts.get("subscription");
    assert.ok(context !== undefined);
    return context.database;
  }

  async function topUp(n: number, units: number): Promise<string> {
    const accountId = demoAccountId(n);
    const { processId } = await system.accept({
      type: "flux.top-up",
      schemaVersion: "1.0.0",
      target: "subscription",
      tenantId,
      key: accountId,
      customerId: null,
      caller: "scenario",
      idempotencyKey: `top-up ${asked++}`,
      traceparent: null,
      data: { accountId, condenserId: demoCondenserId(n), units },
    });
    accepted.push(processId);
    return processId;
  }

  /** The operator's word; ends when it is on record. */
  async function moveShare(sharePercent: number): Promise<string> {
    const body = { sharePercent };
    const accepted = await operator.post("/quota-share", body, { "idempotency-key": `to-${sharePercent}` });
    assert.equal(accepted.status, 202);
    const processId = String(accepted.body.processId);
    assert.equal(accepted.headers.get("location"), `/processes/${processId}`);
    await until(
      `the share of ${sharePercent} has its outcome`,
      async () => (await stateOf(processId)) !== "queued",
    );
    return processId;
  }

  const stateOf = async (processId: string) => (await system.processes.read(tenantId, processId))?.state;

  /** Every account is where this share puts it. */
  async function everyAccountPlaced(sharePercent: number): Promise<void> {
    const isPlaced = async () => {
      const keepers = new Map<string, string>();
      for (const { type, key } of await facts()) {
        if (type === "flux.quota-lent") keepers.set(key, "books");
        if (type === "flux.quota-returned") keepers.set(key, "here");
      }
      return Array.from({ length: accounts }, (_, i) => demoAccountId(i + 1)).every(
        (one) => (keepers.get(one) ?? "here") === (isInShare(tenantId, one, sharePercent) ? "here" : "books"),
      );
    };
    await until(`every account is where ${sharePercent} % puts it`, () => inTime(isPlaced));
  }

  /** What is unknown is asked about when its time has come: so time goes on while something is waited for. */
  async function inTime(holds: () => Promise<boolean>): Promise<boolean> {
    if (await holds()) return true;
    await system.setClock(system.clock.now() + 2_000);
    return false;
  }

  async function facts(): Promise<Entry[]> {
    const found: Entry[] = [];
    for (let cursor: string | null = null; ; ) {
      const page = await system.feed("subscription", tenantId, cursor, 1_000);
      found.push(...page.entries.filter(({ kind }) => kind === "event"));
      if (page.entries.length === 0) return found;
      cursor = page.cursor;
    }
  }

  const keptBySap = async () =>
    ((await (await fetch(`${sap.url}/_control/sap/quotas`)).json()) as { accounts: KeptAccount[] }).accounts;
  const decisions = () => control.effects({ operation: "decide-quota" });

  async function allConfirmed(): Promise<void> {
    await until("every top-up is confirmed", async () => {
      for (const processId of accepted) if ((await stateOf(processId)) !== "confirmed") return false;
      return true;
    });
  }

  test("the share is an operator's to say, of the own tenant, and nothing else than a whole percentage of it", async () => {
    const auditor = await as("auditor");
    assert.deepEqual(await share(auditor), [200, 100, null], "never said: every quota is decided here");
    const customer = await as("customer");
    const key = { "idempotency-key": "a-try" };
    for (const [who, code, status] of [
      [auditor, "role-not-allowed", 403],
      [customer, "role-not-allowed", 403],
    ] as const) {
      const refused = await who.post("/quota-share", { sharePercent: 50 }, key);
      assert.deepEqual([refused.status, refused.body.code], [status, code]);
    }
    assert.equal((await customer.get("/quota-share")).status, 403);
    const anonymous = await fetch(`${url}/quota-share`);
    assert.equal(anonymous.status, 401);
    for (const body of [
      {},
      { sharePercent: 101 },
      { sharePercent: -1 },
      { sharePercent: 12.5 },
      { sharePercent: "50" },
      { sharePercent: 50, tenant: "rival" },
      [50],
    ]) {
      const refused = await operator.post("/quota-share", body, key);
      assert.deepEqual([refused.status, refused.body.code], [422, "body-invalid"], JSON.stringify(body));
    }
    const keyless = await operator.post("/quota-share", { sharePercent: 50 });
    assert.deepEqual([keyless.status, keyless.body.code], [400, "idempotency-key-missing"]);
    assert.deepEqual(await share(operator), [200, 100, null], "what was refused has moved nothing");
  });

  test("0, 50, 100 % under load: no top-up lost or doubled, and each account decided in one place at any time", async () => {
    await moveShare(0);
    await everyAccountPlaced(0);
    // Answers that are lost, with and without effect, from here on.
    for (const effect of [true, false]) {
      await control.rule({
        behaviour: "drop",
        effect,
        when: { operation: "decide-quota", share: 0.1 },
        times: 10,
      });
    }
    const random = seededRandom(seed);
    let loading = true;
    const load = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (loading) {
          const processId = await topUp(1 + random.below(accounts), 1 + random.below(9));
          await until("it is confirmed", async () => (await stateOf(processId)) === "confirmed");
        }
      }),
    );
    const more = async (count: number) => {
      const target = accepted.length + count;
      await until(`${count} more top-ups`, () => inTime(async () => accepted.length >= target));
    };
    try {
      await more(60);
      await moveShare(50);
      await everyAccountPlaced(50);
      await more(60);
      await moveShare(100);
      await everyAccountPlaced(100);
      await more(30);
    } finally {
      loading = false;
      await load;
    }
    await until("nothing is under way", async () => {
      await system.setClock(system.clock.now() + 10_000);
      const open = ["created", "sent", "unknown", "retry_wait", "accepted", "blocked", "fallout"] as const;
      return (await system.treaties.handOffs("subscription", tenantId, open, "sap", 100)).length === 0;
    });
    await allConfirmed();

    const all = await facts();
    const debits = all.filter(({ type }) => type === "flux.balance-debited");
    assert.deepEqual(debits.map(({ processId }) => processId).toSorted(), accepted.toSorted());

    // Ground truth: what SAP has decided, whatever anybody was told of it.
    const theirs = (await decisions()).filter(({ id }) => id.startsWith("ask "));
    const keys = theirs.map(({ key }) => key);
    assert.equal(new Set(keys).size, keys.length, "nothing is decided twice over there");
    const answered = new Map(
      all
        .filter(({ type }) => type === "flux.quota-answered")
        .map(({ processId, data }) => [processId, data.answer]),
    );
    const decidedThere = debits.filter(({ processId }) => answered.get(processId) === "taken");
    assert.equal(decidedThere.length, theirs.length, "each decision of theirs is one debit, and no other");
    assert.ok(theirs.length > 0 && theirs.length < debits.length, "both have decided");

    // One place at any time: theirs before its release, ours after its return.
    for (let n = 1; n <= accounts; n++) {
      const account = demoAccountId(n);
      const order = (await decisions())
        .filter(({ id }) => id.endsWith(` ${account}`))
        .map(({ id }) => id.split(" ")[0]);
      assert.deepEqual([order[0], order.at(-1)], ["lend", "recall"], account);
      assert.equal(order.filter((act) => act === "recall").length, 1);
      const own = all.filter(({ key }) => key === account);
      const returnedAt = own.findIndex(({ type }) => type === "flux.quota-returned");
      for (const [at, { type, processId }] of own.entries()) {
        if (type === "flux.balance-debited")
          assert.equal(answered.get(processId) === "taken", at < returnedAt, account);
      }
    }

    // And the quota was spent once: what is left is what was not taken.
    const balances = await subscription().execute<{
      account_id: string;
      quota: number;
      left: number;
      used: number;
    }>(
      "select account_id, quota_units::int as quota, quota_remaining::int as left, used_units::int as used from flux.balance",
    );
    for (const { account_id: account, quota, left, used } of balances) {
      const own = debits
        .filter(({ key }) => key === account)
        .map(({ data }) => data as { units: number; fundedFromQuota: number });
      assert.equal(
        used,
        own.reduce((sum, { units }) => sum + units, 0),
        account,
      );
      assert.equal(left, quota - own.reduce((sum, { fundedFromQuota }) => sum + fundedFromQuota, 0), account);
      assert.equal(
        left,
        Math.max(0, quota - used),
        `${account}: quota is spent before anything is on demand`,
      );
    }
  });

  test("afterwards SAP receives postings and nothing else, and answers a question about a quota with not-here", async () => {
    await control.removeRules();
    const before = (await decisions()).length;
    const calls = async () => (await control.calls({ operation: "decide-quota" })).length;
    const callsBefore = await calls();
    const documents = async () =>
      ((await (await fetch(`${sap.url}/_control/ledger`)).json()) as { documents: number }).documents;
    for (let n = 1; n <= accounts; n++) await topUp(n, 1);
    await allConfirmed();
    await until("the books have every top-up", async () => {
      await system.setClock(system.clock.now() + 10_000);
      return (await documents()) === accepted.length;
    });
    assert.equal(await calls(), callsBefore, "nobody asks");
    for (const { account, isHere } of await keptBySap()) {
      assert.equal(isHere, false, account);
      const answer = await fetch(`${sap.url}/sap/bc/flux/quota`, {
        method: "POST",
        headers: { authorization: `Basic ${Buffer.from("ENTENTE_COMM:entente-dev-1").toString("base64")}` },
        body: JSON.stringify({
          key: `stray ${account}`,
          act: "ask",
          tenant: tenantId,
          account,
          cycle: "2026-11",
          units: 1,
          quotaUnits: 100,
          onDemandUnitsAllowed: 100,
          takenUnits: 0,
        }),
      });
      assert.equal(((await answer.json()) as { says: string }).says, "not-here");
    }
    assert.equal((await decisions()).length, before, "a stray question changes nothing");
  });

  test("the share does not fall: what is decided here stays here, and what it says is read", async () => {
    const processId = await moveShare(40);
    await until("it has failed", async () => (await stateOf(processId)) === "failed");
    const record = await system.processes.read(tenantId, processId);
    assert.equal(record?.reason?.code, "quota-share-falls");
    const [status, sharePercent, movedAt] = await share(operator);
    assert.deepEqual([status, sharePercent], [200, 100]);
    assert.ok(Date.parse(String(movedAt)) > 0);
    assert.deepEqual(await share(await as("operator", "rival")), [200, 100, null], "another tenant's word");
  });
});

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 120_000; performance.now() < end; ) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`never: ${what}`);
}
