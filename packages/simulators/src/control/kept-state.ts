/**
 * What a simulator keeps of its world. With a folder it outlives the program: what changed is appended to one file, line by line, and is on disk
 * before the answer that tells of it. At the start the file is read, and written anew without what was overtaken.
 */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { holdFolder } from "./state-holder.ts";

export interface KeptState {
  /**
   * A part of the world by its name: things as JSON can write them, by key, in order of being put in. A thing that was got may be changed in
   * place before the next `save`; one that was come by otherwise, or is changed later, is put in again.
   */
  map<Value>(name: string): Map<string, Value>;
  /** How often a program began with this state before. */
  readonly starts: number;
  /** Resolves when everything that changed until now is on disk. Errors: those of writing, and then at every call. */
  save(): Promise<void>;
  /** Forgets everything. */
  clear(): void;
  /** Saves and lets the file go. */
  close(): Promise<void>;
}

/** State that ends with the program. */
export function stateInMemory(): KeptState {
  return { map: () => new Map(), starts: 0, save: async () => {}, clear() {}, close: async () => {} };
}

/** A line of the file that is whole and says nothing that a simulator of this version writes. */
export class StateUnreadable extends Error {}

interface Line {
  readonly map?: string;
  readonly key?: string;
  /** Absent: it was taken out. */
  readonly value?: unknown;
  /** Everything before is forgotten. */
  readonly cleared?: true;
}

/**
 * Reads `<folder>/<name>.jsonl`. Errors: StateUnreadable; StateHeld when another program has it; those of the file system.
 */
export async function openStateFile(folder: string, name: string): Promise<KeptState> {
  mkdirSync(folder, { recursive: true });
  const release = await holdFolder(folder, name);
  const file = join(folder, `${name}.jsonl`);
  try {
    const maps = readLines(file);
    const own = mapIn(maps, "simulator");
    const starts = (own.get("starts") as number | undefined) ?? 0;
    own.set("starts", starts + 1);
    writeAnew(folder, file, maps);
    return new StateFile(await open(file, "a"), maps, starts, release);
  } catch (error) {
    await release();
    throw error;
  }
}

class StateFile implements KeptState {
  private readonly maps = new Map<string, WatchedMap>();
  private readonly read: Map<string, Map<string, unknown>>;
  private readonly handle: FileHandle;
  private readonly release: () => Promise<void>;
  private lines = "";
  private writing: Promise<void> | null = null;
  private broken: unknown = null;
  private planned: NodeJS.Immediate | null = null;
  starts: number;

  constructor(
    handle: FileHandle,
    read: Map<string, Map<string, unknown>>,
    starts: number,
    release: () => Promise<void>,
  ) {
    this.handle = handle;
    this.read = read;
    this.starts = starts;
    this.release = release;
  }

  map<Value>(name: string): Map<string, Value> {
    let map = this.maps.get(name);
    if (map === undefined) {
      map = new WatchedMap(this.read.get(name) ?? [], () => this.plan());
      this.read.delete(name);
      this.maps.set(name, map);
    }
    return map as unknown as Map<string, Value>;
  }

  async save(): Promise<void> {
    for (const [name, map] of this.maps) this.lines += map.changes(name);
    // Whoever comes while lines are being written shares the next writing.
    while (this.lines !== "" || this.writing !== null) {
      if (this.broken !== null) throw this.broken;
      this.writing ??= this.write();
      await this.writing;
    }
    if (this.broken !== null) throw this.broken;
  }

  clear(): void {
    for (const map of this.maps.values()) map.forget();
    this.read.clear();
    this.starts = 0;
    this.lines = `${JSON.stringify({ cleared: true } satisfies Line)}\n${lineOf("simulator", "starts", "1")}`;
    this.plan();
  }

  async close(): Promise<void> {
    if (this.planned !== null) clearImmediate(this.planned);
    try {
      await this.save();
    } finally {
      await this.handle.close();
      await this.release();
    }
  }

