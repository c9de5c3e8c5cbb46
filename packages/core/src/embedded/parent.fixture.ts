/**
 * A process that keeps an embedded server, to be killed by tests: `parent.fixture.ts <options as JSON>`.
 * Prints one JSON line when the server is ready, or with the failure; ends the server when its input closes.
 */
import { Failure } from "../model/failure.ts";
import { type EmbeddedPostgresOptions, startEmbeddedPostgres } from "./server.ts";

const say = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`);

try {
  const options = JSON.parse(process.argv[2] ?? "{}") as EmbeddedPostgresOptions;
  const server = await startEmbeddedPostgres(options);
  const { url, port, pid, adopted } = server;
  say({ parentPid: process.pid, url, port, pid, adopted });
  process.stdin.on("end", () => void server.stop()).resume();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  say({ parentPid: process.pid, code: error.code, message: error.message, fields: error.fields });
}
