/** Whether anything is being done in this process and its databases: a test moves business time only when nothing is, however slow the machine. */
import { subscribe } from "node:diagnostics_channel";
import type { ServerResponse } from "node:http";
import type { System } from "@entente/core";
import { openDatabase } from "@entente/core/internal";

export interface UnderWay {
  /** Nothing was being done at two looks, one right after the other. Consumers of these names wait for a database that is away. */
  isNothing(systems: readonly System[], away: ReadonlySet<string>): Promise<boolean>;
  close(): Promise<void>;
}

/** `systemName`: whose databases are looked at. Requests are those at every HTTP server of this process, simulators among them. */
export function watchUnderWay(adminUrl: string, systemName: string): UnderWay {
  const admin = openDatabase({ url: adminUrl, applicationName: "under way", connections: 1 });
  const requests = new Set<ServerResponse>();
  subscribe("http.server.request.start", (message) => {
    const { response } = message as { readonly response: ServerResponse };
    requests.add(response);
    response.once("close", () => requests.delete(response));
  });
  async function isQuiet(systems: readonly System[], away: ReadonlySet<string>): Promise<boolean> {
    if (requests.size > 0) return false;
    const consumers = systems.flatMap(({ working }) => working.flatMap((context) => context.consumers));
    if (!consumers.every((consumer) => consumer.idle() || away.has(consumer.name))) return false;
    const [row] = await admin.execute<{ busy: boolean }>(
      "select exists (select from pg_stat_activity where datname like $1 and state <> 'idle') as busy",
      [`${systemName.replaceAll("_", "\\_")}\\_%`],
    );
    return row?.busy === false && requests.size === 0;
  }
  return {
    isNothing: async (systems, away) => (await isQuiet(systems, away)) && (await isQuiet(systems, away)),
    close: () => admin.close(),
  };
}
