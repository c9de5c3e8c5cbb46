import { connect, type Socket } from "node:net";
import { type Direction, FaultLink, type LinkEvents, type LinkFaults } from "./fault-link.ts";
import { MessageSplitter, outcomeOf, StatementReader, type WireMessage } from "./postgres-wire.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A statement fault that has just happened. */
export interface FiredStatement {
  readonly sql: string;
  readonly when: "before" | "after";
  /** `after` only: how the server ended it, `COMMIT` or `INSERT 0 1`. A failed commit answers `ROLLBACK`. */
  readonly tag?: string;
  /** `after` only: SQLSTATE when the server refused the statement, so that nothing was executed. */
  readonly sqlState?: string;
}

/** One firing of an armed statement fault, claimed by the connection whose statement matched. */
export interface Claim {
  readonly when: "before" | "after";
  fired(what: FiredStatement): void;
  /** The connection broke before the fault had happened; another statement may have it. */
  giveBack(): void;
}

/** What a connection needs from its proxy. */
export interface ConnectionHost {
  readonly random: SeededRandom;
  readonly target: { readonly host: string; readonly port: number };
  faults(direction: Direction): LinkFaults;
  touched(fault: Parameters<LinkEvents["touched"]>[0]): void;
  claim(sql: string): Claim | null;
  cut(direction: Direction): void;
  closed(connection: FaultConnection): void;
}

/** One client and its own connection to the server. */
export class FaultConnection {
  readonly #host: ConnectionHost;
  readonly #client: Socket;
  #server: Socket | null = null;
  readonly #toServer: FaultLink;
  readonly #toClient: FaultLink;
  readonly #fromClient = new MessageSplitter("startup");
  readonly #fromServer = new MessageSplitter("messages");
  readonly #statements = new StatementReader();
  /** Client messages that each end in one ReadyForQuery: start-up, Query, Sync, FunctionCall. */
  #asked = 0;
  #answered = 0;
  #opaque = false;
  #after: { readonly claim: Claim; readonly sql: string; readonly answer: number; seen: object } | null =
    null;
  #finished = false;

