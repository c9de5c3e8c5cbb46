/** What every peer is told, how it reports to the benchmark, and the one trick that all tuned peers share. */
import { once } from "node:events";

/** Body of `POST /top-ups`. */
export type TopUp = { accountId: string; condenserId: string; units: number };

/** Where the load generator submits and asks, and how it recognises "confirmed". `{…}` are filled in. */
export type Wire = {
  submit: string;
  id: string;
  state: string;
  confirmed: string;
  keyHeaders?: string[];
};

/** What a peer hands to {@link run}. `pause` stops deciding and keeps accepting. */
export type Peer = {
  url: string;
  wire: Wire;
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
};

/** A command: the body under its key. */
export type Command = TopUp & { id: string };

/**
 * True: set up as the peer's own documentation shows it. False (default): tuned by us with everything we know that
 * keeps order and exactly-once effect, our own tricks included, so that nobody can say we raced a straw man.
 */
export const asDocumented = process.env.BENCH_VARIANT === "docs";

/** The same ceiling of PostgreSQL connections for every peer, edge and worker together. */
export const poolSize = 20;

/** Database made for this peer and this run. */
export const databaseUrl = process.env.BENCH_DATABASE_URL ?? "";

/** Announces the peer to the benchmark and obeys its `pause`, `resume` and `stop`, over the IPC channel. */
export async function run(peer: Peer): Promise<void> {
  process.send?.({ ready: true, url: peer.url, wire: peer.wire });
  process.on("message", async (order) => {
    if (order === "pause") await peer.pause();
    else if (order === "resume") await peer.resume();
    else await peer.stop();
    process.send?.({ done: order }, () => order === "stop" && process.exit(0));
  });
  await once(process, "disconnect");
  process.exit(0);
}

/**
 * Group commit without a timer: what arrives while a write is in flight shares the next write.
 * Resolves `add` when the write that carried the item has committed; a failed write rejects all it carried.
 */
export function grouped<T>(write: (items: T[]) => Promise<void>, max = 1000): (item: T) => Promise<void> {
  let waiting: { item: T; resolve: () => void; reject: (cause: unknown) => void }[] = [];
  let writing = false;
  const flush = async (): Promise<void> => {
    writing = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, max);
      waiting = waiting.slice(max);
      try {
        await write(batch.map((entry) => entry.item));
        for (const entry of batch) entry.resolve();
      } catch (cause) {
        for (const entry of batch) entry.reject(cause);
      }
    }
    writing = false;
  };
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!writing) void flush();
    });
}
