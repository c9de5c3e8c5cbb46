import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Connection } from "jsforce";
import type { LeadConvert, LeadConvertResult } from "jsforce/lib/api/soap/schema.js";
import { errorOf, type SalesforceUnderTest, startSalesforceUnderTest } from "./salesforce.fixture.ts";

/** Cases, and leads that become customers over the SOAP interface, with the unmodified jsforce. */

let sf: SalesforceUnderTest;
let conn: Connection;

before(async () => {
  sf = await startSalesforceUnderTest();
});
beforeEach(async () => {
  await sf.client.reset();
  conn = await sf.connect();
});
after(() => sf.stop());

interface Lead {
  readonly Id: string;
  readonly IsConverted: boolean;
  readonly Status: string;
  readonly ConvertedAccountId: string | null;
}

async function lead(key: string): Promise<Lead> {
  const fields = "Id, IsConverted, Status, ConvertedAccountId";
  const { records } = await conn.query<Lead>(`SELECT ${fields} FROM Lead WHERE Lead_Key__c = '${key}'`);
  return records[0] as Lead;
}

async function convert(leadId: string, more: object = {}): Promise<LeadConvertResult> {
  const wish = { leadId, convertedStatus: "Closed - Converted", doNotCreateOpportunity: true, ...more };
  return conn.soap.convertLead(wish as Partial<LeadConvert>);
}

test("a case has a number of its own, and its key makes one of two", async () => {
  const wish = { Entente_Key__c: "case-1", Subject: "No light", Command_Key__c: "key-1" };
  for (const created of [true, false]) {
    const answer = await conn.sobject("Case").upsert(wish, "Entente_Key__c");
    assert.deepEqual([answer.success, (answer as { created?: boolean }).created], [true, created]);
  }
  const { records } = await conn.query<{ CaseNumber: string; Status: string }>(
    "SELECT CaseNumber, Status FROM Case",
  );
  assert.deepEqual(
    records.map(({ CaseNumber, Status }) => [CaseNumber, Status]),
    [["00000001", "New"]],
  );
  const { errorCode } = await errorOf(conn.sobject("Case").create({ CaseNumber: "7" }));
  assert.equal(errorCode, "INVALID_FIELD_FOR_INSERT_UPDATE");
});

test("a lead becomes an account with its mapped key and a contact, is known by its marker, and is then closed to changes", async () => {
  const { Id } = await lead("lead-0001");
  await conn.sobject("Lead").update({ Id, Account_Key__c: "acct-9001", Command_Key__c: "key-1" });
  const result = await convert(Id);
  assert.deepEqual([result.success, result.leadId, result.opportunityId], [true, Id, null]);
  const account = await conn.sobject("Account").retrieve(result.accountId as string);
  const { Name, Account_Key__c, Phone } = account;
  assert.deepEqual([Name, Account_Key__c, Phone], ["Demo Prospect 0001", "acct-9001", null]);
  const contact = await conn.sobject("Contact").retrieve(result.contactId as string);
  assert.deepEqual([contact.LastName, contact.AccountId], ["Prospect 0001", result.accountId]);
  const after = await lead("lead-0001");
  assert.deepEqual([after.IsConverted, after.Status], [true, "Closed - Converted"]);
  assert.equal(after.ConvertedAccountId, result.accountId);
  const [effect] = await sf.client.effects({ operation: "convert-lead" });
  assert.deepEqual([effect?.keys, effect?.id], [["key-1", "lead-0001"], Id]);
  const { errorCode } = await errorOf(conn.sobject("Lead").update({ Id, Company: "Other" }));
  assert.equal(errorCode, "CANNOT_UPDATE_CONVERTED_LEAD");
});

test("refuses lead by lead, with nothing written: converted before, another status, no lead, a key that is taken", async () => {
  const { Id } = await lead("lead-0002");
  const codes = async (id: string, more: object = {}) => {
    const { success, errors } = await convert(id, more);
    assert.equal(success, false);
    return (errors as unknown as { statusCode: string }[])[0]?.statusCode;
  };
  assert.equal(await codes(Id, { convertedStatus: "Working - Contacted" }), "INVALID_STATUS");
  assert.equal(await codes("001000000000001AAA"), "INVALID_CROSS_REFERENCE_KEY");
  await conn.sobject("Lead").update({ Id, Account_Key__c: "acct-0001" });
  assert.equal(await codes(Id), "DUPLICATE_VALUE");
  await sf.client.rule({
    behaviour: "rejection",
    reason: "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    times: 1,
    when: { operation: "convert-lead" },
  });
  await conn.sobject("Lead").update({ Id, Account_Key__c: "acct-9002" });
  assert.equal(await codes(Id), "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY");
  assert.deepEqual(await sf.client.effects({ operation: "convert-lead" }), []);
  assert.equal((await convert(Id)).success, true);
  assert.equal(await codes(Id), "CANNOT_UPDATE_CONVERTED_LEAD");
});

test("faults in SOAP: a session that is over, a day that is used up, and what is not imitated", async () => {
  const { Id } = await lead("lead-0003");
  const session = { behaviour: "unauthorized", times: 1, when: { operation: "convert-lead" } } as const;
  await sf.client.rule(session);
  // The client signs in anew and goes on.
  assert.equal((await convert(Id)).success, true);
  const other = (await lead("lead-0004")).Id;
  const fault = async (more: object = {}) => (await errorOf(convert(other, more))).message;
  assert.match(await fault({ doNotCreateOpportunity: false }), /not imitated: opportunities/);
  assert.match(await fault({ accountId: "001000000000001AAA" }), /not imitated: accountId/);
  await sf.client.rule({ behaviour: "throttled", times: 1, when: { operation: "convert-lead" } });
  assert.match(await fault(), /REQUEST_LIMIT_EXCEEDED/);
  assert.equal((await lead("lead-0004")).IsConverted, false);
});
