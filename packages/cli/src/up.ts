import { flushCompileCache } from "node:module";
import { join, resolve } from "node:path";
import { Failure, keysContext, startSystem, withKeys } from "@entente/core";
import {
  checkServerSettings,
  databaseFailure,
  type EmbeddedPostgres,
  fitnessContext,
  startEmbeddedPostgres,
  withAudit,
  withFitness,
} from "@entente/core/internal";
import {
  buildEdge,
  callbackRoute,
  consumerMetrics,
  type TokenKey,
  type TokenSettings,
  telemetryMetrics,
} from "@entente/edge";
import {
  type FluxBounds,
  fluxErrors,
  fluxFitness,
  fluxOutside,
  fluxRoutes,
  fluxTags,
  fluxWith,
  hasStageA,
  seedDemoData,
  textOf,
} from "@entente/flux";
import pg from "pg";
import { auditSigning } from "./audit-key.ts";
import { placeCounterparties } from "./counterparties.ts";
import { dieAt, poisoned } from "./drills.ts";
import { devTokenSecret } from "./home.ts";
import { openLog } from "./log.ts";
import { refuseWithoutCrossing } from "./refuse-without-crossing.ts";
import { contextUrlsFromEnvironment, settingsFromEnvironment } from "./settings-from-environment.ts";
import { stageFromEnvironment } from "./stage-from-environment.ts";
import { openTelemetry } from "./telemetry/open-telemetry.ts";
import { telemetryFromEnvironment } from "./telemetry/telemetry-settings.ts";
import { otherWrappingKey, wrappingKey } from "./wrapping-key.ts";

const systems = { flux: fluxWith };

/**
 * Runs a system until it is told to stop. In development its counterparties are simulated. Prints where the simulators are, and last
 * one line `ready …` when it takes requests.
 * Errors: `system-unknown`, `mode-unknown`, `stage-unknown`, `port-invalid`, `production-keys-missing`, `port-in-use` (refused), and those
 * of placeCounterparties, refuseWithoutCrossing, the embedded server and startSystem.
 */
