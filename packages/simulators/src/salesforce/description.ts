import type { Operation, SystemDescription } from "../control/system-description.ts";
import { rejections } from "./rejections.ts";
import { credentials } from "./sessions.ts";

const read = (does: string): Operation => ({ does, effect: false, callback: false });
/** Its callbacks are events: change events of what it changed, platform events it published. */
const write = (does: string): Operation => ({ does, effect: true, callback: true });

/** What the Salesforce simulator tells of itself. */
export const description: SystemDescription = {
  name: "salesforce",
  title: "Salesforce: customers and entitlements",
  operations: {
    "issue-token": read("POST /services/oauth2/token"),
    "revoke-token": read("POST /services/oauth2/revoke"),
    "read-identity": read("GET /id/:org/:user, /services/oauth2/userinfo"),
    "read-versions": read("GET /services/data"),
    "read-resources": read("GET /services/data/vNN.0"),
    "read-limits": read("GET limits"),
    "describe-global": read("GET sobjects"),
    "read-object": read("GET sobjects/:object"),
    "describe-object": read("GET sobjects/:object/describe"),
    "read-updated": read("GET sobjects/:object/updated"),
    "read-deleted": read("GET sobjects/:object/deleted"),
    query: read("GET query?q="),
    "query-all": read("GET queryAll?q="),
    "query-more": read("GET query/:locator"),
    "read-row": read("GET sobjects/:object/:id, sobjects/:object/:field/:value"),
    "read-rows": read("POST composite/sobjects/:object"),
    "create-row": write("POST sobjects/:object"),
    "update-row": write("PATCH sobjects/:object/:id"),
    "upsert-row": write("PATCH sobjects/:object/:field/:value"),
    "delete-row": write("DELETE sobjects/:object/:id"),
    "create-rows": write("POST composite/sobjects"),
    "update-rows": write("PATCH composite/sobjects"),
    "upsert-rows": write("PATCH composite/sobjects/:object/:field"),
    "delete-rows": write("DELETE composite/sobjects?ids="),
    composite: write("POST composite"),
    "convert-lead": write("POST /services/Soap/u/NN.0 with convertLead"),
    "publish-event": write("POST sobjects/:event"),
    "open-bulk-job": read("POST jobs/ingest, jobs/query"),
    "upload-bulk-data": read("PUT jobs/ingest/:id/batches"),
    "process-bulk-job": write("PATCH jobs/ingest/:id with UploadComplete"),
    "read-bulk-job": read("GET jobs/ingest/:id, jobs/query/:id and their results"),
    "delete-bulk-job": read("DELETE jobs/ingest/:id, jobs/query/:id"),
    stream: read("POST /cometd/NN.0"),
  },
  rejections,
  credentials,
};
