import type { Operation, SystemDescription } from "../control/system-description.ts";
import { rejections } from "./refusals.ts";

export const credentials = { user: "ENTENTE_COMM", password: "entente-dev-1", client: "100" } as const;

/** This system's id and its logical name, as they stand in messages. */
export const systemId = "ENT";
export const logicalSystem = "ENTCLNT100";

const reads = (does: string): Operation => ({ does, effect: false, callback: false });
const changes = (does: string, callback = false): Operation => ({
  does,
  effect: true,
  callback,
  inParts: true,
});

export const operations = {
  "post-journal-entries": changes("SOAP journalentrycreaterequestconfi: posts and confirms"),
  "post-journal-entries-async": changes(
    "SOAP journalentrybulkcreationreques: 202, posted and confirmed later",
    true,
  ),
  "fetch-token": reads("HEAD or GET with X-CSRF-Token: Fetch"),
  "read-service": reads("GET a service document or $metadata"),
  "read-journal-entries": reads("GET items of journal entries"),
  "read-business-partners": reads("GET business partners"),
  "create-business-partner": changes("POST A_BusinessPartner"),
  "change-business-partner": changes("PATCH or MERGE A_BusinessPartner('…')"),
  batch: changes("POST $batch"),
  "read-monitor": reads("GET messages and IDocs from the integration monitor"),
  "receive-idocs": changes("POST /sap/bc/idoc_xml or /sap/bc/idoc_flat"),
  "read-idoc-status": reads("GET /sap/bc/idoc_status"),
  "decide-quota": { does: "POST /sap/bc/flux/quota", effect: true, callback: false },
  "read-quota-decision": reads("GET /sap/bc/flux/quota"),
  "reprocess-idocs": changes("POST /sap/bc/idoc_reprocess"),
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof operations;

export const description: SystemDescription = {
  name: "sap",
  title: "SAP: ledger, business partners, IDocs",
  operations,
  rejections,
  credentials,
};
