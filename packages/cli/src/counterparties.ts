/**
 * Where Flux's counterparties are, and with which secrets: what the environment says, and in development a simulator for each of which it
 * says nothing.
 */
import { Failure } from "@entente/core";
import {
  type Counterparties,
  type Counterparty,
  type CounterpartyName,
  counterpartyNames,
  demoTenant,
  type PaymentsTreaty,
  paymentsCharge,
  paymentsRefund,
  paymentsWebhooks,
  registerWebhook,
  type SecretOf,
} from "@entente/flux";
import { type RunningSimulator, type RunningSimulators, startSimulators } from "./simulators.ts";
import { byTenant, type TenantSettings, tenantSettings } from "./tenant-settings.ts";

/** `url`, `from`, `tenantId` or the name of a secret, by the variable that has it. Secrets are called as a simulator calls its credentials. */
const variables: Readonly<Record<CounterpartyName, Readonly<Record<string, string>>>> = {
  payments: {
    ENTENTE_PAYMENTS_URL: "url",
    ENTENTE_PAYMENTS_API_KEY: "apiKey",
    ENTENTE_PAYMENTS_WEBHOOK_SECRET: "webhookSecret",
    ENTENTE_PAYMENTS_REFUND_WEBHOOK_SECRET: "refundWebhookSecret",
    ENTENTE_PAYMENTS_FROM: "from",
  },
  salesforce: {
    ENTENTE_SALESFORCE_URL: "url",
    ENTENTE_SALESFORCE_CLIENT_ID: "clientId",
    ENTENTE_SALESFORCE_CLIENT_SECRET: "clientSecret",
    ENTENTE_SALESFORCE_TENANT: "tenantId",
  },
  sap: { ENTENTE_SAP_URL: "url", ENTENTE_SAP_USER: "user", ENTENTE_SAP_PASSWORD: "password" },
};

const plain: ReadonlySet<string> = new Set(["url", "from", "tenantId"]);

/** What may be said besides: how much a counterparty allows in a day. */
const allowances: Readonly<
  Partial<Record<CounterpartyName, Readonly<Record<string, "callsPerDay" | "eventsPerDay">>>>
> = {
  salesforce: {
    ENTENTE_SALESFORCE_CALLS_PER_DAY: "callsPerDay",
    ENTENTE_SALESFORCE_EVENTS_PER_DAY: "eventsPerDay",
  },
};

export interface PlacedCounterparties {
  readonly counterparties: Counterparties;
  readonly secretOf: SecretOf;
  readonly privateRanges: readonly string[];
  /** For people: where the simulators are. */
  readonly lines: readonly string[];
  /**
   * Has the simulator of payments send its messages to the edge at this address, signed with secrets that are made now. A simulator that was
   * started again has forgotten it, and sends none: what they would tell is then found by asking.
   */
  hear(edgeUrl: string): Promise<void>;
  /** Stops the simulators. */
  stop(): Promise<void>;
}

export interface CounterpartiesOptions {
  readonly mode: "dev" | "production";
  readonly environment: NodeJS.ProcessEnv;
  /** This program works for the whole system. Programs that share one must be given addresses: they would each simulate a world of their own. */
  readonly alone: boolean;
  /** Where simulators keep their worlds from one start to the next; null: nowhere. */
  readonly stateFolder: string | null;
  /** Hears what becomes of simulators. */
  readonly log: (line: string) => void;
}

/**
 * Errors: `counterparty-incomplete` when some variables of a counterparty are set and others are not, `counterparty-address-invalid`,
 * `counterparty-from-invalid`, `counterparty-allowance-invalid`, `tenants-file-invalid`, `setting-invalid` (refused);
 * `simulator-not-started` (defect).
 */
