/** Following entitlements and customers at the simulator, over its own interface. */
import { after } from "node:test";
import type { DomainCommand } from "@entente/core";
import { simulators } from "@entente/simulators";
import { conformance, controlledRecords, type Edition } from "@entente/testkit";
import { entitlementChanges } from "./entitlement-changes.ts";
import {
  accountOf,
  entitlementAndCustomerRecords,
  entitlementIn,
  isCustomer,
  standingsIn,
} from "./entitlement-records.fixture.ts";

const startSalesforce = await simulators.salesforce();
const salesforce = await startSalesforce({ seed: 7 });
after(() => salesforce.stop());

function tells(id: string, edition: Edition): DomainCommand {
  const schemaVersion = "1.0.0";
  if (isCustomer(id)) {
    const data = { accountId: id, standing: standingsIn[edition][1] };
    return { type: "flux.note-customer", schemaVersion, key: id, data };
  }
  const data = { ...entitlementIn(id, edition, accountOf(id)) };
  return { type: "flux.note-entitlement", schemaVersion, key: accountOf(id), data };
}

function tellsGone(id: string): DomainCommand {
  const schemaVersion = "1.0.0";
  if (isCustomer(id))
    return { type: "flux.note-customer", schemaVersion, key: id, data: { accountId: id, standing: "none" } };
  const data = { entitlementId: id, accountId: accountOf(id) };
  return { type: "flux.note-entitlement-gone", schemaVersion, key: accountOf(id), data };
}

conformance(
  entitlementChanges({ origin: salesforce.url.replace("127.0.0.1", "localhost"), tenantId: "demo" }),
  await controlledRecords(salesforce.url, {
    asks: ["stream", "query-all", "query-more"],
    changes: ["upsert-row", "delete-row"],
    records: entitlementAndCustomerRecords(salesforce.url),
    placesKeptMs: 72 * 3_600_000,
  }),
  {
    tells,
    tellsGone,
    secrets: { clientId: "entente-dev-client", clientSecret: "entente-dev-secret" },
    // A page has a thousand records of the demo data.
    answerWithinMs: 2_000,
    patienceMs: 30_000,
  },
);
