/** A process that resets connections while they end, and then has nothing left to do: it must be able to exit. */
import { connect, createServer } from "node:net";
import { startFaultProxy } from "./fault-proxy.ts";

const server = createServer((socket) => socket.on("error", () => undefined).on("data", () => socket.end()));
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as { port: number };
const proxy = await startFaultProxy({ target: { host: "127.0.0.1", port } });
await Promise.all(
  Array.from(
    { length: 200 },
    (_, i) =>
      new Promise<void>((resolve) => {
        const client = connect(proxy.port, "127.0.0.1", () => client.write("hello ".repeat(10)));
        client.on("error", () => undefined).on("close", () => resolve());
        client.on("end", () => {
          client.end();
          if (i % 10 === 0) proxy.resetAll();
        });
        client.resume();
      }),
  ),
);
await proxy.close();
server.close();
console.log("done");
