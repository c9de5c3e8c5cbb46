import assert from "node:assert/strict";
import { test } from "node:test";
import { ensurePartitions } from "../journal/partitions.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import { openExpiry } from "./expiry.ts";
import { type Acceptance, openIntake } from "./intake.ts";

const bed = await openTestBed();
const act = { tenantId: "acme", by: "ann", why: "drill" };
const day = 86_400_000;
const at = (text: string) => Date.parse(`${text}Z`);

type Accepted = Extract<Acceptance, { outcome: "accepted" }>;

const keys = async (name: string) =>
  (
    await bed.sql<{ at: Date }>(name, "front", "select accepted_at as at from entente.idempotency order by 1")
  ).map((row) => row.at.getTime());

const months = async (name: string) =>
  (
    await bed.sql<{ month: string }>(
      name,
      "front",
      "select right(c.relname, 7) as month from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'entente.journal'::regclass order by 1",
    )
  ).map((row) => row.month);

test("an idempotency key is forgotten after 90 days of business time, and not a millisecond before", async () => {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const moment = at("2026-01-15T12:00");
  let now = moment;
  const intake = openIntake({
    context: "front",
    database: stage.database("front"),
    clock: { now: () => now },
    onAccepted: () => {},
    random: () => 0.5,
  });
  const said = (n: number) => submission("deposit", "a-1", { amount: 1 }, { idempotencyKey: `k-${n}` });
  for (const offset of [-1, 0, 1]) {
    now = moment + offset;
    await intake.accept(said(offset));
  }
  await openExpiry(stage.database("front"), 90).turn(moment + 90 * day);
  assert.deepEqual(await keys(name), [moment, moment + 1]);
  assert.equal((await intake.accept(said(0))).outcome, "repeated");
  assert.equal((await intake.accept(said(-1))).outcome, "accepted");
  await intake.close();
});

test("keys are walked in bounded slices, and however many there are all that are due go", async () => {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const now = at("2026-06-01T00:00");
  await stage.database("front").execute(
    `insert into entente.idempotency (tenant_id, key_hash, payload_hash, process_id, accepted_at)
     select repeat('wide', 400) || n, md5(n::text)::uuid, md5(n::text)::uuid, uuidv7(),
       to_timestamp($1::float8 / 1000) - case when n % 3 = 0 then interval '91 days' else interval '89 days' end
     from generate_series(1, 9000) n`,
    [now],
  );
  const expiry = openExpiry(stage.database("front"), 90);
  let turns = 0;
  for (let left = 9_000; left > 6_000; turns++) {
    await expiry.turn(now);
    left = (await keys(name)).length;
    assert.ok(turns < 20);
  }
  assert.ok(turns > 1, "in more than one slice");
  assert.equal((await keys(name)).length, 6_000);
});

test("raw commands go by whole months, 90 days after the month has ended by business time, with everything they led to kept", async () => {
  const name = bed.newName();
  const start = at("2030-01-10T12:00");
  const { system, happenings } = await bed.start(bank(name));
  await system.setClock(start);
  // A month before, that goes as soon as anything may go.
  await ensurePartitions(databaseOf(system, "front"), at("2029-12-15T12:00"));
  const { processId, acceptedAt } = (await system.accept(
    submission("deposit", "a-1", { amount: 5 }),
  )) as Accepted;
  const confirmed = async () => (await system.processes.read("acme", processId))?.state === "confirmed";
  await happenings.until("confirmed", confirmed);
  // January has ended on 1 February; 90 days later it is 2 May.
  await system.setClock(at("2030-05-01T23:00"));
  await happenings.until("December is gone", async () => !(await months(name)).includes("2029_12"));
  assert.ok((await months(name)).includes("2030_01"));
  await system.setClock(at("2030-05-02T00:00"));
  await happenings.until("January is gone", async () => !(await months(name)).includes("2030_01"));
  assert.deepEqual(
    await bed.sql(name, "front", "select 1 from entente.journal where id = $1", [processId]),
    [],
  );
  assert.ok(await confirmed(), "the process outlives its raw command");
  assert.equal((await system.processes.read("acme", processId))?.acceptedAt, acceptedAt);
  const facts = await bed.sql(name, "ledger", "select 1 from entente.journal where process_id = $1", [
    processId,
  ]);
  assert.equal(facts.length, 1, "facts are kept");
});

test("a month with an open command is kept until that command has ended", async () => {
  const name = bed.newName();
  const start = at("2030-01-10T12:00");
  // What is read a moment later than it is looked for is looked for again soon.
  const { system, happenings } = await bed.start(bank(name), { settings: { retentionRetryMs: 50 } });
  await system.setClock(start);
  // A month before, that goes as soon as anything may go.
  await ensurePartitions(databaseOf(system, "front"), at("2029-12-15T12:00"));
  const first = await system.accept(submission("deposit", "a-1", { amount: 5 }));
  await happenings.until(
    "confirmed",
    async () => (await system.processes.read("acme", first.processId))?.state === "confirmed",
  );
  assert.ok((await months(name)).includes("2029_12"));
  await system.setPaused("ledger", true, act);
  const open = await system.accept(submission("deposit", "a-1", { amount: 1 }));
  await system.setClock(at("2030-06-15T12:00"));
  await happenings.until("the keys are forgotten", async () => (await keys(name)).length === 0);
  // The empty months around it have gone with the same walk.
  await happenings.until("December is gone", async () => !(await months(name)).includes("2029_12"));
  assert.ok((await months(name)).includes("2030_01"));
  assert.equal((await system.processes.read("acme", open.processId))?.state ?? "queued", "queued");
  await system.setPaused("ledger", false, act);
  await happenings.until(
    "it is decided",
    async () => (await system.processes.read("acme", open.processId))?.state === "confirmed",
  );
  await system.setClock(at("2030-06-16T12:00"));
  await happenings.until("January is gone", async () => !(await months(name)).includes("2030_01"));
});

test("evidence does not expire as raw intake does, however late it is", async () => {
  const name = bed.newName();
  const { system, happenings } = await bed.start(bank(name));
  const { processId } = await system.accept(submission("deposit", "a-1", { amount: 5 }));
  await happenings.until(
    "confirmed",
    async () => (await system.processes.read("acme", processId))?.state === "confirmed",
  );
  await system.setClock(at("2037-01-10T12:00"));
  const dropped = await bed.sql(
    name,
    "ledger",
    "select entente.expire_intake('{}', '{}', '{}', '{}') as dropped",
  );
  assert.deepEqual(dropped, [{ dropped: [] }]);
  assert.equal((await bed.sql(name, "ledger", "select 1 from entente.journal")).length, 1);
});
