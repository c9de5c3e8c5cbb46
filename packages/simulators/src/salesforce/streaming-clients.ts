import type { SeededRandom } from "../control/seeded-random.ts";
import type { EventLog, LoggedEvent } from "./event-log.ts";

/** One Bayeux message, either way. */
export type BayeuxMessage = Readonly<Record<string, unknown>>;

/** A client between its handshake and its end. */
export interface StreamingClient {
  readonly id: string;
  readonly token: string;
  /** Channels subscribed to. */
  readonly channels: Set<string>;
  /** Messages it has not fetched. */
  readonly pending: BayeuxMessage[];
  /** Ends the long poll that it is waiting on. */
  wake: (() => void) | null;
  /** It has asked for messages since its handshake. */
  connected: boolean;
  forget: NodeJS.Timeout | undefined;
}

/** How long a client may stay away between two polls, by the machine's clock: it is about a connection, not about business. */
const awayMs = 40_000;

export interface StreamingClients {
  open(token: string): StreamingClient;
  find(id: unknown): StreamingClient | undefined;
  close(client: StreamingClient): void;
  /** Its poll has been answered: it has a while to come back. */
  mayStayAway(client: StreamingClient): void;
  isHere(client: StreamingClient): void;
  subscribe(client: StreamingClient, channel: string, earlier: readonly LoggedEvent[]): void;
  count(): number;
  closeAll(): void;
}

export function openStreamingClients(events: EventLog, random: SeededRandom): StreamingClients {
  const clients = new Map<string, StreamingClient>();
  events.listen((event) => {
    for (const client of clients.values()) {
      const channels = event.channels.filter((channel) => client.channels.has(channel));
      client.pending.push(...channels.map((channel) => delivered(channel, event)));
      if (channels.length > 0) client.wake?.();
    }
  });
  const close = (client: StreamingClient) => {
    clearTimeout(client.forget);
    clients.delete(client.id);
    client.wake?.();
  };
  return {
    open(token) {
      const client: StreamingClient = {
        id: random.token(27).toLowerCase(),
        token,
        channels: new Set(),
        pending: [],
        wake: null,
        connected: false,
        forget: undefined,
      };
      clients.set(client.id, client);
      return client;
    },
    find: (id) => (typeof id === "string" ? clients.get(id) : undefined),
    close,
    mayStayAway(client) {
      clearTimeout(client.forget);
      client.forget = setTimeout(() => close(client), awayMs).unref();
    },
    isHere(client) {
      clearTimeout(client.forget);
    },
    subscribe(client, channel, earlier) {
      client.channels.add(channel);
      client.pending.push(...earlier.map((event) => delivered(channel, event)));
    },
    count: () => clients.size,
    closeAll() {
      for (const client of [...clients.values()]) close(client);
    },
  };
}

function delivered(channel: string, { schema, payload, replayId, uuid }: LoggedEvent): BayeuxMessage {
  return { channel, data: { schema, payload, event: { replayId, EventUuid: uuid } } };
}
