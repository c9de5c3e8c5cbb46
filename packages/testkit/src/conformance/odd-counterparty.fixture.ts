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
}

interface Order {
  readonly key: string;
  readonly tenantId: string;
}

export async function startOdd({ callbackSecret, atOnce = false }: OddOptions): Promise<OddCounterparty> {
  const effects: CounterpartyEffect[] = [];
  const refused = new Set<string>();
  const held = new Set<ServerResponse>();
  let told: { behaviour: CounterpartyBehaviour; times: number }[] = [];
  let callbacksTo: string | null = null;
  let shiftMs = 0;
  let messages = 0;
  let due: { at: number; send: () => Promise<void> }[] = [];
  let crossing: (() => Promise<void>) | null = null;
  const now = (): number => Date.now() + shiftMs;

  async function tell(order: Order): Promise<void> {
    if (callbacksTo === null || atOnce) return;
    const body = JSON.stringify({ ...order, id: `m-${++messages}`, status: "DONE" });
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

  function take(order: Order, request: IncomingMessage, response: ServerResponse): unknown {
    const [next] = told;
    const behaviour = next?.behaviour ?? { behaviour: "success" };
    if (next !== undefined && --next.times <= 0) told = told.slice(1);
    const act = (): void => void effects.push({ key: order.key });
    const taken = { status: atOnce ? "DONE" : "PENDING", reference: `odd-${order.key}` };
    switch (behaviour.behaviour) {
      case "rejection":
        refused.add(order.key);
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
        setTimeout(() => say(response, 202, taken), behaviour.delayMs).unref();
        return;
      default:
        act();
        response.once("finish", () => callBack(order, behaviour));
        return say(response, atOnce ? 200 : 202, taken);
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
      const key = new URL(request.url ?? "/", "http://odd").searchParams.get("key") ?? "";
      if (effects.some((one) => one.key === key))
        return say(response, 200, { status: "DONE", reference: `odd-${key}` });
      return refused.has(key)
        ? say(response, 200, { code: "CLOSED" })
        : say(response, 404, { status: "NONE" });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    rejections: ["CLOSED", "TOO-MANY"],
    behave: async (behaviour, times) => void told.push({ behaviour, times }),
    async behaveWell() {
      told = [];
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
