/**
 * A billing system that is not ours: a real server over real sockets that behaves as badly as it is told, and keeps the truth about
 * effects. Nothing here looks at what our side believes.
 */
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What it does with one request. `…-done` leave the effect behind, whatever is answered. */
export type Behaviour =
  | "done"
  | "accept"
  | "reject"
  | "silent"
  | "silent-done"
  | "drop"
  | "drop-done"
  | "malformed-done"
  | "unauthorized"
  | "unmapped"
  | "slow-done"
  | "throttle"
  | "busy";

/** What it does when it is asked. */
export type AskedBehaviour = "truth" | "drop" | "busy" | "malformed";

/** A message to us, signed. */
export interface OutgoingCallback {
  readonly headers: Record<string, string>;
  readonly rawBody: Buffer;
}

export interface SeenRequest {
  readonly method: string;
  readonly key: string;
  readonly messageId: string | null;
  readonly rows: readonly string[];
  readonly authorization: string | null;
  /** Wall time, epoch milliseconds. */
  readonly at: number;
  did?: string;
}

export interface Counterparty {
  readonly url: string;
  readonly port: number;
  /** Decides about each sending; default: done. */
  behave: (key: string, nth: number) => Behaviour;
  asked: (key: string) => AskedBehaviour;
  /** It knows keys it has seen and does not act twice on one. */
  recognisesKeys: boolean;
  /** Keys of rows it refuses. */
  refusedRows: Set<string>;
  /** Effects by key: the truth. */
  readonly effects: ReadonlyMap<string, number>;
  readonly rejected: ReadonlySet<string>;
  /** Taken in, result to come. */
  readonly pending: ReadonlySet<string>;
  readonly requests: readonly SeenRequest[];
  /** Finishes something it took in. */
  finish(key: string, how?: "completed" | "rejected"): void;
  /** A signed message about a key. */
  callback(
    tenantId: string,
    key: string,
    says: string,
    how?: { id?: string; at?: number; secret?: string },
  ): OutgoingCallback;
  /** The largest number of requests that were under way at once. */
  busiest(): number;
  /** Resolves when a request has come that answers the condition. */
  seen(what: (request: SeenRequest) => boolean): Promise<SeenRequest>;
  close(): Promise<void>;
}

export const callbackSecret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
export const apiToken = "token-of-billing";

/** Milliseconds a slow answer takes. */
const slowMs = 350;