export async function placeCounterparties(options: CounterpartiesOptions): Promise<PlacedCounterparties> {
  const { mode, environment, alone, log, stateFolder } = options;
  // The demo tenant's are no tenant's in production.
  const tenants = tenantSettings(environment) ?? (mode === "production" ? {} : null);
  const given = new Map(counterpartyNames.map((name) => [name, givenFor(name, mode, environment)]));
  const wanted = mode === "dev" && alone ? simulatorsIn(environment.ENTENTE_SIMULATORS) : [];
  const missing = wanted.filter((name) => given.get(name) === null);
  const firstPort = portOf(environment.ENTENTE_SIMULATOR_PORT);
  const simulators: RunningSimulators | null =
    missing.length > 0
      ? await startSimulators(
          missing.map((name) => ({
            name,
            port: firstPort === 0 ? 0 : firstPort + counterpartyNames.indexOf(name),
          })),
          environment,
          log,
          stateFolder,
        )
      : null;
  const simulated = simulators?.running ?? new Map<string, RunningSimulator>();
  const counterparties: Partial<Record<CounterpartyName, Counterparty>> = {};
  for (const name of counterpartyNames) {
    const url = simulated.get(name)?.url;
    const counterparty = given.get(name) ?? (url === undefined ? null : simulatedAs(name, url));
    if (counterparty !== null) {
      const quota = name === "sap" && keepsQuota(environment) ? { keepsQuota: true } : {};
      counterparties[name] = {
        ...counterparty,
        ...quota,
        ...ofTenants(name, tenants),
        ...allowedBy(name, environment),
      };
    } else log(`there is no treaty with ${name}: ${Object.keys(variables[name])[0]} is not set`);
  }
  if (tenants !== null && Object.keys(tenants).length === 0)
    log("nobody pays and nothing is posted to SAP: ENTENTE_TENANTS is not set");
  const payments = simulated.get("payments");
  /** Made when its endpoints are registered. */
  const webhookSecrets = new Map<string, string | null>(
    Object.values(paymentsWebhooks).map(({ secret }) => [secret, null]),
  );
  return {
    counterparties,
    // Read at every use: a simulator's secrets never change, and others may be rotated.
    secretOf(name, secret) {
      if (name === "payments" && payments !== undefined && webhookSecrets.has(secret))
        return webhookSecrets.get(secret) ?? undefined;
      return simulated.get(name)?.credentials[secret] ?? secretFrom(environment, name, secret);
    },
    async hear(edgeUrl) {
      if (payments === undefined) return;
      const { url, credentials } = payments;
      const { apiKey = "" } = credentials;
      const register = async (treaty: PaymentsTreaty): Promise<void> => {
        const callbackUrl = `${edgeUrl}/callbacks/${treaty}`;
        const secret = await registerWebhook({ url, apiKey, treaty, callbackUrl });
        webhookSecrets.set(paymentsWebhooks[treaty].secret, secret);
      };
      await Promise.all([register(paymentsCharge), register(paymentsRefund)]);
    },
    privateRanges: [
      ...(environment.ENTENTE_PRIVATE_RANGES ?? "").split(",").filter((range) => range !== ""),
      ...(mode === "dev" ? ["127.0.0.0/8", "::1/128"] : []),
    ],
    lines: [...simulated].map(
      ([name, { url }]) => `simulator ${name} ${url} (told what to do at ${url}/_control)`,
    ),
    stop: async () => simulators?.stop(),
  };
}

/** What it has to be told of each tenant; nothing: what Flux has for the demo tenant holds. */
function ofTenants(
  name: CounterpartyName,
  tenants: TenantSettings | null,
): Pick<Counterparty, "payers" | "companyCodes"> {
  if (tenants === null) return {};
  if (name === "payments") return { payers: byTenant(tenants, "payers") };
  return name === "sap" ? { companyCodes: byTenant(tenants, "companyCode") } : {};
}

/** Simulators are the demo tenant's, where a system is one tenant's at all. */
function simulatedAs(name: CounterpartyName, url: string): Counterparty {
  return Object.values(variables[name]).includes("tenantId") ? { url, tenantId: demoTenant } : { url };
}

