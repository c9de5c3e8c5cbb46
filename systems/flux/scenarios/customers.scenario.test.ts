import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { eventually, type ServerProcess } from "@entente/testkit";
import { type Caller, caller, type ProcessBody } from "./client.fixture.ts";
import { type FluxUnderTest, startFluxUnderTest } from "./flux-under-test.fixture.ts";
import { inEntitlement, type SalesforceUnderTest, startSalesforceUnderTest } from "./salesforce.fixture.ts";

/** Support cases and new customers: both are Salesforce's to make, and are told as made when it has made them. */
describe("what lands at Salesforce first", () => {
  let salesforce: SalesforceUnderTest;
  let flux: FluxUnderTest;
  let worker: ServerProcess;
  let customer: Caller;
  let operator: Caller;

  before(async () => {
    salesforce = await startSalesforceUnderTest();
    flux = await startFluxUnderTest(salesforce.environment);
    await flux.startEdge();
    worker = await flux.startWorker({}, "subscription,entitlement");
    customer = await caller(flux, { role: "customer", accounts: ["acct-0001", "acct-0002"] });
    operator = await caller(flux, { role: "operator", sub: "olga" });
  });
  beforeEach(() => salesforce.control.removeRules());
  after(async () => {
    await flux.stop();
    await salesforce.stop();
  });

  let keys = 0;
  const askForHelp = async (subject: string): Promise<string> => {
    const body = { accountId: "acct-0001", subject, description: "Since this morning." };
    const { status, body: answer } = await customer.post("/support-cases", body, {
      "idempotency-key": `case-${keys++}`,
    });
    assert.deepEqual([status, answer.state], [202, "queued"]);
    return String(answer.processId);
  };
  const convert = async (prospectId: string, accountId: string): Promise<string> => {
    const { status, body } = await operator.post(
      "/customers",
      { prospectId, accountId },
      { "idempotency-key": `customer-${keys++}` },
    );
    assert.deepEqual([status, body.state], [202, "queued"]);
    return String(body.processId);
  };
  const casesOf = (processId: string) =>
    salesforce.find(
      `SELECT CaseNumber, Subject, Account.Account_Key__c FROM Case WHERE Entente_Key__c = '${processId}'`,
    );
  const accountsNamed = (key: string) =>
    salesforce.find(`SELECT Id, Name FROM Account WHERE Account_Key__c = '${key}'`);
  const leadOf = async (key: string) =>
    (await salesforce.find(`SELECT IsConverted FROM Lead WHERE Lead_Key__c = '${key}'`))[0];
  const reasonOf = ({ reason }: ProcessBody) => reason as { readonly code: string; readonly message: string };
  /** Past every wait between two sendings, and past their longest transaction. */
  const laterOn = () => operator.post("/dev/clock", { advance: "PT20M" });
  const handOffOf = async (processId: string) => {
    const { body } = await operator.get("/ops/hand-offs");
    const open = body.handOffs as { processId: string; state: string; tries: number }[];
    return open.find((one) => one.processId === processId);
  };
  const conversions = () => salesforce.control.effects({ operation: "convert-lead" });

  test("a case is open when Salesforce has it, and shows the number it has there as theirs", async () => {
    const processId = await askForHelp("No units delivered");
    const confirmed = await customer.until(processId, "confirmed", "failed");
    const [record] = await casesOf(processId);
    assert.equal(record?.Subject, "No units delivered");
    assert.equal((record?.Account as { Account_Key__c?: string } | undefined)?.Account_Key__c, "acct-0001");
    assert.deepEqual(confirmed.outcome, {
      externalReference: { system: "salesforce", kind: "case number", value: record?.CaseNumber },
    });
    assert.equal(confirmed.text, `Your support case is open. Its number is ${record?.CaseNumber}.`);
  });

  test("a prospect is a customer when Salesforce has made it one, under the account that was asked for", async () => {
    const processId = await convert("lead-0001", "acct-2001");
    const confirmed = await operator.until(processId, "confirmed", "failed");
    const [account] = await accountsNamed("acct-2001");
    assert.equal(account?.Name, "Demo Prospect 0001");
    assert.deepEqual(confirmed.outcome, {
      prospectId: "lead-0001",
      accountId: "acct-2001",
      externalReference: { system: "salesforce", kind: "account id", value: account?.Id },
    });
    const again = await operator.until(await convert("lead-0001", "acct-2002"), "confirmed", "failed");
    assert.equal(reasonOf(again).code, "prospect-already-converted");
    assert.equal((await customer.post("/customers", { prospectId: "x", accountId: "y" })).status, 403);
    const notTheirs = { accountId: "acct-0500", subject: "x", description: "" };
    const refused = await customer.post("/support-cases", notTheirs, { "idempotency-key": "not-theirs" });
    assert.equal(refused.status, 403);
  });

  test("both kinds of call are counted against Salesforce's day as Salesforce counts them", async () => {
    await eventually(async () => {
      const { calls } = await salesforce.usedByFlux();
      const { body } = await operator.get("/ops/treaties");
      const budgets = body.budgets as { name: string; used: number; callers: { operation: string }[] }[];
      const api = budgets.find(({ name }) => name === "api-calls");
      assert.equal(api?.used, calls);
      const operations = api?.callers.map(({ operation }) => operation) ?? [];
      for (const one of ["open-case", "mark-lead", "convert-lead"]) assert.ok(operations.includes(one), one);
    });
  });

  test("Salesforce away: both are taken and wait, nothing confirms them, also past every limit; once it is back each lands once", async () => {
    salesforce.cut();
    const waiting = [await askForHelp("While away"), await convert("lead-0002", "acct-2003")] as const;
    for (const processId of waiting) await operator.until(processId, "processing");
    for (const processId of waiting)
      await eventually(async () => assert.equal((await handOffOf(processId))?.state, "retry_wait"));
    await operator.post("/dev/clock", { advance: "PT1H" });
    for (const processId of waiting) {
      const { body } = await operator.get(`/processes/${processId}`);
      assert.deepEqual([body.state, body.delayed, body.outcome], ["processing", true, undefined]);
      assert.match(String(body.text), /not lost.* before it is confirmed\./);
    }
    assert.deepEqual(await casesOf(waiting[0]), []);
    await salesforce.mend();
    await laterOn();
    for (const processId of waiting) await operator.until(processId, "confirmed");
    assert.equal((await casesOf(waiting[0])).length, 1);
    assert.equal((await accountsNamed("acct-2003")).length, 1);
  });

  test("refused by Salesforce: failed with a plain reason and none of its words; the wish can be made again", async () => {
    const refusal = {
      behaviour: "rejection",
      reason: "FIELD_CUSTOM_VALIDATION_EXCEPTION",
      times: 1,
    } as const;
    await salesforce.control.rule({ ...refusal, when: { operation: "composite" } });
    const help = await customer.until(await askForHelp("Refused"), "failed");
    assert.deepEqual(reasonOf(help), {
      code: "support-case-refused",
      message: "This support case was not accepted.",
    });
    const taken = await operator.until(await convert("lead-0003", "acct-0001"), "failed");
    const unknown = await operator.until(await convert("nobody", "acct-2004"), "failed");
    for (const ended of [taken, unknown]) assert.equal(reasonOf(ended).code, "prospect-conversion-refused");
    for (const ended of [help, taken, unknown])
      assert.doesNotMatch(
        JSON.stringify(ended),
        /salesforce|FIELD_CUSTOM|DUPLICATE|NOT_FOUND|__c|lead\b(?!-)/i,
      );
    const again = await operator.until(await convert("lead-0003", "acct-2005"), "confirmed", "failed");
    assert.equal(again.state, "confirmed");
  });

  test("killed after Salesforce had done it and before we knew, and between the mark and the conversion: each once, confirmed", async () => {
    const silent = (operation: string, effect: boolean) =>
      salesforce.control.rule({ behaviour: "timeout", effect, times: 1, when: { operation } });
    const before = (await conversions()).length;
    await silent("composite", true);
    const opened = await askForHelp("Killed");
    await eventually(async () => assert.equal((await casesOf(opened)).length, 1));
    const calls = (await salesforce.control.calls({ operation: "convert-lead" })).length;
    await silent("convert-lead", false);
    const marked = await convert("lead-0004", "acct-2006");
    await eventually(async () =>
      assert.equal((await salesforce.control.calls({ operation: "convert-lead" })).length, calls + 1),
    );
    await silent("convert-lead", true);
    const converted = await convert("lead-0005", "acct-2007");
    await eventually(async () => assert.equal((await leadOf("lead-0005"))?.IsConverted, true));
    assert.equal((await leadOf("lead-0004"))?.IsConverted, false);
    await worker.kill();
    const wishes = [opened, marked, converted];
    for (const processId of wishes)
      assert.equal((await operator.get(`/processes/${processId}`)).body.state, "processing");

    // A new worker first sees that nobody knows, and then asks.
    worker = await flux.startWorker({}, "subscription,entitlement");
    for (const processId of wishes)
      await eventually(async () => assert.equal((await handOffOf(processId))?.state, "unknown"));
    await laterOn();
    for (const processId of wishes) await operator.until(processId, "confirmed");
    assert.equal((await casesOf(opened)).length, 1);
    assert.equal((await conversions()).length, before + 2);
    for (const account of ["acct-2006", "acct-2007"]) assert.equal((await accountsNamed(account)).length, 1);
  });

  test("nothing of Salesforce's words is in the facts but what is said to be theirs", async () => {
    const facts = await inEntitlement<{ type: string; data: Record<string, unknown> }>(
      flux,
      `select type, data from entente.journal
       where kind = 'event' and type like 'flux.support-case%' or kind = 'event' and type like 'flux.prospect%'`,
    );
    assert.ok(facts.length >= 12, `${facts.length} facts`);
    for (const { type, data } of facts) {
      const { externalReference: _labelled, ...rest } = data;
      assert.doesNotMatch(JSON.stringify({ type, rest }), /salesforce|__c|\b(?:001|500|00Q)Hs/i);
    }
  });
});
