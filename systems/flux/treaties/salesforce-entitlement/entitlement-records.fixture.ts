/** Entitlements and customers of a simulated org, as the conformance suite has them made, changed and removed. */
import type { Edition, TheirRecords } from "@entente/testkit";
import type { Entitlement } from "../../contexts/entitlement/contract/entitlement.ts";
import { numberOf, type OrgPlace, openOrgRecords } from "./org-records.fixture.ts";

/** The demo data of the org has so many accounts. */
const accounts = 1_000;
const validFrom = Date.UTC(2026, 0, 1);
const statuses = [
  ["Draft", "draft"],
  ["Active", "active"],
  ["Suspended", "suspended"],
] as const;
/** A change that is not as agreed needs a version in between: versions only rise. */
const versionOf = (edition: Edition): number => 10 * (edition + 1);

/** Whose entitlement it is: neighbours have other accounts. */
export function accountOf(id: string): string {
  return `acct-${String(1 + (numberOf(id) % accounts)).padStart(4, "0")}`;
}

/** In our words. */
export function entitlementIn(id: string, edition: Edition, accountId: string): Entitlement {
  return {
    entitlementId: id,
    accountId,
    planId: "commuter",
    monthlyQuotaUnits: 100 + edition,
    status: statuses[edition][1],
    version: versionOf(edition),
    validFrom,
    validTo: null,
  };
}

function fieldsIn(accountId: string, edition: Edition): Readonly<Record<string, unknown>> {
  return {
    Account_Key__c: accountId,
    Plan_Code__c: "commuter",
    Monthly_Quota_Units__c: 100 + edition,
    Status__c: statuses[edition][0],
    Version_Number__c: versionOf(edition),
    Valid_From__c: new Date(validFrom).toISOString(),
  };
}

const entitlementAt = (key: string): OrgPlace => ({
  object: "Entitlement__c",
  keyField: "Entente_Key__c",
  key,
});

/** `account`: whose each of them is. */
export function entitlementRecords(url: string, account: (id: string) => string): TheirRecords {
  const org = openOrgRecords(url);
  const last = new Map<string, Edition>();
  return {
    async put(id, edition) {
      last.set(id, edition);
      await org.put(entitlementAt(id), fieldsIn(account(id), edition));
    },
    remove: (id) => org.remove(entitlementAt(id)),
    async spoil(id) {
      const edition = last.get(id);
      const version = edition === undefined ? 1 : versionOf(edition) + 1;
      // Their field takes any text; a plan of ours is a name.
      const spoilt = { Plan_Code__c: "any plan, please", Version_Number__c: version };
      await org.put(entitlementAt(id), { ...fieldsIn(account(id), edition ?? 0), ...spoilt });
    },
    async present(ids) {
      const found = await Promise.all(
        ids.map(async (id) => [id, await org.read(entitlementAt(id))] as const),
      );
      return new Map(
        found.flatMap(([id, row]) =>
          row === null ? [] : [[id, (Number(row.Version_Number__c) / 10 - 1) as Edition] as const],
        ),
      );
    },
  };
}

const customerAt = (key: string): OrgPlace => ({ object: "Account", keyField: "Account_Key__c", key });

/** Their picklist, and the same in our words. */
export const standingsIn = [
  ["Customer", "customer"],
  ["Prospect", "prospect"],
  ["Partner", "partner"],
] as const;

export function isCustomer(id: string): boolean {
  return numberOf(id) % 3 === 0;
}

/** Every third record is a customer, whose key is the record's own name; the others are entitlements. */
export function entitlementAndCustomerRecords(url: string): TheirRecords {
  const org = openOrgRecords(url);
  const entitlements = entitlementRecords(url, accountOf);
  /** Nothing their rules let into a customer is not as agreed: an entitlement under the same name is what cannot be read. */
  const spoilt = new Set<string>();
  return {
    async put(id, edition) {
      if (!isCustomer(id)) return entitlements.put(id, edition);
      await org.put(customerAt(id), { Name: id, Type: standingsIn[edition][0] });
      if (spoilt.delete(id)) await entitlements.remove(id);
    },
    remove: (id) => (isCustomer(id) ? org.remove(customerAt(id)) : entitlements.remove(id)),
    async spoil(id) {
      if (isCustomer(id)) spoilt.add(id);
      await entitlements.spoil?.(id);
    },
    async present(ids) {
      const customers = await Promise.all(
        ids.filter(isCustomer).map(async (id) => [id, await org.read(customerAt(id))] as const),
      );
      const editions = customers.flatMap(([id, row]) =>
        row === null
          ? []
          : [[id, standingsIn.findIndex(([theirs]) => theirs === row.Type) as Edition] as const],
      );
      const others = await entitlements.present(ids.filter((id) => !isCustomer(id)));
      return new Map([...others, ...editions]);
    },
  };
}
