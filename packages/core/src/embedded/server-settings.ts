/** The settings the embedded server is started with. */
import os from "node:os";
import type { Account } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import { loopback } from "./port.ts";
import { runProgram } from "./program.ts";

const mebibyte = 1024 * 1024;

/**
 * All settings, those of the caller last. They are given on the command line, where they win over the
 * files in the data folder: what an operator edits there cannot weaken durability unseen.
 */
export async function serverSettings(
  port: number,
  dataFolder: string,
  binaries: Binaries,
  account: Account | undefined,
  overrides: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  return {
    listen_addresses: loopback,
    port: String(port),
    // A socket's path may be at most 107 bytes long, and homes may be deeper than that.
    unix_socket_directories: "",
    password_encryption: "scram-sha-256",
    fsync: "on",
    full_page_writes: "on",
    synchronous_commit: "on",
    shared_buffers: `${sharedBuffersMebibytes()}MB`,
    max_wal_size: "4GB",
    checkpoint_timeout: "15min",
    wal_compression: await walCompression(dataFolder, binaries, account),
    max_connections: "200",
    // A caller that hangs inside a transaction would hold back lanes and vacuum; the other timeouts are the callers'.
    idle_in_transaction_session_timeout: "60s",
    autovacuum: "on",
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    // The log must go to our file from the first line to the last, and its words be the ones we know.
    logging_collector: "off",
    log_destination: "stderr",
    lc_messages: "C",
    ...overrides,
  };
}

/** A quarter of the memory this process may use, at least 128 and at most 512. */
function sharedBuffersMebibytes(): number {
  const limit = process.constrainedMemory(); // 0 when no container limit is known
  const bytes = limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
  return Math.min(512, Math.max(128, Math.floor(bytes / 4 / mebibyte)));
}

/** lz4 costs the processor much less than pglz, but not every build has it: the package's Linux one (18.4) does not. */
async function walCompression(
  dataFolder: string,
  binaries: Binaries,
  account: Account | undefined,
): Promise<string> {
  const question = ["-D", dataFolder, "-C", "wal_compression", "-c", "wal_compression=lz4"];
  const end = await runProgram(binaries.postgres, question, account);
  return end.code === 0 ? "lz4" : "pglz";
}
