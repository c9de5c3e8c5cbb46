/**
 * As much of PostgreSQL's wire protocol 3 as the fault proxy needs: where messages begin and end,
 * and which SQL a message makes the server run. Nothing is validated; the server does that.
 */

/**
 * One message as it was on the wire.
 * `type` is the protocol's type letter, or the name of a message of the start-up phase (which has no letter),
 * or `opaque` for bytes that are not PostgreSQL's protocol (everything after the first such byte is opaque).
 */
export interface WireMessage {
  readonly type: string;
  /** The whole message, type and length included. */
  readonly bytes: Buffer;
  /** What follows the length. */
  readonly body: Buffer;
}

const startupNames: Readonly<Record<number, string>> = {
  80877102: "cancel-request",
  80877103: "ssl-request",
  80877104: "gss-request",
};
/** The server refuses longer start-up packets too, so anything above is another protocol. */
const startupBytesAllowed = 10_000;
/** The server's own limit for one message. */
const messageBytesAllowed = 0x3fffffff;

/** Cuts one direction of a connection into messages, however the bytes are chunked. */
export class MessageSplitter {
  #chunks: Buffer[] = [];
  #have = 0;
  /** Bytes needed before anything more can be said; saves joining the chunks of a large message again and again. */
  #need = 1;
  #phase: "startup" | "messages" | "opaque";

  /** `startup` for bytes from a client that has just connected, `messages` for what a server answers. */
  constructor(phase: "startup" | "messages") {
    this.#phase = phase;
  }

  /** Takes the next bytes and returns the messages they complete, in order; an unfinished one is kept. */
  push(chunk: Buffer): WireMessage[] {
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    if (this.#have < this.#need) return [];
    let rest = this.rest();
    const messages: WireMessage[] = [];
    while (rest.length > 0) {
      const header = this.#phase === "messages" ? 5 : 4;
      const length = this.#lengthOf(rest, header);
      if (rest.length < length) {
        this.#need = length;
        break;
      }
      const bytes = rest.subarray(0, length);
      messages.push(this.#name(bytes, header));
      rest = rest.subarray(length);
      this.#need = 1;
    }
    if (rest.length > 0) this.#chunks.push(rest);
    this.#have = rest.length;
    return messages;
  }

  /** Takes out the bytes of an unfinished message: what a peer sent before it went away. */
  rest(): Buffer {
    const [only] = this.#chunks;
    const rest = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#have = 0;
    return rest;
  }

  #lengthOf(rest: Buffer, header: number): number {
    if (this.#phase === "opaque") return rest.length;
    if (rest.length < header) return header;
    const length = rest.readUInt32BE(header - 4) + header - 4;
    const allowed = this.#phase === "startup" ? startupBytesAllowed : messageBytesAllowed;
    if (length >= header && length <= allowed) return length;
    this.#phase = "opaque";
    return rest.length;
  }

  #name(bytes: Buffer, header: number): WireMessage {
    if (this.#phase === "opaque") return { type: "opaque", bytes, body: bytes };
    const body = bytes.subarray(header);
    if (this.#phase === "messages") return { type: String.fromCharCode(bytes[0] ?? 0), bytes, body };
    const type = (body.length >= 4 ? startupNames[body.readUInt32BE(0)] : undefined) ?? "startup";
    // After a refused request for encryption the client starts again, still without type letters.
    if (type === "startup") this.#phase = "messages";
    return { type, bytes, body };
  }
}

/** Knows which SQL a client's message runs, prepared statements and portals included. One per connection. */
export class StatementReader {
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();

  /** The SQL this message makes the server run; null when it runs nothing (a Parse only prepares). */
  read(message: WireMessage): string | null {
    const { type, body } = message;
    if (type === "Q") return textAt(body, 0);
    if (type === "E") return this.#portals.get(textAt(body, 0)) ?? null;
    if (type !== "P" && type !== "B" && type !== "C") return null;
    if (type === "C") {
      const closed = body[0] === 0x53 ? this.#statements : this.#portals;
      closed.delete(textAt(body, 1));
      return null;
    }
    const name = textAt(body, 0);
    const second = textAt(body, body.indexOf(0) + 1);
    if (type === "P") this.#statements.set(name, second);
    else this.#portals.set(name, this.#statements.get(second) ?? "");
    return null;
  }
}

/** How a server ended a statement: the tag of CommandComplete (`COMMIT`, `INSERT 0 1`) or the SQLSTATE of an error. */
export function outcomeOf(message: WireMessage): { readonly tag?: string; readonly sqlState?: string } {
  if (message.type === "C") return { tag: textAt(message.body, 0) };
  if (message.type !== "E") return {};
  for (let at = 0; at < message.body.length && message.body[at] !== 0; ) {
    if (message.body[at] === 0x43) return { sqlState: textAt(message.body, at + 1) };
    const end = message.body.indexOf(0, at + 1);
    at = end < 0 ? message.body.length : end + 1;
  }
  return {};
}

/** True for SQL whose last act is an explicit commit: `COMMIT`, `commit work;`, `insert …; COMMIT`. */
export function isCommit(sql: string): boolean {
  return /(?:^|;)\s*commit(?:\s+(?:work|transaction))?\s*;?\s*$/i.test(sql);
}

function textAt(body: Buffer, start: number): string {
  const end = body.indexOf(0, start);
  return body.toString("utf8", start, end < 0 ? body.length : end);
}
