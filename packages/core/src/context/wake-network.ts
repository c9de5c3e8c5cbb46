import type { WakeUps } from "../consumer/wake-up.ts";
import type { Database } from "../postgres/database.ts";

/**
 * Carries wake-ups between processes with LISTEN and NOTIFY on a context's database. NOTIFY takes a lock for the whole
 * server at commit, so it is never part of a business transaction: a side loop sends at most one every `everyMs`,
 * and only while another process is known to listen.
 */
const channel = "entente_wake";

/** Wakes the programs that listen on the database, at once. Of a program that has appended something itself, without a system of its own. */
export async function wakeOthers(database: Database, names: readonly string[], origin = ""): Promise<void> {
  await database.execute("select pg_notify($1, $2)", [channel, JSON.stringify({ origin, names })]);
}

export interface WakeNetwork {
  /** Tells other processes, soon and once for many calls. */
  announce(name: string): void;
  /** Ends the listening. `lastWords` are told to other processes first, whether any is known to listen or not. */
  close(lastWords?: readonly string[]): Promise<void>;
}

export function openWakeNetwork(
  database: Database,
  wakeUps: WakeUps,
  origin: string,
  othersListen: () => boolean,
  everyMs = 10,
): WakeNetwork {
  const names = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let closed = false;
  let hangUp: () => void = () => {};

  async function send(): Promise<void> {
    timer = null;
    const batch = [...names];
    names.clear();
    try {
      await wakeOthers(database, batch, origin);
    } catch {
      // The listeners' polls find the entries; a wake-up is only ever about time.
    }
  }

  async function listen(): Promise<void> {
    while (!closed) {
      try {
        const connection = await database.reserve();
        await connection.execute(`listen ${channel}`);
        connection.client.on("notification", (message) => {
          const said = JSON.parse(message.payload ?? "{}") as { origin?: string; names?: string[] };
          if (said.origin === origin) return;
          for (const name of said.names ?? []) wakeUps.ring(name);
        });
        await new Promise<void>((resolve) => {
          hangUp = resolve;
          // Closed while the connection was being made: nobody will hang up any more.
          if (closed) resolve();
          connection.client.once("end", () => resolve());
          connection.client.once("error", () => resolve());
        });
        connection.release(true);
      } catch {
        // Fall through to the pause below.
      }
      if (!closed) await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  const listening = listen();
  return {
    announce(name) {
      if (closed || !othersListen()) return;
      names.add(name);
      timer ??= setTimeout(() => void send(), everyMs);
    },
    async close(lastWords = []) {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      for (const name of lastWords) names.add(name);
      if (names.size > 0) await send();
      hangUp();
      await listening;
    },
  };
}
