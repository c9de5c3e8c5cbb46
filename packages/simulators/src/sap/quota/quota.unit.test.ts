import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startTestSap, type TestSap } from "../sap.fixture.ts";
import type { QuotaDecision } from "./quota-book.ts";

let sap: TestSap;
before(async () => {
  sap = await startTestSap();
});
beforeEach(() => sap.client.reset());
after(() => sap.stop());

const path = "/sap/bc/flux/quota";
let made = 0;
async function ask(act: string, over: object = {}): Promise<QuotaDecision> {
  const question = {
    key: `key-${made++}`,
    act,
    tenant: "demo",
    account: "acct-0001",
    cycle: "2026-11",
    units: 0,
    quotaUnits: 100,
    onDemandUnitsAllowed: 1_000,
    takenUnits: 0,
    ...over,
  };
  const answer = await sap.send("POST", path, JSON.stringify(question), {
    "content-type": "application/json",
  });
  assert.equal(answer.status, 200);
  return (await answer.json()) as QuotaDecision;
}
const said = ({ says, fromQuota, takenUnits }: QuotaDecision) => [says, fromQuota, takenUnits];

test("a quota pays what is left of it, and says no to more than is allowed beyond it without taking anything", async () => {
  assert.deepEqual(said(await ask("ask", { units: 70 })), ["taken", 70, 70]);
  assert.deepEqual(said(await ask("ask", { units: 50, onDemandUnitsAllowed: 19 })), ["exceeded", 0, 70]);
  assert.deepEqual(said(await ask("ask", { units: 50, onDemandUnitsAllowed: 20 })), ["taken", 30, 100]);
});

test("a question is decided once per key, is found by it, and is one effect", async () => {
  const first = await ask("ask", { key: "once", units: 7 });
  assert.deepEqual(await ask("ask", { key: "once", units: 7 }), first);
  const found = await sap.send("GET", `${path}?key=once`);
  assert.deepEqual(await found.json(), first);
  assert.equal((await sap.client.effects({ operation: "decide-quota" })).length, 1);
  const other = await sap.send("GET", `${path}?key=never`);
  assert.deepEqual([other.status, await other.json()], [404, { key: "never", says: "not-known" }]);
});

test("a released quota is not here any more, for that account alone, and leaves no effect", async () => {
  await ask("lend", { takenUnits: 12 });
  await ask("ask", { units: 3 });
  assert.deepEqual(said(await ask("recall")), ["released", 0, 15]);
  for (const act of ["ask", "lend", "restore"]) {
    assert.deepEqual(said(await ask(act, { units: 1, cycle: "2026-12" })), ["not-here", 0, 15]);
  }
  assert.deepEqual(said(await ask("recall")), ["released", 0, 15]);
  assert.equal((await ask("ask", { account: "acct-0002", units: 1 })).says, "taken");
  assert.equal((await sap.client.effects({ operation: "decide-quota" })).length, 5);
});

test("a later cycle begins with nothing taken, and what is restored of an ended one changes nothing", async () => {
  await ask("ask", { units: 40 });
  assert.deepEqual(said(await ask("restore", { units: 10 })), ["restored", 0, 30]);
  assert.deepEqual(said(await ask("ask", { units: 5, cycle: "2026-12" })), ["taken", 5, 5]);
  assert.deepEqual(said(await ask("restore", { units: 30 })), ["restored", 0, 5]);
});

test("a quota that a person has blocked refuses, and takes nothing", async () => {
  await sap.client.rule({ behaviour: "rejection", reason: "quota-blocked" });
  await assert.rejects(ask("ask", { units: 5 }), { actual: 422 });
  assert.equal((await sap.client.effects({ operation: "decide-quota" })).length, 0);
  await sap.client.removeRules();
  assert.deepEqual(said(await ask("ask", { units: 5 })), ["taken", 5, 5]);
});

test("without the password nothing is decided", async () => {
  const answer = await fetch(`${sap.url}${path}`, { method: "POST", body: "{}" });
  assert.equal(answer.status, 401);
});
