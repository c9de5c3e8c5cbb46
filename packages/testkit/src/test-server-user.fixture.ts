/**
 * A test process that uses the test server and says `used <data folder> version <number>, <databases and roles of others> left`; then it
 * hangs, or ends if told `ends`. Told `litters`, it leaves a database, a role and a session in it.
 */
import pg from "pg";
import { testServer } from "./test-server.ts";

const [url, again] = await Promise.all([testServer(), testServer()]);
if (url !== again) throw new Error("one process has started two servers");
const client = new pg.Client(url);
await client.connect();
const { rows } = await client.query<{ folder: string; version: number; left: number }>(
  `select current_setting('data_directory') as folder, current_setting('server_version_num')::int / 10000 as version,
    ((select count(*) from pg_database where not datistemplate and datname <> 'postgres')
      + (select count(*) from pg_roles where not rolsuper and rolname !~ '^pg_'))::int as left`,
);
const [said] = rows;
const ending = process.argv[2];
if (ending === "litters") {
  await client.query("create role litter");
  await client.query("create database litter owner litter");
  const session = new pg.Client({ connectionString: url, database: "litter" });
  await session.connect();
  await session.query("begin; create table litter ()");
}
await client.end();
console.log(`used ${said?.folder} version ${said?.version}, ${said?.left} left`);
if (ending !== "ends") setInterval(() => {}, 1_000_000);
