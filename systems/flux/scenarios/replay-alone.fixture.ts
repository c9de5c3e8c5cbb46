/** Replays a bundle where there is no clock to read; started without permission to reach a network. Prints what came of it. */
import { createConnection } from "node:net";
import { noteVerifier, replayBundle } from "@entente/core/internal";
import { fluxReplay } from "../app/flux.ts";

const [folder = "", key = ""] = process.argv.slice(2);
const verifier = noteVerifier(key);
if (verifier === null) throw new Error("not a key");
const network = await new Promise<string>((resolve) => {
  try {
    createConnection(9, "127.0.0.1").on("error", (error: NodeJS.ErrnoException) =>
      resolve(String(error.code)),
    );
  } catch (error) {
    resolve(String((error as NodeJS.ErrnoException).code));
  }
});
const noClock = (): never => {
  throw new Error("replay read a clock");
};
Date.now = noClock;
performance.now = noClock;
process.hrtime.bigint = noClock;
globalThis.Date = new Proxy(Date, {
  construct: (target, args) => (args.length === 0 ? noClock() : Reflect.construct(target, args)),
});
const { rebuilt, findings, outcomes, bundle } = await replayBundle(folder, { verifier }, fluxReplay);
const digests = Object.fromEntries(rebuilt.map(({ what, id, digest }) => [`${what} ${id}`, digest]));
console.log(JSON.stringify({ network, digests, findings, outcomes, bundle: bundle.findings }));
