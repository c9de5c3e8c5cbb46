import { type AddressInfo, createServer } from "node:net";
import { type ArmedFault, ArmedFaults, type ArmOptions } from "./armed-faults.ts";
import { type ConnectionHost, FaultConnection, type FiredStatement } from "./fault-connection.ts";
import { type Direction, type LinkFaults, noFaults } from "./fault-link.ts";
import { isCommit } from "./postgres-wire.ts";
import { seededRandom } from "./seeded-random.ts";

/** How often each fault really touched something. A run whose counter stayed 0 has proved nothing. */
export interface FaultCounters {
  /** Pieces held by latency or jitter. */
  latency: number;
  /** Pieces slowed by the bandwidth limit. */
  bandwidth: number;
  /** Pieces cut off by the slicer. */
  slice: number;
  /** Pieces, or ends of a stream, swallowed. */
  blackHole: number;
  /** Connections refused. */
  refuse: number;
  /** Connections reset by resetAll. */
  resetAll: number;
  /** Connections cut after their bytes. */
  cut: number;
  /** Statements never forwarded, explicit commits included. */
  before: number;
  /** Statements executed whose answer was withheld, explicit commits included. */
  after: number;
}

/** Faults that stay until cleared. */
export type LastingFault = "latency" | "bandwidth" | "slice" | "blackHole" | "refuse";
export type Side = Direction | "both";

/**
 * A TCP proxy in front of a PostgreSQL server that fails on demand.
 * Every fault holds at once for new and live connections and, unless said otherwise, for both directions.
 * Guarantees: without faults, bytes pass unchanged and in order. Encryption is refused to the client (SSLRequest is
 * answered "N"), because statements could not be found in it. Bytes of another protocol pass, without statement faults.
 * Not seen: COMMIT executed inside a function, and COPY FROM STDIN through the extended protocol upsets the count of answers.
 */
export interface FaultProxy {
  /** Port on 127.0.0.1 to connect to instead of the server's. */
  readonly port: number;
  /** Live connections, half-open ones included. */
  readonly connections: number;
  readonly fired: Readonly<FaultCounters>;
  /** The same database URL, through the proxy. */
  urlFor(databaseUrl: string): string;
  /** Holds every piece for ms, plus 0..jitterMs drawn from the seed. */
  latency(fault: { readonly ms: number; readonly jitterMs?: number; readonly side?: Side }): void;
  bandwidth(fault: { readonly bytesPerSecond: number; readonly side?: Side }): void;
  /** Writes at most `bytes` at once, delayMs (default 0: one turn of the event loop) apart. */
  slice(fault: { readonly bytes: number; readonly delayMs?: number; readonly side?: Side }): void;
  /**
   * Connections are accepted and stay open, what is sent is swallowed, and so is the news that a peer has gone.
   * When it is cleared, connections that lost anything are reset, the others go on.
   */
  blackHole(side?: Side): void;
  /** Resets every new connection at once; live ones go on. */
  refuse(): void;
  /** Removes the named lasting faults, all of them when none is named. Armed faults stay armed. */
  clear(...faults: readonly LastingFault[]): void;
  /** Resets both sides of every live connection now; returns how many there were. */
  resetAll(): number;
  /**
   * Resets a connection after it has carried that many more bytes in that direction, in the middle of a message or not.
   * Counted per connection from now on; the first `times` connections that get there are cut. One per direction: a later one replaces it.
   */
  cutAfter(bytes: number, direction: Direction, options?: ArmOptions): ArmedFault<Direction>;
  /** The next COMMIT is not forwarded and both sides are reset: the transaction rolls back and the client cannot know. */
  resetBeforeCommit(options?: ArmOptions): ArmedFault<FiredStatement>;
  /** The next COMMIT is executed, its answer is swallowed and the client is reset: executed, but you were told nothing. */
  resetAfterCommit(options?: ArmOptions): ArmedFault<FiredStatement>;
  /** The same two faults for any statement, for instance an autocommit insert. The SQL text is as the client sent it. */
  onStatement(
    match: RegExp | ((sql: string) => boolean),
    when: "before" | "after",
    options?: ArmOptions,
  ): ArmedFault<FiredStatement>;
  /** Resets every connection and stops listening. Faults still armed are disarmed. */
  close(): Promise<void>;
}

/**
 * Starts a fault proxy on a free port of 127.0.0.1.
 * `target.host` may be a folder (starting with "/") that holds the server's Unix socket. `seed` (default 1) decides jitter.
 * Errors: those of listening on a socket.
 */
