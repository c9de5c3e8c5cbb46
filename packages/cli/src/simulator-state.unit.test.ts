/** Simulators that keep their worlds, killed and started again: what they did, and under which keys, is still so. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openControlClient } from "@entente/simulators";
import { disposeAll, startProcess } from "@entente/testkit";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "simulator-state-"));
afterEach(disposeAll);
after(() => rmSync(root, { recursive: true }));
const newFolder = () => mkdtempSync(join(root, "state-"));

/** The same seed each time: nothing random may be given twice all the same. */
async function simulator(name: string, folder: string) {
  const process_ = await startProcess({
    command: process.execPath,
    args: [main, "simulator", name, "--seed", "7", "--state", folder],
    readyLine: /^ready (http:\/\/127\.0\.0\.1:\d+)$/,
    name,
  });
  const url = process_.ready[1] as string;
  return {
    url,
    control: openControlClient(url),
    kill: () => process_.kill(),
    end: () => process_.terminate(),
  };
}

async function json(
  url: string,
  init: RequestInit,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

function pay(url: string, key: string) {
  const form = "amount=1250&currency=eur&payment_method=pm_card_visa&confirm=true&off_session=true";
  return json(`${url}/v1/payment_intents`, {
    method: "POST",
    headers: {
      authorization: "Bearer sk_test_entente",
      "content-type": "application/x-www-form-urlencoded",
      "idempotency-key": key,
    },
    body: `${form}&metadata[entente_key]=${key}`,
  });
}

test("payments: after a kill a payment is there, its key gets the first answer, and new ones have other ids", async () => {
  const folder = newFolder();
  const first = await simulator("payments", folder);
  const paid = await pay(first.url, "key-1");
  assert.deepEqual([paid.status, paid.body.status], [200, "succeeded"]);
  await first.kill();
  const second = await simulator("payments", folder);
  assert.deepEqual(await pay(second.url, "key-1"), paid);
  const effects = await second.control.effects();
  assert.deepEqual(
    effects.map(({ key, id, amount }) => [key, id, amount]),
    [["key-1", paid.body.id, 1_250]],
  );
  const refund = await json(`${second.url}/v1/refunds`, {
    method: "POST",
    headers: {
      authorization: "Bearer sk_test_entente",
      "content-type": "application/x-www-form-urlencoded",
    },
    body: `payment_intent=${paid.body.id}&amount=250`,
  });
  assert.equal(refund.body.status, "succeeded");
  const other = await pay(second.url, "key-2");
  assert.notEqual(other.body.id, paid.body.id);
  await second.kill();
  const third = await simulator("payments", folder);
  assert.equal((await third.control.effects()).length, 3);
  const charge = await json(`${third.url}/v1/charges/${paid.body.latest_charge}`, {
    headers: { authorization: "Bearer sk_test_entente" },
  });
  assert.equal(charge.body.amount_refunded, 250, "what was changed in place is kept");
});

test("payments: an effect whose answer was swallowed is known after a kill", async () => {
  const folder = newFolder();
  const first = await simulator("payments", folder);
  await first.control.rule({ behaviour: "drop", effect: true, when: { operation: "create-payment-intent" } });
  await assert.rejects(pay(first.url, "key-1"));
  await first.kill();
  const second = await simulator("payments", folder);
  const [effect] = await second.control.effects();
  assert.equal(effect?.key, "key-1");
  assert.equal((await pay(second.url, "key-1")).body.id, effect?.id);
  assert.equal((await second.control.effects()).length, 1);
});

const sapLogon = `Basic ${Buffer.from("ENTENTE_COMM:entente-dev-1").toString("base64")}`;

function post(url: string, reference: string) {
  const day = new Date().toISOString().slice(0, 10);
  const item = (account: string, amount: string, side: string) =>
    `<Item><GLAccount>${account}</GLAccount><AmountInTransactionCurrency currencyCode="EUR">${amount}</AmountInTransactionCurrency><DebitCreditCode>${side}</DebitCreditCode></Item>`;
  return fetch(`${url}/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi`, {
    method: "POST",
    headers: { authorization: sapLogon, "content-type": "text/xml; charset=utf-8" },
    body: `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sfin="http://sap.com/xi/SAPSCORE/SFIN"><soapenv:Header/><soapenv:Body><sfin:JournalEntryBulkCreateRequest><MessageHeader><ID>M-${reference}</ID></MessageHeader><JournalEntryCreateRequest><MessageHeader><ID>E-${reference}</ID></MessageHeader><JournalEntry><AccountingDocumentType>SA</AccountingDocumentType><DocumentReferenceID>${reference}</DocumentReferenceID><DocumentHeaderText>Kept</DocumentHeaderText><CreatedByUser>SOMEBODY</CreatedByUser><CompanyCode>1010</CompanyCode><DocumentDate>${day}</DocumentDate><PostingDate>${day}</PostingDate>${item("23200000", "12.50", "S")}${item("41000000", "-12.50", "H")}</JournalEntry></JournalEntryCreateRequest></sfin:JournalEntryBulkCreateRequest></soapenv:Body></soapenv:Envelope>`,
  });
}

function ask(url: string, key: string) {
  const question = { key, act: "ask", tenant: "demo", account: "acct-0001", cycle: "2026-11", units: 10 };
  const limits = { quotaUnits: 15, onDemandUnitsAllowed: 100, takenUnits: 0 };
  return json(`${url}/sap/bc/flux/quota`, {
    method: "POST",
    headers: { authorization: sapLogon, "content-type": "application/json" },
    body: JSON.stringify({ ...question, ...limits }),
  });
}

test("SAP: after a kill the books and decisions stand, a key is answered as before, and numbers go on", async () => {
  const folder = newFolder();
  const first = await simulator("sap", folder);
  await post(first.url, "KEPT-1");
  const decided = await ask(first.url, "q-1");
  assert.equal(decided.body.fromQuota, 10);
  await first.kill();
  const second = await simulator("sap", folder);
  const books = await json(`${second.url}/_control/ledger?reference=KEPT-1`, {});
  assert.equal(books.body.documents, 1);
  assert.deepEqual((await ask(second.url, "q-1")).body, decided.body);
  assert.equal((await ask(second.url, "q-2")).body.fromQuota, 5, "what was taken before counts");
  await post(second.url, "KEPT-2");
  const ids = (await second.control.effects()).flatMap(({ key, id }) =>
    key?.startsWith("KEPT") === true ? [id] : [],
  );
  assert.deepEqual([ids.length, new Set(ids).size], [2, 2], "no number is given twice");
});

const api = "/services/data/v67.0";

async function salesforceToken(url: string, control: Record<string, unknown>): Promise<string> {
  const credentials = control.credentials as { clientId: string; clientSecret: string };
  const { body } = await json(`${url}/services/oauth2/token`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: `grant_type=client_credentials&client_id=${credentials.clientId}&client_secret=${credentials.clientSecret}`,
  });
  return String(body.access_token);
}

