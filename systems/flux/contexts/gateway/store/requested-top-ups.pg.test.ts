import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import type { Database } from "@entente/core";
import { ensurePartitions, openDatabase, provisionContext } from "@entente/core/internal";
import { testServer } from "@entente/testkit";
import { hasUndecidedRequest, readUnendedRequests } from "./requested-top-ups.ts";

let database: Database;

before(async () => {
  const access = await provisionContext({
    system: `t_requested_${randomBytes(4).toString("hex")}`,
    context: "gateway",
    adminUrl: await testServer(),
    migrations: new URL("migrations/", import.meta.url),
  });
  database = openDatabase({ url: access.app, applicationName: "requested top-ups test" });
  await ensurePartitions(database, Date.now());
});
after(() => database.close());

async function accept(tenantId: string, accountId: string, target: string): Promise<string> {
  const [row] = await database.execute<{ id: string }>(
    `insert into entente.journal (id, lane, kind, type, schema_version, source, target, tenant_id, key, process_id, correlation_id, occurred_at, data)
     select id, 0, 'command', 'flux.top-up', '1.0.0', 'gateway', $1, $2, $3, id, id::text, now(), '{}' from (select uuidv7() as id) n
     returning id`,
    [target, tenantId, accountId],
  );
  assert.ok(row !== undefined);
  return row.id;
}

async function show(processId: string, state: string, outcome: string | null = null): Promise<void> {
  await database.execute(
    `insert into entente.process as p (process_id, tenant_id, type, key, state, steps, outcome, updated_at)
     values ($1, 'acme', 'top-up', 'a', $2, '[]', $3, now())
     on conflict (process_id) do update set state = excluded.state, outcome = excluded.outcome`,
    [processId, state, outcome],
  );
}

test("an account has an undecided request from its acceptance until it is debited or has failed", async () => {
  const isUndecided = (accountId = "acct-1", tenantId = "acme") =>
    hasUndecidedRequest(database, tenantId, accountId);
  assert.equal(await isUndecided(), false);
  await accept("acme", "acct-1", "subscription");
  assert.equal(await isUndecided(), false, "what crossed is no request");
  const first = await accept("acme", "acct-1", "request");
  assert.equal(await isUndecided(), true);
  await show(first, "processing");
  assert.equal(await isUndecided(), true, "recorded is not decided");
  const second = await accept("acme", "acct-1", "request");
  await show(first, "processing", '{"units": 1}');
  assert.equal(await isUndecided(), true, "the second is not");
  await show(second, "failed");
  assert.equal(await isUndecided(), false);
  await accept("acme", "acct-2", "request");
  await accept("other", "acct-1", "request");
  assert.deepEqual([await isUndecided(), await isUndecided("acct-2")], [false, true]);
});

test("a request that was debited is open until its process has ended; the oldest is named", async () => {
  const before = await readUnendedRequests(database);
  // The first of the test above is debited and not ended, and two more were never touched.
  assert.equal(before.count, 3);
  const { oldest } = before;
  assert.ok(oldest !== null);
  await show(oldest, "confirmed");
  const later = await readUnendedRequests(database);
  assert.equal(later.count, 2);
  assert.ok(later.oldest !== null && later.oldest > oldest);
});

test("the question asked for every top-up of the crossing is answered from the index of requests", async () => {
  const plan = await database.transaction(async (connection) => {
    await connection.execute("set local enable_seqscan = off");
    return connection.execute<{ "QUERY PLAN": string }>(
      "explain select from entente.journal j where j.target = 'request' and j.tenant_id = 'acme' and j.key = 'acct-1'",
    );
  });
  assert.match(
    plan.map((row) => row["QUERY PLAN"]).join("\n"),
    /Index.*_tenant_id_key_idx|journal_requested/,
  );
});
