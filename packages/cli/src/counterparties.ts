/**
 * Where Flux's counterparties are, and with which secrets: what the environment says, and in development a simulator for each of which it
 * says nothing.
 */
import { Failure } from "@entente/core";
import { type Counterparties, type CounterpartyName, counterpartyNames, type SecretOf } from "@entente/flux";
import { type RunningSimulator, type RunningSimulators, startSimulators } from "./simulators.ts";

/** `url` or the name of a secret, by the variable that has it. Secrets are called as a simulator calls its credentials. */
const variables: Readonly<Record<CounterpartyName, Readonly<Record<string, string>>>> = {
  payments: { ENTENTE_PAYMENTS_URL: "url", ENTENTE_PAYMENTS_API_KEY: "apiKey" },
  salesforce: {
    ENTENTE_SALESFORCE_URL: "url",
    ENTENTE_SALESFORCE_CLIENT_ID: "clientId",
    ENTENTE_SALESFORCE_CLIENT_SECRET: "clientSecret",
  },
  sap: { ENTENTE_SAP_URL: "url", ENTENTE_SAP_USER: "user", ENTENTE_SAP_PASSWORD: "password" },
};

export interface PlacedCounterparties {
  readonly counterparties: Counterparties;
  readonly secretOf: SecretOf;
  readonly privateRanges: readonly string[];
  /** For people: where the simulators are. */
  readonly lines: readonly string[];
  /** Stops the simulators. */
  stop(): Promise<void>;
}

export interface CounterpartiesOptions {
  readonly mode: "dev" | "production";
  readonly environment: NodeJS.ProcessEnv;
  /** This program works for the whole system. Programs that share one must be given addresses: they would each simulate a world of their own. */
  readonly alone: boolean;
  /** Hears what becomes of simulators. */
  readonly log: (line: string) => void;
}

/**
 * Errors: `counterparty-incomplete` when some variables of a counterparty are set and others are not, `counterparty-address-invalid`
 * (refused); `simulator-not-started` (defect).
 */
export async function placeCounterparties(options: CounterpartiesOptions): Promise<PlacedCounterparties> {
  const { mode, environment, alone, log } = options;
  const given = new Map(counterpartyNames.map((name) => [name, givenFor(name, mode, environment)]));
  const missing = counterpartyNames.filter((name) => given.get(name) === null);
  const simulate = mode === "dev" && alone && environment.ENTENTE_SIMULATORS !== "off";
  const firstPort = portOf(environment.ENTENTE_SIMULATOR_PORT);
  const simulators: RunningSimulators | null =
    simulate && missing.length > 0
      ? await startSimulators(
          missing.map((name) => ({
            name,
            port: firstPort === 0 ? 0 : firstPort + counterpartyNames.indexOf(name),
          })),
          environment,
          log,
        )
      : null;
  const simulated = simulators?.running ?? new Map<string, RunningSimulator>();
  const counterparties: Partial<Record<CounterpartyName, { readonly url: string }>> = {};
  for (const name of counterpartyNames) {
    const url = given.get(name) ?? simulated.get(name)?.url;
    if (url !== undefined) counterparties[name] = { url };
    else log(`there is no treaty with ${name}: ${Object.keys(variables[name])[0]} is not set`);
  }
  return {
    counterparties,
    // Read at every use: a simulator's secrets never change, and others may be rotated.
    secretOf: (name, secret) =>
      simulated.get(name)?.credentials[secret] ?? secretFrom(environment, name, secret),
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

/** The address that the environment gives; null: it says nothing of this counterparty. */
function givenFor(
  name: CounterpartyName,
  mode: "dev" | "production",
  environment: NodeJS.ProcessEnv,
): string | null {
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
  return url.origin;
}

function secretFrom(
  environment: NodeJS.ProcessEnv,
  name: CounterpartyName,
  secret: string,
): string | undefined {
  const variable = Object.entries(variables[name]).find(([, known]) => known === secret)?.[0];
  return variable === undefined || secret === "url" ? undefined : environment[variable];
}

function portOf(text: string | undefined): number {
  const port = text === undefined || text === "" ? 0 : Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535 - counterpartyNames.length) return port;
  throw new Failure("refused", "port-invalid", `ENTENTE_SIMULATOR_PORT="${text}" is not a port.`);
}
