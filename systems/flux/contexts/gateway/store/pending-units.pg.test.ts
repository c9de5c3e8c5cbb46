import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import type { Database } from "@entente/core";
import { ensurePartitions, openDatabase, provisionContext } from "@entente/core/internal";
import { laneOf, type Position } from "@entente/core/model";
import { testServer } from "@entente/testkit";
import { topUp } from "../contract/top-up.ts";
import { entriesRead, pendingUnits } from "./pending-units.ts";

const start: Position = { xid: "0", seq: "0" };
let database: Database;

before(async () => {
  const access = await provisionContext({
    system: `t_pending_${randomBytes(4).toString("hex")}`,
    context: "gateway",
    adminUrl: await testServer(),
  });
  database = openDatabase({ url: access.app, applicationName: "pending units test" });
  await ensurePartitions(database, Date.now());
});
after(() => database.close());

/** Stores so many commands of an account in one statement and returns their ids. */
async function accept(
  tenantId: string,
  accountId: string,
  count: number,
  units: number,
  type: string = topUp.type,
): Promise<string[]> {
  const rows = await database.execute<{ id: string }>(
    `insert into entente.journal (id, lane, kind, type, schema_version, source, target, tenant_id, key, process_id, correlation_id, occurred_at, data)
     select id, $1, 'command', $2, '1.0.0', 'gateway', 'subscription', $3, $4, id, id::text, now(), json_build_object('accountId', $4::text, 'units', $5::int)
     from (select uuidv7() as id from generate_series(1, $6::int)) n returning id`,
    [laneOf(tenantId, accountId), type, tenantId, accountId, units, count],
  );
  return rows.map(({ id }) => id);
}

async function end(tenantId: string, accountId: string, processId: string, state: string): Promise<void> {
  await database.execute(
    `insert into entente.process (process_id, tenant_id, type, key, state, steps, updated_at)
     values ($1, $2, 'top-up', $3, $4, '[]', now())`,
    [processId, tenantId, accountId, state],
  );
}

test("what an account has under way is the sum of its own top-ups that have not ended", async () => {
  const [confirmed, failed, processing] = (await accept("acme", "acct-1", 4, 5)) as [string, string, string];
  await accept("acme", neighbour("acme", "acct-1", "acct"), 3, 100);
  await accept(neighbour("acme", "acct-1", "other", true), "acct-1", 3, 100);
  await accept("acme", "acct-1", 1, 100, "flux.change-plan");
  await end("acme", "acct-1", confirmed, "confirmed");
  await end("acme", "acct-1", failed, "failed");
  await end("acme", "acct-1", processing, "processing");
  assert.deepEqual(await pendingUnits(database, "acme", "acct-1", start), { units: 10, atLeast: false });
});

test("what was consumed is not looked at", async () => {
  await accept("acme", "acct-3", 1, 5);
  const [last] = await database.execute<{ xid: string; seq: string }>(
    "select xid::text, seq::text from entente.journal order by xid desc, seq desc limit 1",
  );
  await accept("acme", "acct-3", 1, 7);
  assert.deepEqual(await pendingUnits(database, "acme", "acct-3", last ?? start), {
    units: 7,
    atLeast: false,
  });
});

test("in a long backlog the newest part of the lane is read, and the answer says that there may be more", async () => {
  const [old, both, crowd] = ["old", "both", "crowd"].map((name) => neighbour("long", "new", name)) as [
    string,
    string,
    string,
  ];
  await accept("long", old, 1, 11);
  await accept("long", both, 1, 13);
  await accept("long", crowd, 40_000, 1);
  await accept("long", both, 2, 17);
  await accept("long", "new", 3, 5);
  const read = (accountId: string) => pendingUnits(database, "long", accountId, start);
  assert.deepEqual(await read("new"), { units: 15, atLeast: true });
  assert.deepEqual(await read(both), { units: 34, atLeast: true });
  assert.deepEqual(await read(old), { units: 0, atLeast: true });
  assert.deepEqual(await read(crowd), { units: entriesRead - 5, atLeast: true });
});

test("a backlog shorter than what is read is known to its end; with one entry more its end is not seen", async () => {
  const [from] = await database.execute<{ xid: string; seq: string }>(
    "select pg_current_xact_id()::text as xid, '0' as seq",
  );
  const read = () => pendingUnits(database, "exact", "acct-1", from ?? start);
  await accept("exact", "acct-1", entriesRead - 1, 1);
  assert.deepEqual(await read(), { units: entriesRead - 1, atLeast: false });
  await accept("exact", "acct-1", 1, 1);
  assert.deepEqual(await read(), { units: entriesRead, atLeast: true });
});

/** The name of an account, or of a tenant with the same account, that shares the account's lane. */
function neighbour(tenantId: string, accountId: string, name: string, asTenant = false): string {
  for (let n = 0; ; n++) {
    const lane = asTenant ? laneOf(`${name}-${n}`, accountId) : laneOf(tenantId, `${name}-${n}`);
    if (lane === laneOf(tenantId, accountId) && `${name}-${n}` !== accountId) return `${name}-${n}`;
  }
}
