import type { Readable } from "node:stream";

const linesKept = 400;
const lineCharacters = 4_000;

interface Waiter {
  readonly pattern: RegExp;
  readonly resolve: (match: RegExpMatchArray) => void;
  readonly reject: (error: Error) => void;
}

/** The output of one process, line by line: the last 400 are kept, each cut at 4,000 characters. */
export class OutputLines {
  readonly #name: string;
  readonly #kept: string[] = [];
  readonly #waiters = new Set<Waiter>();
  #count = 0;
  #finished: string | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  /** Lines so far, including those no longer kept. */
  get count(): number {
    return this.#count;
  }

  kept(): readonly string[] {
    return [...this.#kept];
  }

  /** The last lines as a paragraph for an error message. */
  tail(): string {
    const last = this.#kept.slice(-20);
    return last.length === 0 ? "(it wrote nothing)" : last.join("\n");
  }

  read(stream: Readable): void {
    let partial = "";
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      const pieces = (partial + text).split(/\r?\n/);
      partial = (pieces.pop() ?? "").slice(0, lineCharacters);
      for (const line of pieces) this.#add(line);
    });
    stream.once("end", () => {
      if (partial !== "") this.#add(partial);
    });
    // A broken pipe only means that there is no more to read.
    stream.on("error", () => undefined);
  }

  /** No more lines will come; `what` says why, and everybody still waiting is told. */
  finish(what: string): void {
    this.#finished = what;
    for (const waiter of this.#waiters) waiter.reject(this.#error(waiter.pattern, what));
    this.#waiters.clear();
  }

  /**
   * The first match among the lines kept from number `since` on, or else among those to come.
   * Keeps the event loop alive while it waits. Errors: the time is over, or the output has ended.
   */
  async wait(pattern: RegExp, timeoutMs: number, since: number): Promise<RegExpMatchArray> {
    const firstKept = this.#count - this.#kept.length;
    for (const line of this.#kept.slice(Math.max(0, since - firstKept))) {
      const match = line.match(pattern);
      if (match !== null) return match;
    }
    if (this.#finished !== null) throw this.#error(pattern, this.#finished);
    const { promise, resolve, reject } = Promise.withResolvers<RegExpMatchArray>();
    const waiter: Waiter = { pattern, resolve, reject };
    this.#waiters.add(waiter);
    const late = setTimeout(() => reject(this.#error(pattern, `did not in ${timeoutMs} ms`)), timeoutMs);
    return await promise.finally(() => {
      clearTimeout(late);
      this.#waiters.delete(waiter);
    });
  }

  #add(text: string): void {
    const line = text.slice(0, lineCharacters);
    this.#count++;
    this.#kept.push(line);
    if (this.#kept.length > linesKept) this.#kept.shift();
    for (const waiter of this.#waiters) {
      const match = line.match(waiter.pattern);
      if (match !== null) waiter.resolve(match);
    }
  }

  #error(pattern: RegExp, what: string): Error {
    return new Error(
      `${this.#name} should have written a line like ${pattern} but ${what}. Its last lines:\n${this.tail()}`,
    );
  }
}
