import type { FastifyRequest } from "fastify";
import type { Control } from "../control/control.ts";
import type { SimulatorSystem } from "../control/simulator-system.ts";
import { type RunningSimulator, type SimulatorOptions, startSimulator } from "../control/start-simulator.ts";
import type { Operation, SystemDescription } from "../control/system-description.ts";
import { defaultLimits, type LimitSettings } from "./api-limits.ts";
import { cometdRoutes } from "./cometd-routes.ts";
import { extraControlRoutes } from "./extra-control-routes.ts";
import { oauthRoutes } from "./oauth-routes.ts";
import { openOrg } from "./org.ts";
import { rejections } from "./rejections.ts";
import { readBodies } from "./request-body.ts";
import { subjectOf } from "./request-subject.ts";
import { restRoutes } from "./rest-routes.ts";
import { credentials } from "./sessions.ts";
import { simulatedAnswers } from "./simulated-answers.ts";
import { openStreamingClients } from "./streaming-clients.ts";

const read = (does: string): Operation => ({ does, effect: false, callback: false });
/** Its callbacks are events: change events of what it changed, platform events it published. */
const write = (does: string): Operation => ({ does, effect: true, callback: true });

export const salesforce: SystemDescription = {
  name: "salesforce",
  title: "Salesforce: customers and entitlements",
  operations: {
    "issue-token": { does: "POST /services/oauth2/token", effect: false, callback: false },
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

export interface SalesforceOptions extends SimulatorOptions {
  /** Those not given are an Enterprise org's. */
  readonly limits?: Partial<LimitSettings>;
  /** Public key (PEM) of the connected app, for the JWT bearer flow. */
  readonly jwtPublicKey?: string;
}

/** Starts one Salesforce org with the demo data of Flux, ready when this resolves. */
export function startSalesforce(options: SalesforceOptions = {}): Promise<RunningSimulator> {
  return startSimulator({ description: salesforce, open: (control) => open(control, options) }, options);
}

function open(control: Control, { limits = {}, jwtPublicKey = "" }: SalesforceOptions): SimulatorSystem {
  const orgOptions = {
    limits: { ...defaultLimits, ...limits },
    jwtPublicKey: jwtPublicKey === "" ? null : jwtPublicKey,
  };
  const openAll = () => {
    const org = openOrg(control, orgOptions);
    return { org, clients: openStreamingClients(org.events, control.random("streaming clients")) };
  };
  let state = openAll();
  const current = () => state.org;
  const queue = control.callbacks(async (event: Parameters<typeof state.org.emit>[0]) =>
    current().emit(event),
  );
  const streaming = {
    org: current,
    clients: () => state.clients,
    outage: () => control.outage(),
    endWithOutage: (request: FastifyRequest) => void control.connections.hold(request, null),
  };
  return {
    answers: simulatedAnswers(current),
    identify: subjectOf,
    routes: [
      async (app) => {
        readBodies(app);
        app.register(oauthRoutes(current));
        app.register(restRoutes(current, queue));
        app.register(cometdRoutes(streaming));
      },
      async (app) => {
        app.register(extraControlRoutes(current), { prefix: "/_control" });
      },
    ],
    reset() {
      state.clients.closeAll();
      state = openAll();
    },
    async stop() {
      state.clients.closeAll();
    },
  };
}
