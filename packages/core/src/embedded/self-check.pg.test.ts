import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import pg from "pg";
import { checkServerSettings } from "./self-check.ts";
import { startServer, temporaryHome } from "./test-home.fixture.ts";

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  return client;
}

test("a server as we start it passes, and a session that commits without waiting does not", async (t) => {
  const server = await startServer(t, { home: await temporaryHome(t) });
  const client = await connected(server.url);
  await checkServerSettings(client, []);
  await client.query("set synchronous_commit = local");
  await checkServerSettings(client, []);
  await client.query("set synchronous_commit = off");
  await assert.rejects(checkServerSettings(client, []), {
    code: "weak-durability",
    fields: { settings: ["synchronous_commit=off"] },
  });
  await client.end();
  await server.stop();
});

test("each weak setting is refused unless it is allowed by name, and a standby always", async (t) => {
  const home = await temporaryHome(t);
  const settings = {
    fsync: "off",
    full_page_writes: "off",
    synchronous_commit: "local",
    synchronous_standby_names: "elsewhere",
  };
  const weak = await startServer(t, { home, settings });
  let client = await connected(weak.url);
  const found = ["fsync=off", "full_page_writes=off", "synchronous_commit=local"];
  await assert.rejects(checkServerSettings(client, []), {
    code: "weak-durability",
    fields: { settings: found },
  });
  await assert.rejects(checkServerSettings(client, ["fsync", "synchronous_commit"]), {
    fields: { settings: ["full_page_writes=off"] },
  });
  await checkServerSettings(client, ["fsync", "full_page_writes", "synchronous_commit"]);
  await client.end();
  await weak.stop();

  await writeFile(path.join(home, "postgres/data/standby.signal"), "");
  const standby = await startServer(t, { home });
  client = await connected(standby.url);
  await assert.rejects(checkServerSettings(client, []), { code: "postgres-read-only" });
  await client.end();
  await standby.stop();
});

test("an older major version and missing checksums are refused", async () => {
  // No such server can be started from our package: this one stands in with its answer.
  const row = {
    version: "17.9",
    version_number: 179_999,
    read_only: false,
    fsync: "on",
    full_page_writes: "on",
    synchronous_commit: "on",
    data_checksums: "off",
    standbys: "",
  };
  const answering = (answer: object) => ({ query: async () => ({ rows: [answer] }) }) as unknown as pg.Client;
  await assert.rejects(checkServerSettings(answering(row), []), { code: "postgres-too-old" });
  await assert.rejects(checkServerSettings(answering({ ...row, version_number: 180_000 }), []), {
    fields: { settings: ["data_checksums=off"] },
  });
});
