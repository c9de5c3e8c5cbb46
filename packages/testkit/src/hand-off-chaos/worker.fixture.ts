/**
 * A process that works for the shop: its treaties, and a door for callbacks. Started, stopped and killed by the scenario.
 * SIGUSR2 stops it like a machine that is suspended, in the middle of its sendings, but with no byte of a posting on its way: a ledger
 * that recognizes no repeat cannot be protected from a request that was written before the stop and leaves after it
 * (docs/decisions/0009-treaties-and-hand-offs.md).
 */
import { createServer } from "node:http";
import { startSystem } from "@entente/core";
import { shopSystem } from "./shop-system.fixture.ts";

const environment = process.env as Readonly<Record<string, string>>;
const { CHAOS_NAME = "", CHAOS_ADMIN_URL = "", CHAOS_DOOR_PORT = "", CHAOS_DIE_AT = "" } = environment;

/** Milliseconds after which it stops even with nothing to do. */
const patienceMs = 2_000;
let leaving = 0;
let underWay = 0;
let shallStop = false;
function stop(): void {
  if (!shallStop || leaving > 0) return;
  shallStop = false;
  console.log("stopping");
  process.kill(process.pid, "SIGSTOP");
}
process.on("SIGUSR2", () => {
  shallStop = true;
  setInterval(stop, patienceMs).unref();
});

const [diesAt = "", times = "1"] = CHAOS_DIE_AT.split("@");
let passes = Number(times);
const { definition, outside } = shopSystem({
  name: CHAOS_NAME,
  paymentsUrl: environment.CHAOS_PAYMENTS_URL ?? "",
  ledgerUrl: environment.CHAOS_LEDGER_URL ?? "",
  callbackSecret: environment.CHAOS_CALLBACK_SECRET ?? "",
  leaving(on) {
    leaving += on ? 1 : -1;
  },
});
const system = await startSystem({
  definition,
  adminUrl: CHAOS_ADMIN_URL,
  settings: { leaseMs: 1_000 },
  outside,
  probe(point) {
    if (point === "courier:before-send") underWay++;
    if (point === "courier:answered") underWay--;
    if (underWay > 1) stop();
    if (point === diesAt && --passes === 0) process.kill(process.pid, "SIGKILL");
  },
});

const door = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("error", () => {});
  request.on("end", () => {
    system.treaties
      .receiveCallback("payments-take", request.headers, Buffer.concat(chunks), "127.0.0.1")
      .then(
        (receipt) => response.writeHead(receipt.outcome === "refused" ? 401 : 200).end(),
        // Nothing was stored: the sender is to come again.
        () => response.writeHead(503).end(),
      );
  });
});
door.listen(Number(CHAOS_DOOR_PORT), "127.0.0.1", () => console.log("ready"));