/** The address that the environment gives, and the time from which on; null: it says nothing of this counterparty. */
function givenFor(
  name: CounterpartyName,
  mode: "dev" | "production",
  environment: NodeJS.ProcessEnv,
): Counterparty | null {
  const names = Object.keys(variables[name]);
  const unset = names.filter((variable) => (environment[variable] ?? "") === "");
  if (unset.length === names.length) return null;
  if (unset.length > 0) {
    throw new Failure(
      "refused",
      "counterparty-incomplete",
      `What there is about ${name} is not all of it: ${unset.join(", ")} must be set, or none of ${names.join(", ")}.`,
      { fields: { counterparty: name, missing: unset } },
    );
  }
  const [variable = ""] = names;
  const text = environment[variable] ?? "";
  const url = URL.canParse(text) ? new URL(text) : null;
  const secure = url?.protocol === "https:" || (mode === "dev" && url?.protocol === "http:");
  if (url === null || !secure || url.username !== "" || url.pathname !== "/" || url.search !== "") {
    throw new Failure(
      "refused",
      "counterparty-address-invalid",
      `${variable} must be https://host[:port] without a path or credentials (http:// too in dev mode).`,
      { fields: { counterparty: name } },
    );
  }
  const variableOf = (part: string) => names.find((known) => variables[name][known] === part);
  const [since, tenant] = [variableOf("from"), variableOf("tenantId")];
  return {
    url: url.origin,
    ...(since === undefined ? {} : { from: timeOf(since, environment) }),
    ...(tenant === undefined ? {} : { tenantId: environment[tenant] ?? "" }),
  };
}

/** Set to `moving` SAP decides quotas until they are moved: decision 0024. Errors: `quota-setting-unknown` (refused). */
function keepsQuota({ ENTENTE_SAP_QUOTA: text = "" }: NodeJS.ProcessEnv): boolean {
  if (text === "" || text === "moving") return text === "moving";
  throw new Failure(
    "refused",
    "quota-setting-unknown",
    `ENTENTE_SAP_QUOTA="${text}" is neither empty nor "moving".`,
  );
}

function allowedBy(
  name: CounterpartyName,
  environment: NodeJS.ProcessEnv,
): Pick<Counterparty, "callsPerDay" | "eventsPerDay"> {
  const said = Object.entries(allowances[name] ?? {}).filter(
    ([variable]) => (environment[variable] ?? "") !== "",
  );
  return Object.fromEntries(
    said.map(([variable, part]) => {
      const allowed = Number(environment[variable]);
      if (Number.isSafeInteger(allowed) && allowed > 0) return [part, allowed];
      throw new Failure(
        "refused",
        "counterparty-allowance-invalid",
        `${variable} must be a whole number above zero.`,
        { fields: { variable } },
      );
    }),
  );
}

function timeOf(variable: string, environment: NodeJS.ProcessEnv): number {
  const time = Date.parse(environment[variable] ?? "");
  if (Number.isFinite(time)) return time;
  throw new Failure(
    "refused",
    "counterparty-from-invalid",
    `${variable} must be a time, such as 2027-01-31T00:00:00Z.`,
    { fields: { variable } },
  );
}

function secretFrom(
  environment: NodeJS.ProcessEnv,
  name: CounterpartyName,
  secret: string,
): string | undefined {
  const variable = Object.entries(variables[name]).find(([, known]) => known === secret)?.[0];
  return variable === undefined || plain.has(secret) ? undefined : environment[variable];
}

function portOf(text: string | undefined): number {
  const port = text === undefined || text === "" ? 0 : Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535 - counterpartyNames.length) return port;
  throw new Failure("refused", "port-invalid", `ENTENTE_SIMULATOR_PORT="${text}" is not a port.`);
}

/** `on` (all of them), `off`, or some of them by name, separated by commas. Errors: `setting-invalid` (refused). */
function simulatorsIn(text: string | undefined): readonly CounterpartyName[] {
  if (text === undefined || text === "" || text === "on") return counterpartyNames;
  if (text === "off") return [];
  const names = text.split(",").map((name) => name.trim());
  const wanted = counterpartyNames.filter((name) => names.includes(name));
  if (wanted.length === new Set(names).size) return wanted;
  throw new Failure(
    "refused",
    "setting-invalid",
    `ENTENTE_SIMULATORS="${text}" is neither on nor off, nor some of ${counterpartyNames.join(", ")}.`,
    { fields: { variable: "ENTENTE_SIMULATORS" } },
  );
}
