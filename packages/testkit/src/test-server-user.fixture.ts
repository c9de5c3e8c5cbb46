/** A test process that uses the test server and says `used <postmaster pid> <data folder>`; then it hangs, or ends if told `ends`. */
import pg from "pg";
import { testServer } from "./test-server.ts";

const [url, again] = await Promise.all([testServer(), testServer()]);
if (url !== again) throw new Error("one process has started two servers");
const client = new pg.Client(url);
await client.connect();
const { rows } = await client.query<{ folder: string; version: number }>(
  "select current_setting('data_directory') as folder, current_setting('server_version_num')::int / 10000 as version",
);
await client.end();
console.log(`used ${rows[0]?.folder} version ${rows[0]?.version}`);
if (process.argv[2] !== "ends") setInterval(() => {}, 1_000_000);
