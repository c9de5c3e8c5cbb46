import type { FastifyRequest } from "fastify";
import type { Control } from "../control/control.ts";
import type { SimulatorSystem } from "../control/simulator-system.ts";
import { type RunningSimulator, type SimulatorOptions, startSimulator } from "../control/start-simulator.ts";
import { defaultLimits, type LimitSettings } from "./api-limits.ts";
import { cometdRoutes } from "./cometd-routes.ts";
import { description } from "./description.ts";
import { oauthRoutes } from "./oauth-routes.ts";
import { openOrg } from "./org.ts";
import { readBodies } from "./request-body.ts";
import { subjectOf } from "./request-subject.ts";
import { restRoutes } from "./rest-routes.ts";
import { salesforceControls } from "./salesforce-controls.ts";
import { simulatedAnswers } from "./simulated-answers.ts";
import { soapRoutes } from "./soap-routes.ts";
import { openStreamingClients } from "./streaming-clients.ts";

export interface SalesforceOptions extends SimulatorOptions {
  /** Those not given are an Enterprise org's. */
  readonly limits?: Partial<LimitSettings>;
  /** Public key (PEM) of the connected app, for the JWT bearer flow. */
  readonly jwtPublicKey?: string;
}

/** Starts one Salesforce org with the demo data of Flux, ready when this resolves. */
export function startSalesforce(options: SalesforceOptions = {}): Promise<RunningSimulator> {
  return startSimulator({ description, open: (control) => open(control, options) }, options);
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
        app.register(soapRoutes(current, queue));
        app.register(cometdRoutes(streaming));
      },
    ],
    controls: salesforceControls(current),
    reset() {
      state.clients.closeAll();
      state = openAll();
    },
    async stop() {
      state.clients.closeAll();
    },
  };
}
