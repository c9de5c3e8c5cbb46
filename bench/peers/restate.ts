/**
 * Restate: a virtual object per account, `/restate/send` with an idempotency key, this process serving the handlers.
 * The load goes straight to the server's ingress, which is faster than our edge in front of it and checks no token;
 * BENCH_EDGE=1 puts the edge in front. Journals are not kept after completion (they are for inspection only).
 *
 * Tuned (default): the handler debits without `ctx.run`, which saves a journal entry per command and is safe only
 * because the ledger refuses a second debit; handlers that run at the same time share a transaction.
 * As documented: `ctx.run` around the debit of one command.
 */
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { createEndpointHandler, type ObjectContext, object } from "@restatedev/restate-sdk";
import pg from "pg";
import { edge } from "./edge.ts";
import { asDocumented, type Command, databaseUrl, poolSize, run, type TopUp } from "./job.ts";
import { debiting, prepare, stateOf } from "./ledger.ts";
import { startRestate } from "./restate-server.ts";

const pool = new pg.Pool({ connectionString: databaseUrl, max: poolSize });
await prepare(pool);
const debit = debiting(pool);

const account = object({
  name: "Account",
  handlers: {
    topUp: async (ctx: ObjectContext, body: TopUp): Promise<void> => {
      // The server keeps the idempotency key to itself, so the key travels in a second header.
      const id = ctx.request().headers.get("x-command-id");
      if (id === undefined) throw new Error("x-command-id is missing");
      if (asDocumented) await ctx.run("debit", () => debit({ ...body, id }));
      else await debit({ ...body, id });
    },
  },
  // After an outage of the handlers' process they are tried again at least every half second.
  options: { retryPolicy: { initialInterval: 50, maxInterval: 500 }, journalRetention: 0 },
});

const handler = createEndpointHandler({ services: [account], logger: () => {} });
const sessions = new Set<ServerHttp2Session>();
let server = createServer();

async function serve(port: number): Promise<number> {
  server = createServer(handler);
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const port = await serve(0);
const restate = await startRestate(process.env.BENCH_FOLDER ?? ".", `http://127.0.0.1:${port}`);

const agent = new Agent({ keepAlive: true });

/** What our edge does when it fronts the server. Not `fetch`: it trebled the accept latency at 200 commands/s. */
async function forward({ id, ...body }: Command): Promise<void> {
  const text = JSON.stringify(body);
  const sent = request(`${restate.ingress}/restate/send/Account/${body.accountId}/topUp`, {
    method: "POST",
    agent,
    headers: {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      "idempotency-key": id,
      "x-command-id": id,
    },
  });
  sent.end(text);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  answer.resume();
  if (answer.statusCode !== 202) throw new Error(`the ingress answered ${answer.statusCode}`);
}

const direct = {
  url: restate.ingress,
  wire: {
    submit: "/restate/send/Account/{accountId}/topUp",
    id: "invocationId",
    state: "/restate/output/{id}",
    confirmed: "200",
    keyHeaders: ["idempotency-key", "x-command-id"],
  },
};
const { url, wire } =
  process.env.BENCH_EDGE === "1" ? await edge(forward, (id) => stateOf(pool, id)) : direct;

await run({
  url,
  wire,
  pause: async () => {
    const closed = once(server, "close");
    server.close();
    for (const session of sessions) session.destroy();
    await closed;
  },
  resume: async () => {
    await serve(port);
  },
  stop: async () => {
    await restate.stop();
    await pool.end();
  },
});