test("Salesforce: after a kill rows are as they were, and new ones have other ids", async () => {
  const folder = newFolder();
  const row = (method: string, url: string, token: string, body?: object) =>
    json(`${url}${api}/sobjects/Account/Account_Key__c/acct-kept`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const first = await simulator("salesforce", folder);
  const firstToken = await salesforceToken(first.url, (await json(`${first.url}/_control`, {})).body);
  const made = await row("PATCH", first.url, firstToken, { Name: "Kept" });
  assert.equal(made.status, 201);
  await row("PATCH", first.url, firstToken, { Name: "Kept and changed" });
  await first.kill();
  const second = await simulator("salesforce", folder);
  const token = await salesforceToken(second.url, (await json(`${second.url}/_control`, {})).body);
  const read = await row("GET", second.url, token);
  assert.deepEqual([read.body.Id, read.body.Name], [made.body.id, "Kept and changed"]);
  const next = await json(`${second.url}${api}/sobjects/Account`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ Name: "Another" }),
  });
  assert.ok(typeof next.body.id === "string" && next.body.id !== made.body.id);
  const count = await json(
    `${second.url}${api}/query?q=${encodeURIComponent("select count() from Account")}`,
    {
      headers: { authorization: `Bearer ${token}` },
    },
  );
  assert.equal(count.body.totalSize, 1_002, "the demo data are not filled in again");
  assert.equal((await second.control.effects()).length, 3);
});

test("a line that was cut by the kill is ignored, and a file that is something else is refused", async () => {
  const folder = newFolder();
  const first = await simulator("payments", folder);
  const paid = await pay(first.url, "key-1");
  await first.kill();
  appendFileSync(join(folder, "payments.jsonl"), '{"map":"effects","key":"2","val');
  const second = await simulator("payments", folder);
  assert.equal((await second.control.effects()).length, 1);
  assert.equal((await pay(second.url, "key-1")).body.id, paid.body.id);
  await second.end();
  writeFileSync(join(folder, "payments.jsonl"), "hello\n");
  await assert.rejects(simulator("payments", folder), /simulator-state-unreadable/);
});

test("two simulators do not share a state", async () => {
  const folder = newFolder();
  await simulator("payments", folder);
  await assert.rejects(simulator("payments", folder), /simulator-state-held/);
});
