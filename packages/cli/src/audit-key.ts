import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type AuditSigning, Failure } from "@entente/core";
import { isKeyName, readSigningKey, type SigningKey, signingKeyText } from "@entente/core/internal";

/** Name of the key that development makes for itself. */
const developmentName = "localhost/audit";

/**
 * What the audit log is signed with, by `ENTENTE_AUDIT_KEY`, a file; in development one in the home folder, made at the first start.
 * The record of what was signed last stands beside it; what somebody outside kept is where `ENTENTE_AUDIT_WITNESSED` says.
 * Null: production without a key, where the log is kept and not signed.
 * Errors: `audit-key-invalid` (refused).
 */
export function auditSigning(
  mode: "dev" | "production",
  home: string,
  environment: NodeJS.ProcessEnv,
): AuditSigning | null {
  const given = environment.ENTENTE_AUDIT_KEY;
  const witnessed = environment.ENTENTE_AUDIT_WITNESSED;
  if (given !== undefined && given !== "") return signingWith(given, readKey(given), witnessed);
  if (mode !== "dev") return null;
  const file = join(home, "audit", "key");
  return signingWith(file, existsSync(file) ? readKey(file) : makeKey(file, developmentName), witnessed);
}

function signingWith(file: string, key: SigningKey, witnessed: string | undefined): AuditSigning {
  const signing = { key, lastSignedFile: `${file}.last-signed` };
  return witnessed === undefined || witnessed === "" ? signing : { ...signing, witnessed };
}

/** Errors: `audit-key-invalid` (refused). */
export function readKey(file: string): SigningKey {
  let text = "";
  let cause: unknown;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    cause = error;
  }
  const key = readSigningKey(text);
  if (key !== null) return key;
  throw new Failure("refused", "audit-key-invalid", `${file} is not a key to sign the audit log with.`, {
    cause,
    fields: { file },
  });
}

/** Makes a key, readable by its owner only. Errors: `audit-key-name-invalid` (refused). */
export function makeKey(file: string, name: string): SigningKey {
  if (!isKeyName(name)) {
    const text = `"${name}" cannot name a key: it must not be empty nor hold spaces or "+".`;
    throw new Failure("refused", "audit-key-name-invalid", text, { fields: { name } });
  }
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, `${signingKeyText(name, randomBytes(32))}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    // Another process of the same system was quicker: its key serves.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return readKey(file);
}
