import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, test } from "node:test";
import pg from "pg";
import { cloneDatabase, createTemplate } from "./database.ts";
import { testServer } from "./test-server.ts";

let server: string;
/** Templates outlive a test run on a server that does; a name of its own keeps each run's apart. */
const run = `run_${randomBytes(4).toString("hex")}`;

before(async () => {
  server = await testServer();
});

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const setup = (url: string) => query(url, "create table note as select 'made' as text").then(() => undefined);

async function removeTemplate(template: string): Promise<void> {
  await query(server, `alter database ${template} is_template false`);
  await query(server, `drop database ${template}`);
}

test("a clone has what the template has, and changes neither it nor other clones", async () => {
  const template = await createTemplate(server, `${run}_a`, setup);
  const [one, two] = [await cloneDatabase(server, template), await cloneDatabase(server, template)];
  await query(one.url, "update note set text = 'changed'");
  assert.deepStrictEqual(await query(two.url, "select * from note"), [{ text: "made" }]);
  const three = await cloneDatabase(server, template);
  assert.deepStrictEqual(await query(three.url, "select * from note"), [{ text: "made" }]);
  for (const clone of [one, two, three]) await clone.drop();
  await removeTemplate(template);
});

test("a template is made once per content", async () => {
  let made = 0;
  const counted = async (url: string) => {
    made++;
    await setup(url);
  };
  const first = await createTemplate(server, `${run}_b`, counted, { content: ["create table", "1"] });
  assert.equal(await createTemplate(server, `${run}_b`, counted, { content: ["create table", "1"] }), first);
  assert.equal(made, 1);
  const second = await createTemplate(server, `${run}_b`, counted, { content: ["create table", "2"] });
  assert.notEqual(second, first);
  assert.equal(made, 2);
  await removeTemplate(first);
  await removeTemplate(second);
});

test("of many who want the same template at once, one makes it and all can copy it", async () => {
  let made = 0;
  const counted = async (url: string) => {
    made++;
    await setup(url);
  };
  const clones = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const template = await createTemplate(server, `${run}_c`, counted);
      return { template, clone: await cloneDatabase(server, template) };
    }),
  );
  assert.equal(made, 1);
  for (const { clone } of clones) assert.equal((await query(clone.url, "select * from note")).length, 1);
  for (const { clone } of clones) await clone.drop();
  await removeTemplate(clones[0]!.template);
});

test("a template whose setup failed is made anew", async () => {
  const failing = async (url: string) => {
    await query(url, "create table half ()");
    throw new Error("planned");
  };
  await assert.rejects(createTemplate(server, `${run}_d`, failing, { content: "d" }), /planned/);
  const template = await createTemplate(server, `${run}_d`, setup, { content: "d" });
  const clone = await cloneDatabase(server, template);
  assert.deepStrictEqual(await query(clone.url, "select to_regclass('half')::text as half"), [
    { half: null },
  ]);
  await clone.drop();
  await removeTemplate(template);
});

test("a busy template is waited for", async () => {
  // A plain database as template; finished templates let nobody in.
  const plain = `${run}_busy`;
  await query(server, `create database ${plain}`);
  const busy = new pg.Client(server.replace(/\/[^/]*$/, `/${plain}`));
  await busy.connect();
  const cloning = cloneDatabase(server, plain);
  await untilWaiting(plain);
  await busy.end();
  const clone = await cloning;
  await clone.drop();
  await query(server, `drop database ${plain}`);
});

/** Waits, in steps of one query, until somebody is at copying that template. */
async function untilWaiting(template: string): Promise<void> {
  const sql = `select 1 from pg_stat_activity where query like 'create database%${template}%' and state = 'active' and pid <> pg_backend_pid()`;
  while ((await query(server, sql)).length === 0);
}

test("dropping cuts off sessions that are left, and again is harmless", async () => {
  const clone = await cloneDatabase(server, "template0");
  const left = new pg.Client(clone.url);
  const cut = new Promise((resolve) => left.on("error", resolve));
  await left.connect();
  await clone.drop();
  await cut;
  await clone.drop();
  await assert.rejects(query(clone.url, "select 1"), { code: "3D000" });
});

test("a name that PostgreSQL would fold, cut or refuse is refused", async () => {
  for (const name of ["", "Big", "1st", "with-dash", "x".repeat(41), 'a"b']) {
    await assert.rejects(createTemplate(server, name, setup), /not a template name/);
  }
});
