/** Refuses a server whose settings could lose what it acknowledged. */
import type pg from "pg";
import { Failure } from "../model/failure.ts";

/** The settings that may be weak when named; the names are PostgreSQL's. */
export const durabilitySettings = [
  "fsync",
  "full_page_writes",
  "synchronous_commit",
  "data_checksums",
] as const;

const oldestVersion = 180_000;

interface ServerState {
  readonly version: string;
  readonly version_number: number;
  readonly read_only: boolean;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly data_checksums: string;
  readonly standbys: string;
}

const question = `
  select current_setting('server_version') as version,
         current_setting('server_version_num')::int as version_number,
         pg_is_in_recovery() as read_only,
         current_setting('fsync') as fsync,
         current_setting('full_page_writes') as full_page_writes,
         current_setting('synchronous_commit') as synchronous_commit,
         current_setting('data_checksums') as data_checksums,
         current_setting('synchronous_standby_names') as standbys`;

/**
 * Passes when the server, as this client's sessions see it, keeps what it acknowledges.
 * `allowWeak` names durability settings that may be weak; version and recovery cannot be allowed away.
 * synchronous_commit "local" and "remote_write" are as good as "on" while no synchronous standby is named.
 * Errors: postgres-too-old, postgres-read-only, weak-durability (refused; `settings` lists each as name=value).
 */
export async function checkServerSettings(
  client: pg.Client | pg.Pool,
  allowWeak: readonly string[],
): Promise<void> {
  const state = (await client.query<ServerState>(question)).rows[0]!; // a select without from has one row
  if (state.version_number < oldestVersion) {
    throw new Failure(
      "refused",
      "postgres-too-old",
      `The server is PostgreSQL ${state.version}; version 18 or later is needed. Upgrade it or use another server.`,
      { fields: { found: state.version } },
    );
  }
  if (state.read_only) {
    throw new Failure(
      "refused",
      "postgres-read-only",
      "The server is a standby in recovery and takes no writes. Use the address of the primary, or promote this server.",
    );
  }
  const weak = durabilitySettings.filter((name) => isWeak(name, state) && !allowWeak.includes(name));
  if (weak.length > 0) {
    const settings = weak.map((name) => `${name}=${state[name]}`);
    throw new Failure(
      "refused",
      "weak-durability",
      `The server could lose acknowledged work: ${settings.join(", ")}. Turn ${weak.join(", ")} on, ` +
        "or allow each weak setting by its name if losing data is acceptable here.",
      { fields: { settings } },
    );
  }
}

function isWeak(name: (typeof durabilitySettings)[number], state: ServerState): boolean {
  if (name !== "synchronous_commit") return state[name] !== "on";
  if (state.synchronous_commit === "off") return true;
  const waitsForLess = state.synchronous_commit === "local" || state.synchronous_commit === "remote_write";
  return waitsForLess && state.standbys !== "";
}