export async function up(
  name: string,
  contexts: readonly string[] | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  if (!isSystem(name)) {
    throw new Failure(
      "refused",
      "system-unknown",
      `There is no system "${name}". There is: ${Object.keys(systems).join(", ")}.`,
    );
  }
  const mode = modeOf(environment.ENTENTE_MODE);
  const stage = stageFromEnvironment(environment);
  const port = portOf(environment.PORT);
  const home = resolve(environment.ENTENTE_HOME || ".entente");
  const tokens = tokenSettings(mode, home, environment);
  const telemetry = await openTelemetry(telemetryFromEnvironment(environment, name), environment);
  const log = openLog(environment.ENTENTE_LOG_LEVEL ?? "info", telemetry?.lines ?? null);
  const given = environment.ENTENTE_DATABASE_URL;
  const stops: (() => Promise<void>)[] = [];
  try {
    if (telemetry !== null) stops.unshift(() => telemetry.stop());
    // Both take a moment, and neither needs the other.
    const placing = placeCounterparties({
      mode,
      environment,
      alone: contexts === undefined,
      stateFolder: join(home, "simulators"),
      log: (line) => log.info(line),
    });
    const serving: Promise<EmbeddedPostgres | null> =
      given === undefined || given === ""
        ? startEmbeddedPostgres({ home, log: (line) => log.info(line) })
        : Promise.resolve(null);
    const [placed, server] = await Promise.allSettled([placing, serving]);
    const stopOf = (one: PromiseSettledResult<{ stop(): Promise<void> } | null>): void => {
      if (one.status === "fulfilled" && one.value !== null) stops.unshift(one.value.stop.bind(one.value));
    };
    stopOf(server);
    stopOf(placed);
    if (placed.status === "rejected") throw placed.reason;
    if (server.status === "rejected") throw server.reason;
    const embedded = server.value;
    const { counterparties, secretOf, privateRanges, lines } = placed.value;
    const isAudited = switchOf("ENTENTE_AUDIT", environment.ENTENTE_AUDIT);
    const plain = withKeys(systems[name](counterparties, stage));
    const wrapping = wrappingKey(mode, home, environment);
    const otherWrapping = otherWrappingKey(environment);
    if (wrapping === null) log.info("Nothing personal is accepted or sent: ENTENTE_PERSONAL_KEY is not set.");
    const measured = withFitness(plain, fluxFitness(plain, fluxBounds(environment)));
    const definition = isAudited ? withAudit(measured) : measured;
    const signing = isAudited ? auditSigning(mode, home, environment) : null;
    if (isAudited && signing === null)
      log.info("The audit log is kept and not signed: ENTENTE_AUDIT_KEY is not set.");
    const adminUrl = embedded?.url ?? (given as string);
    await refuseWeakServer(adminUrl, environment);
    if (!hasStageA(stage)) await refuseWithoutCrossing(definition.name, adminUrl, environment);
    const archiveFolder = archiveFolderOf(mode, home, environment.ENTENTE_ARCHIVE);
    if (archiveFolder === null)
      log.info("No month leaves the journals of evidence: ENTENTE_ARCHIVE is not set.");
    const metrics = consumerMetrics();
    const dropped = telemetry?.telemetry == null ? [] : [telemetryMetrics(telemetry.droppedSpans)];
    const probe = mode === "dev" ? dieAt(environment.ENTENTE_DIE_AT) : undefined;
    const system = await startSystem({
      definition: mode === "dev" ? poisoned(definition, environment.ENTENTE_POISON) : definition,
      adminUrl,
      contextUrls: contextUrlsFromEnvironment(
        environment,
        definition.contexts.map((context) => context.name),
      ),
      settings: settingsFromEnvironment(environment),
      outside: {
        ...fluxOutside(counterparties, secretOf, privateRanges, stage),
        report: (event) => log.treaty(event),
      },
      report(event) {
        metrics.report(event);
        log.event(event);
      },
      ...(signing === null ? {} : { auditSigning: signing }),
      ...(archiveFolder === null ? {} : { archiveFolder }),
      ...(telemetry?.telemetry == null ? {} : { telemetry: telemetry.telemetry }),
      ...(wrapping === null ? {} : { wrappingKey: wrapping }),
      ...(otherWrapping === null ? {} : { otherWrappingKey: otherWrapping }),
      ...(contexts === undefined ? {} : { run: withKeysFor(withFitnessWhereCommandsComeIn(contexts)) }),
      ...(probe === undefined ? {} : { probe }),
    });
    stops.unshift(() => system.stop());
    // Before anybody hears that it is ready, and may ask it to end at once.
    const isStopping = stopOnSignal(stops);
    const servesGateway = system.working.some((context) => context.name === "gateway");
    if (servesGateway && mode === "dev") await seedDemoData(system);
    if (!servesGateway && environment.PORT === undefined) {
      await telemetry?.exportMetrics([metrics.register, ...dropped]);
      console.log(`ready ${definition.name} ${system.working.map((context) => context.name).join(",")}`);
    } else {
      const edge = await buildEdge({
        system,
        mode,
        tokens,
        title: "Flux",
        version: "0.1.0",
        tags: fluxTags,
        logger: log.logger,
        registers: [metrics.register, ...dropped],
        errors: fluxErrors,
        textOf: textOf(system),
        routes: [fluxRoutes(system, stage), callbackRoute(system)],
      });
      stops.unshift(() => edge.close());
      await telemetry?.exportMetrics(edge.registers);
      await listen(edge, port);
      await placed.value.hear(`http://127.0.0.1:${port}`);
      for (const line of lines) console.log(line);
      console.log(`ready http://127.0.0.1:${port}`);
    }
    // Kept for the next start, however this one ends.
    flushCompileCache();
    watchServer(embedded, isStopping);
  } catch (error) {
    for (const stop of stops) await stop().catch(() => {});
    throw error;
  }
}

/** Whoever accepts commands seals what is personal in them, so it looks after the keys as well. */
function withKeysFor(contexts: readonly string[]): readonly string[] {
  return contexts.includes("gateway") && !contexts.includes(keysContext)
    ? [...contexts, keysContext]
    : contexts;
}

function isSystem(name: string): name is keyof typeof systems {
  return Object.hasOwn(systems, name);
}

