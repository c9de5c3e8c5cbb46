import { createHash } from "node:crypto";
import { once } from "node:events";
import { realpathSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Another program has the state in this folder. */
export class StateHeld extends Error {}

/**
 * Holds a simulator's state in a folder for this program, until the returned function is called or the program ends, however it ends: a socket
 * that nobody listens to any more is nobody's. Errors: StateHeld.
 */
export async function holdFolder(folder: string, name: string): Promise<() => Promise<void>> {
  const place = createHash("sha256")
    .update(`${realpathSync(folder)} ${name}`)
    .digest("hex")
    .slice(0, 32);
  // Not in the folder: the address of a socket has a hundred characters.
  const address = join(tmpdir(), `entente-simulator-${place}.sock`);
  if (await isListened(address)) throw new StateHeld(folder);
  rmSync(address, { force: true });
  const server = createServer((socket) => socket.destroy());
  server.unref();
  server.listen(address);
  await once(server, "listening");
  return async () => {
    server.close();
    await once(server, "close");
  };
}

function isListened(address: string): Promise<boolean> {
  const socket = connect(address);
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}