export async function startFaultProxy(options: {
  readonly target: { readonly host: string; readonly port: number };
  readonly seed?: number;
}): Promise<FaultProxy> {
  const faults: Record<Direction, LinkFaults> = { "to-server": noFaults, "to-client": noFaults };
  const fired: FaultCounters = {
    latency: 0,
    bandwidth: 0,
    slice: 0,
    blackHole: 0,
    refuse: 0,
    resetAll: 0,
    cut: 0,
    before: 0,
    after: 0,
  };
  const live = new Set<FaultConnection>();
  const statements = new ArmedFaults<
    { matches: (sql: string) => boolean; when: "before" | "after" },
    FiredStatement
  >();
  const cuts = new ArmedFaults<{ bytes: number; direction: Direction }, Direction>();
  let refusing = false;

  const change = (side: Side, changed: Partial<LinkFaults>): void => {
    for (const direction of ["to-server", "to-client"] as const) {
      if (side === "both" || side === direction) faults[direction] = { ...faults[direction], ...changed };
    }
    for (const connection of live) connection.faultsChanged();
  };

  const host: ConnectionHost = {
    random: seededRandom(options.seed ?? 1),
    target: options.target,
    faults: (direction) => faults[direction],
    touched: (fault) => {
      fired[fault]++;
    },
    claim: (sql) => {
      const claim = statements.claim((armed) => armed.matches(sql));
      if (claim === null) return null;
      const { when } = claim.armed;
      return {
        when,
        fired: (what) => {
          fired[when]++;
          claim.fired(what);
        },
        giveBack: claim.giveBack,
      };
    },
    cut: (direction) => {
      fired.cut++;
      cuts.claim((armed) => armed.direction === direction)?.fired(direction);
      if (!cuts.has((armed) => armed.direction === direction)) change(direction, { cut: null });
    },
    closed: (connection) => {
      live.delete(connection);
    },
  };

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (refusing) {
      fired.refuse++;
      client.on("error", () => undefined);
      client.resetAndDestroy();
      return;
    }
    live.add(new FaultConnection(client, host));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve());
  });
  const { port } = server.address() as AddressInfo;

  const onStatement: FaultProxy["onStatement"] = (match, when, armOptions) => {
    // A fresh RegExp without g and y: those remember where the last test ended.
    const plain = match instanceof RegExp ? new RegExp(match.source, match.flags.replace(/[gy]/g, "")) : null;
    const matches = plain === null ? (match as (sql: string) => boolean) : (sql: string) => plain.test(sql);
    return statements.arm({ matches, when }, armOptions);
  };
  const clearing: Record<LastingFault, () => void> = {
    latency: () => change("both", { latencyMs: 0, jitterMs: 0 }),
    bandwidth: () => change("both", { bytesPerSecond: noFaults.bytesPerSecond }),
    slice: () => change("both", { sliceBytes: noFaults.sliceBytes, sliceDelayMs: 0 }),
    blackHole: () => change("both", { blackHole: false }),
    refuse: () => {
      refusing = false;
    },
  };
  const resetLive = (): number => {
    const resetNow = [...live];
    for (const connection of resetNow) connection.reset();
    return resetNow.length;
  };

  return {
    port,
    get connections() {
      return live.size;
    },
    fired,
    urlFor: (databaseUrl) => {
      const url = new URL(databaseUrl);
      url.hostname = "127.0.0.1";
      url.port = String(port);
      url.searchParams.delete("host");
      return url.href;
    },
    latency: ({ ms, jitterMs = 0, side = "both" }) => change(side, { latencyMs: ms, jitterMs }),
    bandwidth: ({ bytesPerSecond, side = "both" }) => change(side, { bytesPerSecond }),
    slice: ({ bytes, delayMs = 0, side = "both" }) =>
      change(side, { sliceBytes: Math.max(1, bytes), sliceDelayMs: delayMs }),
    blackHole: (side = "both") => change(side, { blackHole: true }),
    refuse: () => {
      refusing = true;
    },
    clear: (...named) => {
      for (const fault of named.length > 0 ? named : (Object.keys(clearing) as LastingFault[]))
        clearing[fault]();
    },
    resetAll: () => {
      const count = resetLive();
      fired.resetAll += count;
      return count;
    },
    cutAfter: (bytes, direction, armOptions) => {
      cuts.disarm((armed) => armed.direction === direction);
      const armed = cuts.arm({ bytes, direction }, armOptions);
      const cut = { bytes };
      change(direction, { cut });
      const disarm = (): void => {
        armed.disarm();
        if (faults[direction].cut === cut) change(direction, { cut: null });
      };
      return { ...armed, disarm };
    },
    resetBeforeCommit: (armOptions) => onStatement(isCommit, "before", armOptions),
    resetAfterCommit: (armOptions) => onStatement(isCommit, "after", armOptions),
    onStatement,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      statements.disarm(() => true);
      cuts.disarm(() => true);
      resetLive();
      await closed;
    },
  };
}