  constructor(client: Socket, host: ConnectionHost) {
    this.#host = host;
    this.#client = client;
    this.#toServer = this.#link(
      "to-server",
      () => client,
      () => this.#dial(),
    );
    this.#toClient = this.#link(
      "to-client",
      () => this.#server,
      () => client,
    );
    client.setNoDelay(true);
    // No encoding is set, so chunks are buffers.
    client.on("data", (chunk) => this.#hearClient(chunk as Buffer));
    client.on("end", () => {
      this.#toServer.push(this.#fromClient.rest());
      this.#toServer.end();
    });
    client.on("error", () => undefined);
    client.on("close", () => this.#sideClosed("to-server"));
    // Inside a black hole nobody is dialled: the server may be down, and the client must not learn of it.
    if (!host.faults("to-server").blackHole) this.#dial();
  }

  /** Applies changed faults. A connection that lost bytes cannot go on once the hole is closed: it is reset. */
  faultsChanged(): void {
    for (const [direction, link] of [
      ["to-server", this.#toServer],
      ["to-client", this.#toClient],
    ] as const) {
      if (link.lost && !this.#host.faults(direction).blackHole) this.reset();
      else link.faultsChanged();
    }
  }

  /** Drops what is on its way and resets both sides. */
  reset(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#toServer.stop();
    this.#toClient.stop();
    this.#after?.claim.giveBack();
    this.#after = null;
    resetSocket(this.#client);
    if (this.#server !== null) resetSocket(this.#server);
    this.#host.closed(this);
  }

  #link(direction: Direction, source: () => Socket | null, sink: () => Socket): FaultLink {
    return new FaultLink({
      source,
      sink,
      faults: () => this.#host.faults(direction),
      random: this.#host.random,
      events: {
        touched: (fault) => this.#host.touched(fault),
        cut: () => {
          // Reset first: a cut that is used up no longer holds back what is queued.
          this.reset();
          this.#host.cut(direction);
        },
      },
    });
  }

  #dial(): Socket {
    if (this.#server !== null) return this.#server;
    const { host, port } = this.#host.target;
    const where = host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
    const server = connect({ ...where, allowHalfOpen: true, noDelay: true });
    this.#server = server;
    server.on("data", (chunk) => this.#hearServer(chunk as Buffer));
    server.on("end", () => {
      this.#toClient.push(this.#fromServer.rest());
      this.#toClient.end();
    });
    server.on("error", () => undefined);
    server.on("close", () => this.#sideClosed("to-client"));
    return server;
  }

  /** A side that has gone takes the other with it, unless a black hole hides its going. */
  #sideClosed(from: Direction): void {
    if (this.#host.faults(from).blackHole) {
      (from === "to-server" ? this.#toServer : this.#toClient).end();
      return;
    }
    const clean = this.#client.readableEnded && (this.#server?.readableEnded ?? true);
    if (!clean || (this.#client.closed && (this.#server?.closed ?? true))) this.reset();
  }

  #hearClient(chunk: Buffer): void {
    // What a black hole swallows is never executed, so it must not fire a statement fault either.
    if (this.#opaque || this.#host.faults("to-server").blackHole) {
      this.#toServer.push(chunk);
      return;
    }
    const forward: Buffer[] = [];
    for (const message of this.#fromClient.push(chunk)) {
      if (message.type === "opaque") this.#opaque = true;
      if (message.type === "ssl-request" || message.type === "gss-request") {
        // Refused here: in an encrypted connection no statement could be found.
        this.#toClient.push(Buffer.from("N"));
        continue;
      }
      const claim = this.#claim(message);
      if (claim?.when === "before") {
        this.#toServer.push(Buffer.concat(forward));
        this.reset();
        claim.fired({ sql: claim.sql, when: "before" });
        return;
      }
      forward.push(message.bytes);
    }
    this.#toServer.push(Buffer.concat(forward));
  }

  /** Counts the answers this message will have, and claims a fault for the statement it runs. */
  #claim(message: WireMessage): { when: "before" | "after"; sql: string; fired: Claim["fired"] } | null {
    const { type } = message;
    const sql = this.#statements.read(message);
    if (type === "startup" || type === "Q" || type === "S" || type === "F") this.#asked++;
    if (sql === null || this.#after !== null) return null;
    const claim = this.#host.claim(sql);
    if (claim === null) return null;
    // An Execute is answered together with everything up to the Sync that follows it.
    const answer = type === "Q" ? this.#asked : this.#asked + 1;
    if (claim.when === "after") this.#after = { claim, sql, answer, seen: {} };
    return { when: claim.when, sql, fired: claim.fired };
  }

  #hearServer(chunk: Buffer): void {
    if (this.#opaque || this.#asked === 0) {
      this.#toClient.push(chunk);
      return;
    }
    const forward: Buffer[] = [];
    for (const message of this.#fromServer.push(chunk)) {
      const after = this.#after;
      const isAnswer = after !== null && this.#answered >= after.answer - 1;
      if (message.type === "Z") this.#answered++;
      if (!isAnswer) {
        forward.push(message.bytes);
        continue;
      }
      after.seen = { ...after.seen, ...outcomeOf(message) };
      if (this.#answered < after.answer) continue;
      this.#after = null;
      // Answers to earlier statements may have come in the same piece.
      this.#toClient.push(Buffer.concat(forward));
      this.reset();
      after.claim.fired({ sql: after.sql, when: "after", ...after.seen });
      return;
    }
    this.#toClient.push(Buffer.concat(forward));
  }
}

/**
 * A socket whose end is on its way cannot be reset (libuv answers EINVAL), and Node 26 then never closes its handle:
 * the process could not exit. Such a socket is closed instead.
 */
function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
