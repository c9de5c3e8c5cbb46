import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Failure, type SystemDefinition } from "@entente/core";
import {
  contextAccess,
  databaseNames,
  openDatabase,
  readTreatiesInFlight,
  readVersionsInFlight,
  startEmbeddedPostgres,
  type TreatyInFlight,
  type VersionInFlight,
} from "@entente/core/internal";
import { contextUrlsFromEnvironment } from "./settings-from-environment.ts";

/** What somebody will, or may have to, read or carry on. */
export interface InFlight {
  readonly versions: readonly VersionInFlight[];
  readonly treaties: readonly TreatyInFlight[];
}

/**
 * What the journals of a system hold and which hand-offs are under way, from the databases that `up` would use with the same environment. Changes nothing in
 * them. The embedded server is started for the time of the reading, so the system that owns it must be stopped.
 * Errors: `database-url-missing` (refused) when there is neither a database nor a home with one.
 */
export async function versionsInFlight(
  definition: SystemDefinition,
  environment: NodeJS.ProcessEnv,
): Promise<InFlight> {
  const names = definition.contexts.map((context) => context.name);
  const contextUrls = contextUrlsFromEnvironment(environment, names);
  const given = environment.ENTENTE_DATABASE_URL || undefined;
  if (given !== undefined || names.every((name) => contextUrls[name] !== undefined)) {
    return readAll(definition, given, contextUrls);
  }
  const home = resolve(environment.ENTENTE_HOME || ".entente");
  if (!existsSync(join(home, "postgres"))) {
    throw new Failure(
      "refused",
      "database-url-missing",
      `There is no database to look into: ENTENTE_DATABASE_URL is not set and ${home} holds none.`,
      { fields: { home } },
    );
  }
  const embedded = await startEmbeddedPostgres({ home, log: (line) => console.error(line) });
  try {
    return await readAll(definition, embedded.url, contextUrls);
  } finally {
    await embedded.stop();
  }
}

async function readAll(
  definition: SystemDefinition,
  adminUrl: string | undefined,
  contextUrls: Readonly<Record<string, string>>,
): Promise<InFlight> {
  const open = (url: string) =>
    openDatabase({ url, applicationName: "entente contracts", connections: 1, statementTimeoutMs: 0 });
  const places = definition.contexts.map(({ name }) => {
    const direct = contextUrls[name];
    const access = contextAccess({
      system: definition.name,
      context: name,
      adminUrl: direct ?? (adminUrl as string),
      direct: direct !== undefined,
    });
    return { name, access, direct: direct !== undefined };
  });
  const made = adminUrl === undefined ? new Set<string>() : await databaseNames(adminUrl);
  // A context that never ran, because its counterparty was never configured, has nothing in flight.
  const there = places.filter(({ access, direct }) => direct || made.has(databaseName(access.app)));
  const databases = new Map(
    there.map(({ name, access }) => [name, { database: open(access.app), journal: open(access.reader) }]),
  );
  const contexts = definition.contexts.filter(({ name }) => databases.has(name));
  try {
    const versions = await readVersionsInFlight({ ...definition, contexts }, databases);
    return { versions, treaties: await readTreatiesInFlight(databases) };
  } finally {
    for (const { database, journal } of databases.values())
      await Promise.all([database.close(), journal.close()]);
  }
}

function databaseName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}
