/** The loopback port of the server: chosen once, remembered, and kept while it is free. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { Failure } from "../model/failure.ts";
import { readPrivateFile, writePrivateFile } from "./home-folder.ts";

export const loopback = "127.0.0.1";

/**
 * Below the range from which systems draw the ports of outgoing connections (Linux from 32768, others from
 * 49152). Inside it another program's connection could hold our port at a restart, and a client that keeps
 * trying while the server is down can even connect to itself.
 */
const firstPort = 20_000;
const lastPort = 32_767;

/**
 * The port kept in `file` if it is free, otherwise a free one, then kept there.
 * Another program may still take it before the server does; the caller asks again then.
 */
export async function choosePort(file: string): Promise<number> {
  const kept = Number(await readPrivateFile(file));
  if (Number.isInteger(kept) && kept >= 1024 && kept <= 65_535 && (await isFree(kept))) return kept;
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(firstPort, lastPort + 1);
    if (!(await isFree(port))) continue;
    await writePrivateFile(file, `${port}\n`);
    return port;
  }
  throw new Failure(
    "unavailable",
    "postgres-did-not-start",
    `No free port was found on ${loopback} between ${firstPort} and ${lastPort}. Check that this process may listen there.`,
  );
}

/** True when a server could listen on the port now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: loopback, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
