import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "@entente/core";

/**
 * What wraps the keys of data subjects, by `ENTENTE_PERSONAL_KEY`, a file with 32 bytes in base64url; in development one in the home
 * folder, outside the databases' folder, made at the first start. Null: production without one, where nothing personal is accepted.
 * Errors: `personal-key-invalid` (refused).
 */
export function wrappingKey(
  mode: "dev" | "production",
  home: string,
  environment: NodeJS.ProcessEnv,
): Buffer | null {
  const given = environment.ENTENTE_PERSONAL_KEY;
  if (given !== undefined && given !== "") return readKey(given);
  if (mode !== "dev") return null;
  const file = join(home, "personal", "key");
  if (!existsSync(file)) makeKey(file);
  return readKey(file);
}

/** Another key that keys may be wrapped by, while it is changed: `ENTENTE_PERSONAL_KEY_OTHER`. Errors: as wrappingKey. */
export function otherWrappingKey({ ENTENTE_PERSONAL_KEY_OTHER: given }: NodeJS.ProcessEnv): Buffer | null {
  return given === undefined || given === "" ? null : readKey(given);
}

function makeKey(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    // Another process of the same system was quicker: its key serves.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function readKey(file: string): Buffer {
  let text = "";
  let cause: unknown;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    cause = error;
  }
  const key = Buffer.from(text, "base64url");
  if (key.length === 32 && key.toString("base64url") === text) return key;
  throw new Failure("refused", "personal-key-invalid", `${file} does not hold 32 bytes in base64url.`, {
    cause,
    fields: { file },
  });
}
