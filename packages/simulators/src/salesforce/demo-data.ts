import type { Schema } from "./schema.ts";
import type { Store } from "./store.ts";
import { createRecord, type Writing } from "./writing.ts";

/** Accounts of the demo tenant: acct-0001 … acct-1000, as Flux has them. */
export const demoAccounts = 1_000;

/** People who may become customers: lead-0001 … lead-0050. */
export const demoLeads = 50;

/** When the demo org was set up. Fixed, so that the data are the same in every run. */
const setUpAt = "2026-11-01T08:00:00.000Z";
const cities = ["Madrid", "Sevilla", "Valencia", "Zaragoza", "Bilbao"];

/** Fills an empty org: for each account a contact (cust-0001 …) and an active entitlement (ent-acct-0001 …). No events, no effects. */
export function fillWithDemoData(schema: Schema, store: Store, userId: string): void {
  const writing: Writing = {
    schema,
    store,
    transaction: store.begin(),
    publications: [],
    userId,
    now: setUpAt,
    newUuid: () => "",
    rejection: null,
  };
  const object = (name: string) => {
    const found = schema.object(name);
    if (found === undefined) throw new Error(`the schema has no ${name}`);
    return found;
  };
  for (let n = 1; n <= demoAccounts; n += 1) {
    const number = String(n).padStart(4, "0");
    const account = createRecord(writing, object("Account"), {
      Name: `Demo Account ${number}`,
      Type: "Customer",
      AccountNumber: `D-${number}`,
      BillingCity: cities[n % cities.length],
      BillingCountry: "Spain",
      Account_Key__c: `acct-${number}`,
      // Pairs share a number: the old system counted households.
      Legacy_Number__c: `L-${Math.ceil(n / 2)}`,
    });
    createRecord(writing, object("Contact"), {
      FirstName: "Demo",
      LastName: `Customer ${number}`,
      Email: `customer-${number}@demo.example`,
      AccountId: account,
      Contact_Key__c: `cust-${number}`,
    });
    createRecord(writing, object("Entitlement__c"), {
      Entente_Key__c: `ent-acct-${number}`,
      Account__c: account,
      Account_Key__c: `acct-${number}`,
      Plan_Code__c: "commuter",
      Monthly_Quota_Units__c: 100,
      Status__c: "Active",
      Version_Number__c: 1,
      Valid_From__c: setUpAt,
    });
  }
  for (let n = 1; n <= demoLeads; n += 1) {
    const number = String(n).padStart(4, "0");
    createRecord(writing, object("Lead"), {
      FirstName: "Demo",
      LastName: `Prospect ${number}`,
      Company: `Demo Prospect ${number}`,
      Email: `prospect-${number}@demo.example`,
      Lead_Key__c: `lead-${number}`,
    });
  }
}