  /** What time changes has no answer that waits for it. */
  private plan(): void {
    this.planned ??= setImmediate(() => {
      this.planned = null;
      // The next answer says that it cannot be kept.
      this.save().catch(() => {});
    });
  }

  private async write(): Promise<void> {
    const { lines } = this;
    this.lines = "";
    try {
      await this.handle.appendFile(lines);
      await this.handle.datasync();
    } catch (error) {
      this.broken = error;
    } finally {
      this.writing = null;
    }
  }
}

/** Knows which of its things may have changed since they were written. */
class WatchedMap extends Map<string, unknown> {
  // Nothing is watched while the constructor fills it.
  private touched: Set<string> | null = null;
  private readonly written = new Map<string, string>();
  private readonly changed: () => void;

  constructor(things: Iterable<readonly [string, unknown]>, changed: () => void) {
    super();
    for (const [key, value] of things) {
      super.set(key, value);
      this.written.set(key, digestOf(JSON.stringify(value)));
    }
    this.touched = new Set();
    this.changed = changed;
  }

  override get(key: string): unknown {
    const value = super.get(key);
    if (typeof value === "object" && value !== null) this.touched?.add(key);
    return value;
  }

  override set(key: string, value: unknown): this {
    super.set(key, value);
    this.touched?.add(key);
    this.changed?.();
    return this;
  }

  override delete(key: string): boolean {
    const was = super.delete(key);
    if (was) this.touched?.add(key);
    if (was) this.changed();
    return was;
  }

  override clear(): void {
    for (const key of [...this.keys()]) this.delete(key);
  }

  /** Lines about what is not as it was written. */
  changes(map: string): string {
    let lines = "";
    for (const key of this.touched ?? []) {
      const text = this.has(key) ? JSON.stringify(super.get(key)) : null;
      const digest = text === null ? undefined : digestOf(text);
      if (this.written.get(key) === digest) continue;
      if (digest === undefined) this.written.delete(key);
      else this.written.set(key, digest);
      lines += lineOf(map, key, text);
    }
    this.touched?.clear();
    return lines;
  }

  forget(): void {
    super.clear();
    this.touched?.clear();
    this.written.clear();
  }
}

function lineOf(map: string, key: string, value: string | null): string {
  const place = `"map":${JSON.stringify(map)},"key":${JSON.stringify(key)}`;
  return value === null ? `{${place}}\n` : `{${place},"value":${value}}\n`;
}

function digestOf(text: string): string {
  return createHash("sha1").update(text).digest("base64");
}

function mapIn(maps: Map<string, Map<string, unknown>>, name: string): Map<string, unknown> {
  const map = maps.get(name) ?? new Map<string, unknown>();
  maps.set(name, map);
  return map;
}

function readLines(file: string): Map<string, Map<string, unknown>> {
  const maps = new Map<string, Map<string, unknown>>();
  const lines = textOf(file).split("\n");
  // Without its end a line was being written when the program died, and nobody was answered for it.
  lines.pop();
  for (const [n, text] of lines.entries()) {
    const line = parsed(text);
    if (line?.cleared === true) maps.clear();
    else if (typeof line?.map !== "string" || typeof line.key !== "string") {
      throw new StateUnreadable(`${file}, line ${n + 1}`);
    } else if (line.value === undefined) maps.get(line.map)?.delete(line.key);
    else mapIn(maps, line.map).set(line.key, line.value);
  }
  return maps;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

function parsed(text: string): Line | null {
  try {
    return JSON.parse(text) as Line | null;
  } catch {
    return null;
  }
}

/** Beside it first, then in its place: whenever the program dies, one of both is whole. */
function writeAnew(folder: string, file: string, maps: ReadonlyMap<string, Map<string, unknown>>): void {
  const beside = openSync(`${file}.new`, "w", 0o600);
  for (const [name, map] of maps)
    for (const [key, value] of map) writeSync(beside, lineOf(name, key, JSON.stringify(value)));
  fsyncSync(beside);
  closeSync(beside);
  renameSync(`${file}.new`, file);
  const directory = openSync(folder, "r");
  fsyncSync(directory);
  closeSync(directory);
}
