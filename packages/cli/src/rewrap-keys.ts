import { resolve } from "node:path";
import { Failure, keysContext } from "@entente/core";
import { contextAccess, openDatabase, rewrapKeys } from "@entente/core/internal";
import { flux } from "@entente/flux";
import { dieAt } from "./drills.ts";
import { contextUrlsFromEnvironment } from "./settings-from-environment.ts";
import { otherWrappingKey, wrappingKey } from "./wrapping-key.ts";

export interface RewrapKeysOptions {
  readonly batch: string;
}

const keysAllowed = 5_000;

/**
 * Wraps the keys of all data subjects by `ENTENTE_PERSONAL_KEY` that are wrapped by `ENTENTE_PERSONAL_KEY_OTHER` now, and says how many.
 * Answers the exit code: 1 when there are keys that neither opens. May be ended anywhere and called again.
 * Errors: `system-unknown`, `rewrap-question-invalid`, `database-url-missing`, those of wrappingKey (refused), `database-unavailable`.
 */
export async function rewrapAllKeys(
  system: string,
  { batch }: RewrapKeysOptions,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  if (system !== flux.name)
    throw new Failure("refused", "system-unknown", `There is no system "${system}". There is: ${flux.name}.`);
  const perBatch = Number(batch);
  if (!Number.isInteger(perBatch) || perBatch < 1 || perBatch > keysAllowed)
    throw invalid(`--batch is a whole number from 1 to ${keysAllowed}.`);
  const mode = environment.ENTENTE_MODE === "production" ? "production" : "dev";
  const to = wrappingKey(mode, resolve(environment.ENTENTE_HOME || ".entente"), environment);
  const from = otherWrappingKey(environment);
  if (to === null || from === null)
    throw invalid(
      "Set ENTENTE_PERSONAL_KEY to the new key and ENTENTE_PERSONAL_KEY_OTHER to the one before.",
    );
  const url =
    contextUrlsFromEnvironment(environment, [keysContext])[keysContext] ??
    contextAccess({ system, context: keysContext, adminUrl: adminUrlOf(environment) }).app;
  const database = openDatabase({
    url,
    applicationName: "entente keys",
    connections: 1,
    statementTimeoutMs: 60_000,
  });
  try {
    const probe = mode === "dev" ? dieAt(environment.ENTENTE_DIE_AT) : undefined;
    const { rewrapped, already, erased, unreadable } = await rewrapKeys(database, keysContext, {
      ...{ to, from, perBatch, now: Date.now },
      ...(probe === undefined ? {} : { probe }),
    });
    console.log(
      `${rewrapped} keys wrapped anew, ${already} were already, ${erased} erased, ${unreadable} opened by neither key.`,
    );
    return unreadable === 0 ? 0 : 1;
  } finally {
    await database.close();
  }
}

function adminUrlOf({ ENTENTE_DATABASE_URL: given }: NodeJS.ProcessEnv): string {
  if (given !== undefined && given !== "") return given;
  throw new Failure(
    "refused",
    "database-url-missing",
    "There is no database to look into: neither ENTENTE_DATABASE_URL nor ENTENTE_DATABASE_URL_KEYS is set.",
  );
}

function invalid(text: string): Failure {
  return new Failure("refused", "rewrap-question-invalid", text);
}
