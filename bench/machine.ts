/** What the figures were measured on. */
import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { withClient } from "./target.ts";

/** Machine, versions and settings, ready to print. */
export type Machine = {
  date: string;
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  node: string;
  postgres: string;
  settings: Record<string, string>;
  /** Milliseconds of one 8 KiB write with fdatasync in the folder of the database. */
  fsyncMs: { p50: number; p99: number };
};

const settings = [
  "fsync",
  "synchronous_commit",
  "full_page_writes",
  "wal_sync_method",
  "data_checksums",
  "shared_buffers",
  "max_wal_size",
  "checkpoint_timeout",
  "max_connections",
];
const writes = 300;

/** Writes 8 KiB and flushes, 300 times, in `folder`. */
export function fsyncLatency(folder: string): { p50: number; p99: number } {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "fsync-test");
  const page = Buffer.alloc(8192, 1);
  const descriptor = openSync(file, "w");
  const times: number[] = [];
  for (let i = 0; i < writes; i += 1) {
    const start = performance.now();
    writeSync(descriptor, page);
    fdatasyncSync(descriptor);
    times.push(performance.now() - start);
  }
  closeSync(descriptor);
  rmSync(file);
  times.sort((a, b) => a - b);
  const at = (q: number): number => Math.round((times[Math.floor(writes * q)] ?? 0) * 1000) / 1000;
  return { p50: at(0.5), p99: at(0.99) };
}

/** Describes this machine and the server at `serverUrl`. */
export async function describeMachine(serverUrl: string, folder: string): Promise<Machine> {
  const server = await withClient(serverUrl, async (client) => {
    const version = await client.query<{ server_version: string }>("show server_version");
    const values = await client.query<{ name: string; value: string }>(
      "select name, current_setting(name) as value from pg_settings where name = any($1)",
      [settings],
    );
    return { version: version.rows[0]?.server_version ?? "", values: values.rows };
  });
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    node: process.version,
    postgres: server.version,
    settings: Object.fromEntries(
      settings.map((name) => [name, server.values.find((v) => v.name === name)?.value ?? "?"]),
    ),
    fsyncMs: fsyncLatency(folder),
  };
}
