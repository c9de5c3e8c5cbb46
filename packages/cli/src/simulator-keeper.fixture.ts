/** A program that keeps a simulator and, when told to end, ends without a word to it. */
import { startSimulators } from "./simulators.ts";

const { running } = await startSimulators([{ name: "payments", port: 0 }], process.env, () => {});
console.log(`kept ${running.get("payments")?.url}`);
process.on("SIGTERM", () => process.exit(0));
