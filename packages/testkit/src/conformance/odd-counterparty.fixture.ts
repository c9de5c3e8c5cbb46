/** A system that takes orders: a real server that does as it is told, and acts again for every request, repeated or not. */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { CounterpartyBehaviour, CounterpartyEffect, TreatyCounterparty } from "./treaty-counterparty.ts";

export interface OddCounterparty extends TreatyCounterparty {
  readonly url: string;
  close(): Promise<void>;
}

export const tokenOfOdd = "token-of-odd";

export interface OddOptions {
  readonly callbackSecret: string;
  /** It answers "done" at once and sends no callbacks. */
  readonly atOnce?: boolean;
  /** Orders come as batches of rows, which it refuses one by one. */
  readonly batches?: boolean;
}

interface Order {
  readonly key: string;
  readonly tenantId: string;
  readonly rows?: readonly { readonly key: string }[];
}

export async function startOdd({
  callbackSecret,
  atOnce = false,
  batches = false,
}: OddOptions): Promise<OddCounterparty> {
  const effects: CounterpartyEffect[] = [];
  const refused = new Map<string, string>();
  const held = new Set<ServerResponse>();
  let told: { behaviour: CounterpartyBehaviour; times: number }[] = [];
  let breakAfter: number | null = null;
  let callbacksTo: string | null = null;
  let shiftMs = 0;
  let messages = 0;
  let due: { at: number; send: () => Promise<void> }[] = [];
  let crossing: (() => Promise<void>) | null = null;
  const now = (): number => Date.now() + shiftMs;

  async function tell(order: Order): Promise<void> {
    if (callbacksTo === null || atOnce) return;
    const { key, tenantId } = order;
    const body = JSON.stringify({ key, tenantId, id: `m-${++messages}`, status: "DONE", ...rowsOf(order) });
    const seconds = Math.floor(now() / 1_000);
    const v1 = createHmac("sha256", callbackSecret).update(`${seconds}.${body}`).digest("hex");
    const headers = { "content-type": "application/json", "x-odd-signature": `t=${seconds},v1=${v1}` };
    // Several deliveries of one message are the same bytes.
    const post = () => fetch(callbacksTo as string, { method: "POST", body, headers });
    await post();
    for (let n = 1; n < (duplicates.get(order.key) ?? 1); n++) await post();
  }
  const duplicates = new Map<string, number>();

  function callBack(order: Order, behaviour: CounterpartyBehaviour): void {
    const send = async (): Promise<void> => tell(order).catch(() => {});
    switch (behaviour.behaviour) {
      case "lost-callback":
        return;
      case "delayed-callback":
        due.push({ at: now() + behaviour.delayMs, send });
        return;
      case "out-of-order-callback":
        crossing = send;
        due.push({ at: now() + 60_000, send: async () => crossed() });
        return;
      case "duplicate-callback":
        duplicates.set(order.key, behaviour.count);
        void send();
        return;
      default:
        void send().then(crossed);
    }
  }
  async function crossed(): Promise<void> {
    const send = crossing;
    crossing = null;
    await send?.();
  }

  const say = (response: ServerResponse, status: number, body: unknown): null => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
    return null;
  };

  const hasHappened = (key: string): boolean => effects.some((one) => one.key === key);
  const stateOf = (key: string): object =>
    hasHappened(key)
      ? { status: "DONE" }
      : refused.has(key)
        ? { code: refused.get(key) }
        : { status: "NONE" };
  const rowsOf = ({ rows }: Order): object =>
    rows === undefined ? {} : { rows: rows.map(({ key }) => ({ key, ...stateOf(key) })) };

  function refuseRows(order: Order): void {
    for (const { key } of order.rows ?? []) {
      const [next] = told;
      if (next?.behaviour.behaviour !== "rejection") return;
      refused.set(key, next.behaviour.reason);
      if (--next.times <= 0) told = told.slice(1);
    }
  }

  function take(order: Order, request: IncomingMessage, response: ServerResponse): unknown {
    refuseRows(order);
    const rows = order.rows ?? [order];
    if (breakAfter !== null) {
      for (const { key } of rows.slice(0, breakAfter)) effects.push({ key });
      breakAfter = null;
      return request.socket.destroy();
    }
    const [next] = told;
    const behaviour = next?.behaviour ?? { behaviour: "success" };
    if (next !== undefined && --next.times <= 0) told = told.slice(1);
    const act = (): void => {
      for (const { key } of rows) if (!refused.has(key)) effects.push({ key });
    };
    const taken = () => {
      const reference = `odd-${order.key}`;
      return atOnce ? { status: "DONE", reference, ...rowsOf(order) } : { status: "PENDING", reference };
    };
    switch (behaviour.behaviour) {
      case "rejection":
        refused.set(order.key, behaviour.reason);
        return say(response, 422, { code: behaviour.reason });
      case "unauthorized":
        return say(response, 401, {});
      case "timeout":
      case "drop":
        if (behaviour.effect) act();
        if (behaviour.behaviour === "drop") request.socket.destroy();
        else held.add(response);
        return null;
      case "malformed": {
        act();
        const bodies = {
          "not-json": '{"sta',
          "missing-field": {},
          "wrong-type": { status: 7, reference: [] },
        };
        return say(response, 200, bodies[behaviour.variant]);
      }
      case "unknown-status":
        act();
        return say(response, 200, { status: "MOONING", reference: `odd-${order.key}` });
      case "slow":
        act();
        callBack(order, behaviour);
        setTimeout(() => say(response, 202, taken()), behaviour.delayMs).unref();
        return;
      default:
        act();
        response.once("finish", () => callBack(order, behaviour));
        return say(response, atOnce ? 200 : 202, taken());
    }
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      if (request.headers.authorization !== `Bearer ${tokenOfOdd}`) return say(response, 401, {});
      if (request.method === "POST")
        return take(JSON.parse(Buffer.concat(chunks).toString()) as Order, request, response);
      const asked = new URL(request.url ?? "/", "http://odd").searchParams;
      const rows = asked.getAll("row").map((key) => ({ key }));
      if (rows.length > 0)
        return say(response, 200, { status: "PENDING", ...rowsOf({ key: "", tenantId: "", rows }) });
      const key = asked.get("key") ?? "";
      if (hasHappened(key)) return say(response, 200, { status: "DONE", reference: `odd-${key}` });
      return refused.has(key)
        ? say(response, 200, { code: refused.get(key) })
        : say(response, 404, { status: "NONE" });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    rejections: ["CLOSED", "TOO-MANY"],
    rejectsRows: batches,
    async breakAfterRows(rows) {
      breakAfter = rows;
    },
    behave: async (behaviour, times) => void told.push({ behaviour, times }),
    async behaveWell() {
      told = [];
      breakAfter = null;
      for (const response of held) response.destroy();
      held.clear();
      due = [];
      crossing = null;
    },
    effects: async () => [...effects],
    async advance(ms) {
      shiftMs += ms;
      const late = due.filter(({ at }) => at <= now());
      due = due.filter(({ at }) => at > now());
      for (const { send } of late) await send();
    },
    ...(atOnce
      ? {}
      : {
          sendCallbacksTo: async (url: string) => {
            callbacksTo = url;
          },
        }),
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
