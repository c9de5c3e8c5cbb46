/** A warehouse that is the authority for its shelves: a real server that tells of changes by a feed, answers questions, and does as it is told. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { AnswerBehaviour, Edition, NewsBehaviour, RecordsCounterparty } from "./records-counterparty.ts";

export interface OddAuthority extends RecordsCounterparty {
  readonly url: string;
  close(): Promise<void>;
}

export const tokenOfWarehouse = "token-of-the-warehouse";

/** Their words, by edition. */
export const statesOfShelves = ["OPEN", "PAUSED", "CLOSED"] as const;

interface Shelf {
  readonly name: string;
  readonly account: string;
  readonly units: number | string;
  readonly state: string;
  readonly removed: boolean;
}

interface Said {
  readonly status: number;
  readonly body: object;
}

export function numberOf(name: string): number {
  return Number(name.slice(name.lastIndexOf("-") + 1));
}

/** Whose it is: three accounts share the shelves. */
export function accountOfShelf(name: string): string {
  return `account-${numberOf(name) % 3}`;
}

export function shelfIn(name: string, edition: Edition): Shelf {
  const state = statesOfShelves[edition];
  return { name, account: accountOfShelf(name), units: 10 + edition, state, removed: false };
}

const shelvesOnAPage = 4;

export async function startOddAuthority(): Promise<OddAuthority> {
  const shelves = new Map<string, Shelf>();
  const effects: { readonly key: string }[] = [];
  let log: { readonly place: number; readonly name: string }[] = [];
  let last = 100;
  let kept = 100;
  let asked = 0;
  let behaviour: AnswerBehaviour | null = null;
  /** How often it still applies, by kind of request; empty: for ever. */
  let left = new Map<string, number>();
  let news: NewsBehaviour | null = null;
  let crossing: string | null = null;
  let shiftMs = 0;
  let due: { readonly at: number; readonly name: string }[] = [];
  const waiting = new Set<ServerResponse>();
  let stir = Promise.withResolvers<void>();

  function say(name: string): void {
    last += 3;
    log.push({ place: last, name });
    stir.resolve();
    stir = Promise.withResolvers();
  }
  function tellOf(name: string): void {
    switch (news?.behaviour) {
      case "lost-callback":
        return;
      case "delayed-callback":
        due.push({ at: Date.now() + shiftMs + news.delayMs, name });
        return;
      case "out-of-order-callback":
        crossing = name;
        return;
      case "duplicate-callback":
        for (let n = 0; n < news.count; n++) say(name);
        return;
      default: {
        say(name);
        const held = crossing;
        crossing = null;
        if (held !== null) say(held);
      }
    }
  }
  function change(name: string, shelf: Shelf | null): void {
    if (shelf === null) shelves.delete(name);
    else shelves.set(name, shelf);
    effects.push({ key: name });
    tellOf(name);
  }

  /** News after a place, once there are some. Null: whoever waited has gone. */
  async function newsAfter(after: number, response: ServerResponse): Promise<Said | null> {
    const gone = once(response, "close").then(() => "gone" as const);
    for (;;) {
      const since = log.filter(({ place }) => place > after);
      if (since.length > 0) {
        const names = [...new Set(since.map(({ name }) => name))];
        const records = names.flatMap((name) => shelves.get(name) ?? []);
        const incomplete = records.length < names.length;
        return { status: 200, body: { place: String(since.at(-1)?.place), records, incomplete } };
      }
      if ((await Promise.race([stir.promise, gone])) === "gone") return null;
    }
  }
  async function answerTo(kind: string, url: URL, response: ServerResponse): Promise<Said | null> {
    const named = url.pathname.split("/")[2] ?? "";
    switch (kind) {
      case "places":
        return named !== "now" && Number(named) < kept
          ? { status: 410, body: {} }
          : { status: 200, body: { place: named === "now" ? String(last) : named } };
      case "feed":
        return newsAfter(Number(url.searchParams.get("after")), response);
      case "shelves": {
        const all = [...shelves.values()];
        const from = Number(url.searchParams.get("from"));
        const next = from + shelvesOnAPage < all.length ? String(from + shelvesOnAPage) : null;
        return { status: 200, body: { records: all.slice(from, from + shelvesOnAPage), next } };
      }
      default: {
        const shelf = shelves.get(named);
        return shelf === undefined || shelf.removed
          ? { status: 404, body: { found: false } }
          : { status: 200, body: { found: true, ...shelf } };
      }
    }
  }

  function behaviourFor(kind: string): AnswerBehaviour | null {
    if (behaviour === null) return null;
    const times = left.get(kind);
    if (times === 0) return null;
    if (times !== undefined) left.set(kind, times - 1);
    return behaviour;
  }
  const withUnknownState = (body: object): object =>
    JSON.parse(JSON.stringify(body).replace(/"state":"[A-Z]+"/g, '"state":"MOONING"')) as object;
  const bodiesOf = {
    "not-json": (body: object) => JSON.stringify(body).slice(0, -2),
    "missing-field": ({ records: _r, place: _p, units: _u, found: _f, ...rest }: Record<string, unknown>) =>
      JSON.stringify(rest),
    "wrong-type": (body: object) =>
      JSON.stringify({ ...body, records: 7, place: 7, units: "many", found: 7 }),
  };

  const server = createServer(async (request, response) => {
    const send = (status: number, body: object | string): void => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    };
    asked++;
    const url = new URL(request.url ?? "/", "http://odd");
    const kind = url.pathname.split("/")[1] ?? "";
    if (request.headers.authorization !== `Bearer ${tokenOfWarehouse}`) return send(401, {});
    const told = behaviourFor(kind);
    waiting.add(response);
    response.once("close", () => waiting.delete(response));
    switch (told?.behaviour) {
      case "timeout":
        return;
      case "unauthorized":
        return send(401, {});
      case "throttled":
        return send(429, {});
      case "server-error":
        return send(503, {});
      case "rejection":
        return send(422, { code: told.reason });
    }
    if (told?.behaviour === "drop" && !told.effect) return void request.socket.destroy();
    const said = await answerTo(kind, url, response);
    if (said === null) return;
    switch (told?.behaviour) {
      case "drop":
        response.writeHead(said.status, { "content-length": JSON.stringify(said.body).length });
        response.write(JSON.stringify(said.body).slice(0, -2), () => request.socket.destroy());
        return;
      case "slow":
        await new Promise((resolve) => setTimeout(resolve, told.delayMs));
        return send(said.status, said.body);
      case "malformed":
        return send(said.status, bodiesOf[told.variant](said.body as Record<string, unknown>));
      case "unknown-status":
        return send(said.status, withUnknownState(said.body));
      default:
        return send(said.status, said.body);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const breakOff = async (): Promise<void> => {
    for (const response of waiting) response.destroy();
  };

  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    rejections: ["NOT-FOR-YOU"],
    put: async (name, edition) => change(name, shelfIn(name, edition)),
    async remove(name) {
      // Some leave a record that says so, others nothing at all.
      const shelf = shelves.get(name);
      if (shelf !== undefined) change(name, numberOf(name) % 2 === 0 ? { ...shelf, removed: true } : null);
    },
    spoil: async (name) => change(name, { ...shelfIn(name, 0), units: "many" }),
    async present(names) {
      const found = names.flatMap((name) => shelves.get(name) ?? []).filter(({ removed }) => !removed);
      return new Map(found.map(({ name, units }) => [name, (Number(units) - 10) as Edition]));
    },
    async behave(wanted, times) {
      behaviour = wanted;
      const kinds = ["places", "feed", "shelves", "shelf"];
      left = times === undefined ? new Map() : new Map(kinds.map((kind) => [kind, times]));
    },
    breakOff,
    async behaveWell() {
      behaviour = null;
      await breakOff();
    },
    asked: async () => asked,
    effects: async () => [...effects],
    async tellSo(wanted, doChange) {
      news = wanted;
      await doChange();
      news = null;
    },
    async forgetPlaces() {
      log = [];
      last++;
      kept = last;
    },
    async advance(ms) {
      shiftMs += ms;
      const late = due.filter(({ at }) => at <= Date.now() + shiftMs);
      due = due.filter(({ at }) => at > Date.now() + shiftMs);
      for (const { name } of late) say(name);
    },
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
