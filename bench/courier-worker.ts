/** The process whose couriers are measured: one context, three counterparties. Spoken to by its environment and its end. */
import { startSystem } from "@entente/core";
import { courierSystem } from "./courier-system.ts";

const nobody = `{"ledger":"","fast":"","slow":""}`;
const { COURIER_ADMIN_URL = "", COURIER_SIMULATORS = nobody } = process.env;
const { definition, outside } = courierSystem(JSON.parse(COURIER_SIMULATORS));
const system = await startSystem({ definition, adminUrl: COURIER_ADMIN_URL, outside });
process.once("SIGTERM", () => void system.stop().then(() => process.exit(0)));
console.log("ready");
