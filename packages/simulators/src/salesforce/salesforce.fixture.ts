import jsforce, { type Connection } from "jsforce";
import { type ControlClient, openControlClient } from "../control/control-client.ts";
import type { RunningSimulator } from "../control/start-simulator.ts";
import { credentials } from "./sessions.ts";
import { type SalesforceOptions, startSalesforce } from "./start-salesforce.ts";

// jsforce and faye take a proxy from the environment and know no exceptions: loopback would go through it.
for (const name of ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]) {
  delete process.env[name];
}

export const version = "67.0";

export interface SalesforceUnderTest extends RunningSimulator {
  readonly client: ControlClient;
  /** A connection of the unmodified client, signed in with client credentials, that renews its token in the same way. */
  connect(): Promise<Connection>;
  /** A plain request with the connection's token, for what jsforce cannot say. */
  ask(conn: Connection, method: string, path: string, init?: RequestInit): Promise<Response>;
}

export async function startSalesforceUnderTest(
  options: SalesforceOptions = {},
): Promise<SalesforceUnderTest> {
  const simulator = await startSalesforce({ seed: 7, ...options });
  const { url } = simulator;
  return {
    ...simulator,
    client: openControlClient(url),
    async connect() {
      const conn = new jsforce.Connection({
        loginUrl: url,
        version,
        oauth2: { loginUrl: url, clientId: credentials.clientId, clientSecret: credentials.clientSecret },
        callOptions: { client: "entente" },
        refreshFn: (self, done) => {
          self.authorize({ grant_type: "client_credentials" }).then(
            () => done(null, self.accessToken as string),
            (error: Error) => done(error),
          );
        },
      });
      await conn.authorize({ grant_type: "client_credentials" });
      return conn;
    },
    ask: (conn, method, path, init = {}) =>
      fetch(`${url}${path.startsWith("/services") ? path : `/services/data/v${version}${path}`}`, {
        method,
        ...init,
        headers: { authorization: `Bearer ${conn.accessToken}`, ...(init.headers as Record<string, string>) },
      }),
  };
}

/** An entitlement's fields, ready to be upserted. */
export function entitlement(key: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    Entente_Key__c: key,
    Account_Key__c: "acct-0001",
    Plan_Code__c: "commuter",
    Monthly_Quota_Units__c: 100,
    Status__c: "Active",
    Version_Number__c: 1,
    Valid_From__c: "2026-11-01T00:00:00.000Z",
    ...more,
  };
}

/** The error that the promise ends with. */
export async function errorOf(
  promise: PromiseLike<unknown>,
): Promise<Error & { errorCode?: string; data?: unknown }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not fail");
}
