/** Following the open requests at the simulator, over its own interface. */
import { createHash } from "node:crypto";
import { after } from "node:test";
import type { DomainCommand } from "@entente/core";
import { simulators } from "@entente/simulators";
import { conformance, controlledRecords, type Edition, type TheirRecords } from "@entente/testkit";
import { accountOf } from "../salesforce-entitlement/entitlement-records.fixture.ts";
import { numberOf, type OrgPlace, openOrgRecords } from "../salesforce-entitlement/org-records.fixture.ts";
import { requestFeed } from "./request-feed.ts";

const startSalesforce = await simulators.salesforce();
const salesforce = await startSalesforce({ seed: 7 });
after(() => salesforce.stop());

const condenserId = "car-0001";
const unitsIn = (edition: Edition): number => 10 * (edition + 1);

/** The suite names its records as it likes; a request is named by a UUID. */
function requestIdOf(id: string): string {
  const hex = createHash("sha256").update(id).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  );
}

const requestAt = (id: string): OrgPlace => ({
  object: "Top_Up_Request__c",
  keyField: "Entente_Key__c",
  key: requestIdOf(id),
});

function openRequests(url: string): TheirRecords {
  const org = openOrgRecords(url);
  const fields = (id: string, edition: Edition) => ({
    Account_Key__c: accountOf(id),
    Condenser_Key__c: condenserId,
    Units__c: unitsIn(edition),
  });
  return {
    put: (id, edition) => org.put(requestAt(id), fields(id, edition)),
    // Both ways in which a request is open no more: somebody removes it, or closes it.
    remove: (id) =>
      numberOf(id) % 2 === 0 ? org.remove(requestAt(id)) : org.put(requestAt(id), { Status__c: "Refused" }),
    spoil: (id) => org.put(requestAt(id), { ...fields(id, 0), Condenser_Key__c: "any condenser, please" }),
    async present(ids) {
      const found = await Promise.all(ids.map(async (id) => [id, await org.read(requestAt(id))] as const));
      return new Map(
        found.flatMap(([id, row]) =>
          row?.Status__c === "Requested" ? [[id, (Number(row.Units__c) / 10 - 1) as Edition] as const] : [],
        ),
      );
    },
  };
}

function tells(id: string, edition: Edition): DomainCommand {
  const [processId, accountId] = [requestIdOf(id), accountOf(id)];
  const data = { requestId: processId, accountId, condenserId, units: unitsIn(edition) };
  return { type: "flux.note-request", schemaVersion: "1.0.0", key: accountId, processId, data };
}

function tellsGone(id: string): DomainCommand {
  const [processId, accountId] = [requestIdOf(id), accountOf(id)];
  const data = { requestId: processId, accountId };
  return { type: "flux.note-request-gone", schemaVersion: "1.0.0", key: accountId, processId, data };
}

conformance(
  requestFeed({ origin: salesforce.url.replace("127.0.0.1", "localhost"), tenantId: "demo" }),
  await controlledRecords(salesforce.url, {
    asks: ["stream", "query-all", "query-more"],
    changes: ["upsert-row", "delete-row"],
    records: openRequests(salesforce.url),
    placesKeptMs: 72 * 3_600_000,
  }),
  {
    tells,
    tellsGone,
    secrets: { clientId: "entente-dev-client", clientSecret: "entente-dev-secret" },
    patienceMs: 30_000,
  },
);