async function listen(
  edge: { listen(options: { port: number; host: string }): Promise<unknown> },
  port: number,
): Promise<void> {
  try {
    await edge.listen({ port, host: "127.0.0.1" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new Failure("refused", "port-in-use", `Port ${port} is taken. Set PORT to another one.`, {
      fields: { port },
    });
  }
}

/** SIGTERM and SIGINT end the process in order: no new requests, work under way finished, lanes handed over, server stopped. */
function stopOnSignal(stops: readonly (() => Promise<void>)[]): () => boolean {
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    for (const one of stops) await one();
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop());
  return () => stopping;
}

/** The embedded server restarts by itself; when it is down for good there is nothing left to serve. */
function watchServer(embedded: EmbeddedPostgres | null, isStopping: () => boolean): void {
  void embedded?.exited.then((exit) => {
    if (isStopping()) return;
    console.error(
      `entente: PostgreSQL is down for good (${exit.signal ?? exit.code}). See the server log in the home folder.`,
    );
    process.exit(1);
  });
}

async function refuseWeakServer(adminUrl: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const allowed = (environment.ENTENTE_ALLOW_WEAK ?? "").split(",").filter((name) => name !== "");
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    await checkServerSettings(client, allowed);
  } catch (error) {
    throw databaseFailure(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Development archives into the home folder; production only where it was told to, because a folder there may not outlive the machine. */
function archiveFolderOf(mode: "dev" | "production", home: string, given: string | undefined): string | null {
  if (given !== undefined && given !== "") return resolve(given);
  return mode === "dev" ? join(home, "archive") : null;
}

function modeOf(text: string | undefined): "dev" | "production" {
  if (text === undefined || text === "" || text === "dev") return "dev";
  if (text === "production") return "production";
  throw new Failure("refused", "mode-unknown", `ENTENTE_MODE="${text}" is neither dev nor production.`);
}

/** How the system fares is looked at where commands come in, so that nobody has to remember to. */
function withFitnessWhereCommandsComeIn(contexts: readonly string[]): readonly string[] {
  const isMissing = contexts.includes("gateway") && !contexts.includes(fitnessContext);
  return isMissing ? [...contexts, fitnessContext] : contexts;
}

/** What fitness holds the system against. Errors: `setting-invalid` (refused). */
function fluxBounds(environment: NodeJS.ProcessEnv): FluxBounds {
  const { ENTENTE_COST_BASELINE: baseline, ENTENTE_COMMANDS_PER_SECOND_LIMIT: limit } = environment;
  const commandsPerSecond = positiveOf("ENTENTE_COMMANDS_PER_SECOND_LIMIT", limit);
  return {
    costBaseline: positiveOf("ENTENTE_COST_BASELINE", baseline),
    ...(commandsPerSecond === null ? {} : { commandsPerSecond }),
  };
}

/** A number above 0, or null where none is given. Errors: `setting-invalid` (refused). */
function positiveOf(variable: string, text: string | undefined): number | null {
  if (text === undefined || text === "") return null;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Failure("refused", "setting-invalid", `${variable}="${text}" is not a number above 0.`, {
    fields: { variable },
  });
}

/** Off unless told otherwise. Errors: `setting-invalid` (refused). */
function switchOf(variable: string, text: string | undefined): boolean {
  if (text === undefined || text === "" || text === "off") return false;
  if (text === "on") return true;
  throw new Failure("refused", "setting-invalid", `${variable}="${text}" is neither on nor off.`, {
    fields: { variable },
  });
}

function portOf(text: string | undefined): number {
  const port = text === undefined || text === "" ? 8080 : Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Failure("refused", "port-invalid", `PORT="${text}" is not a port.`);
}

/** Development signs its own tokens; production verifies those of an identity provider and demands to know its keys. */
function tokenSettings(
  mode: "dev" | "production",
  home: string,
  environment: NodeJS.ProcessEnv,
): TokenSettings {
  const issuer = environment.ENTENTE_TOKEN_ISSUER ?? "entente-dev";
  const audience = environment.ENTENTE_TOKEN_AUDIENCE ?? "entente";
  return { key: tokenKey(mode, home, environment), issuer, audience };
}

function tokenKey(mode: "dev" | "production", home: string, environment: NodeJS.ProcessEnv): TokenKey {
  const {
    ENTENTE_JWKS_URL: url,
    ENTENTE_TOKEN_PUBLIC_KEY: pem,
    ENTENTE_TOKEN_ALGORITHM: algorithm,
  } = environment;
  if (url !== undefined && url !== "") return { kind: "jwks", url };
  if (pem !== undefined && pem !== "") {
    if (algorithm !== "EdDSA" && algorithm !== "ES256" && algorithm !== "RS256") {
      throw new Failure(
        "refused",
        "production-keys-missing",
        "ENTENTE_TOKEN_ALGORITHM must be EdDSA, ES256 or RS256.",
      );
    }
    return { kind: "public-key", pem, algorithm };
  }
  if (mode === "dev") return { kind: "secret", secret: devTokenSecret(home) };
  throw new Failure(
    "refused",
    "production-keys-missing",
    "Production needs the identity provider's keys: set ENTENTE_JWKS_URL, or ENTENTE_TOKEN_PUBLIC_KEY and ENTENTE_TOKEN_ALGORITHM, and ENTENTE_TOKEN_ISSUER and ENTENTE_TOKEN_AUDIENCE.",
  );
}