export async function startCounterparty(): Promise<Counterparty> {
  const effects = new Map<string, number>();
  const hashes = new Map<string, string>();
  const rejected = new Set<string>();
  const pending = new Set<string>();
  const counts = new Map<string, number>();
  const requests: SeenRequest[] = [];
  const waiting: { what: (request: SeenRequest) => boolean; found: (request: SeenRequest) => void }[] = [];
  let underWay = 0;
  let busiest = 0;
  let messages = 0;

  const act = (key: string, rows: readonly string[]): void => {
    const keys = rows.length > 0 ? rows.filter((row) => !self.refusedRows.has(row)) : [key];
    for (const one of [...keys, ...(rows.length > 0 ? [key] : [])]) {
      if (self.recognisesKeys && effects.has(one)) continue;
      effects.set(one, (effects.get(one) ?? 0) + 1);
    }
    pending.delete(key);
  };
  const answer = (
    response: ServerResponse,
    status: number,
    body: unknown,
    headers: Record<string, string> = {},
  ): void => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
  const done = (key: string, rows: readonly string[]): object => ({
    status: "DONE",
    reference: `ext-${key}`,
    ...(rows.length === 0
      ? {}
      : { rows: rows.map((row) => ({ key: row, status: self.refusedRows.has(row) ? "E10" : "DONE" })) }),
  });

  function post(
    key: string,
    requestHash: string,
    rows: readonly string[],
    request: IncomingMessage,
    response: ServerResponse,
    seen: SeenRequest,
    validUntil: number,
  ): void {
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    if (
      self.recognisesKeys &&
      effects.has(key) &&
      rows.every((row) => effects.has(row) || self.refusedRows.has(row))
    ) {
      answer(response, 200, { ...done(key, rows), requestHash: hashes.get(key) });
      return;
    }
    // What lay in a queue past its time is not carried out: the sender may have gone on.
    if (Date.now() > validUntil) {
      answer(response, 503, { code: "E40", text: "too late" });
      return;
    }
    hashes.set(key, requestHash);
    const behaviour = self.behave(key, nth);
    seen.did = behaviour;
    switch (behaviour) {
      case "done":
        act(key, rows);
        answer(response, 200, done(key, rows));
        return;
      case "accept":
        pending.add(key);
        answer(response, 202, { status: "PENDING", reference: `ext-${key}` });
        return;
      case "reject":
        rejected.add(key);
        answer(response, 422, { code: "E10", text: "account closed" });
        return;
      case "silent":
      case "silent-done":
        if (behaviour === "silent-done") act(key, rows);
        return;
      case "drop":
      case "drop-done":
        if (behaviour === "drop-done") act(key, rows);
        request.socket.destroy();
        return;
      case "malformed-done":
        act(key, rows);
        answer(response, 200, '{"status": "DO');
        return;
      case "unauthorized":
        answer(response, 401, "");
        return;
      case "unmapped":
        answer(response, 409, { code: "E99", text: "moon in the wrong phase" });
        return;
      case "slow-done":
        setTimeout(() => {
          if (Date.now() > validUntil) return;
          act(key, rows);
          answer(response, 200, done(key, rows));
        }, slowMs).unref();
        return;
      case "throttle":
        answer(response, 429, { code: "E40", text: "slow down" }, { "retry-after": "1" });
        return;
      case "busy":
        answer(response, 503, { code: "E40", text: "busy" });
    }
  }

  function get(
    key: string,
    rows: readonly string[],
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    switch (self.asked(key)) {
      case "drop":
        request.socket.destroy();
        return;
      case "busy":
        answer(response, 503, { code: "E40", text: "busy" });
        return;
      case "malformed":
        answer(response, 200, "<html>");
        return;
      case "truth":
    }
    if (rows.length > 0) {
      const said = rows.map((row) => ({
        key: row,
        status: effects.has(row) ? "DONE" : self.refusedRows.has(row) && effects.has(key) ? "E10" : "NONE",
      }));
      answer(response, 200, { status: "PENDING", rows: said });
    } else if (effects.has(key)) answer(response, 200, { ...done(key, []), requestHash: hashes.get(key) });
    else if (rejected.has(key)) answer(response, 200, { code: "E10", text: "account closed" });
    else if (pending.has(key)) answer(response, 200, { status: "PENDING", reference: `ext-${key}` });
    else answer(response, 404, { status: "NONE" });
  }

  const server = createServer((request, response) => {
    underWay++;
    busiest = Math.max(busiest, underWay);
    let over = false;
    const leave = (): void => {
      if (!over) underWay--;
      over = true;
    };
    response.once("close", leave);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://counterparty");
      const body =
        chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>);
      const key = String(body.key ?? url.searchParams.get("key"));
      const rows = (body.rows as string[] | undefined) ?? url.searchParams.getAll("row");
      const seen: SeenRequest = {
        method: request.method ?? "",
        key,
        rows,
        messageId: (request.headers["message-id"] as string | undefined) ?? null,
        authorization: request.headers.authorization ?? null,
        at: Date.now(),
      };
      requests.push(seen);
      for (const one of waiting.splice(0)) {
        if (one.what(seen)) one.found(seen);
        else waiting.push(one);
      }
      if (seen.authorization !== `Bearer ${apiToken}`) answer(response, 401, "");
      else if (request.method === "POST")
        post(key, String(body.requestHash ?? ""), rows, request, response, seen, Number(body.validUntil));
      else get(key, rows, request, response);
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  const self: Counterparty = {
    url: `http://127.0.0.1:${port}`,
    port,
    behave: () => "done",
    asked: () => "truth",
    recognisesKeys: false,
    refusedRows: new Set(),
    effects,
    rejected,
    pending,
    requests,
    finish(key, how = "completed") {
      if (how === "completed") act(key, []);
      else rejected.add(key);
      pending.delete(key);
    },
    callback(tenantId, key, says, how = {}) {
      const id = how.id ?? `msg-${++messages}`;
      const timestamp = String(Math.floor((how.at ?? Date.now()) / 1_000));
      const rawBody = Buffer.from(JSON.stringify({ tenantId, key, status: says }));
      const secret = Buffer.from((how.secret ?? callbackSecret).slice(6), "base64");
      const signature = createHmac("sha256", secret)
        .update(`${id}.${timestamp}.`)
        .update(rawBody)
        .digest("base64");
      return {
        rawBody,
        headers: { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` },
      };
    },
    busiest: () => busiest,
    seen(what) {
      const earlier = requests.find(what);
      if (earlier !== undefined) return Promise.resolve(earlier);
      return new Promise((found) => waiting.push({ what, found }));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return self;
}
