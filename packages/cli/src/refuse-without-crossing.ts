import { contextAccess, databaseNames, openDatabase } from "@entente/core/internal";
import { contextsOfStageA, readOpenInStageA, refuseOpenInStageA } from "@entente/flux";
import { contextUrlsFromEnvironment } from "./settings-from-environment.ts";

/**
 * Looks, before stage B of Flux starts, whether anything of stage A is open in the databases it will use. Changes nothing; a system that
 * never ran stage A costs it one query.
 * Errors: `stage-a-open` (refused); those of reading a database.
 */
export async function refuseWithoutCrossing(
  system: string,
  adminUrl: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const contextUrls = contextUrlsFromEnvironment(environment, contextsOfStageA);
  const urls = new Map(
    contextsOfStageA.map((context) => {
      const direct = contextUrls[context];
      const where = { system, context, adminUrl: direct ?? adminUrl, direct: direct !== undefined };
      return [context, contextAccess(where).app] as const;
    }),
  );
  if (contextUrls.request === undefined) {
    const made = await databaseNames(adminUrl);
    if (!made.has(databaseName(urls.get("request") as string))) return;
  }
  const databases = new Map(
    [...urls].map(([context, url]) => [
      context,
      openDatabase({ url, applicationName: `${system} stage`, connections: 1, statementTimeoutMs: 60_000 }),
    ]),
  );
  try {
    refuseOpenInStageA(
      await readOpenInStageA((context) => {
        const database = databases.get(context);
        if (database === undefined) throw new Error(`the context ${context} has no database`);
        return database;
      }),
    );
  } finally {
    for (const database of databases.values()) await database.close();
  }
}

function databaseName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}
