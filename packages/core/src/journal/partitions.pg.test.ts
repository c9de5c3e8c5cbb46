import assert from "node:assert/strict";
import { before, test } from "node:test";
import { firstIdAt } from "../model/id.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import { databaseOf, openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { appendEntries } from "./append.ts";
import { ensurePartitions, monthStart } from "./partitions.ts";

const bed = await openTestBed();
const name = bed.newName();
let stage: Stage;

before(async () => {
  stage = await bed.stage(bank(name));
});

const day = 86_400_000;
const at = (text: string) => Date.parse(`${text}Z`);

async function partitions(system: string, context: string): Promise<string[]> {
  const rows = await bed.sql<{ name: string }>(
    system,
    context,
    "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'entente.journal'::regclass order by 1",
  );
  return rows.map((row) => row.name.slice(-7));
}

async function partitionOf(system: string, context: string, id: string): Promise<string | undefined> {
  const rows = await bed.sql<{ name: string }>(
    system,
    context,
    "select tableoid::regclass::text as name from entente.journal where id = $1",
    [id],
  );
  return rows[0]?.name.slice(-7);
}

test("months begin in UTC, whatever the month before was like", () => {
  assert.equal(monthStart(at("2028-02-29T23:59:59.999")), at("2028-02-01T00:00"));
  assert.equal(monthStart(at("2027-12-31T23:59:59.999"), 1), at("2028-01-01T00:00"));
  assert.equal(monthStart(at("2028-01-31T00:00"), -1), at("2027-12-01T00:00"));
  assert.equal(monthStart(at("2028-01-31T00:00"), 13), at("2029-02-01T00:00"));
});

test("the journal takes entries of the month and of the next, and makes each partition once", async () => {
  const ledger = stage.database("ledger");
  await ensurePartitions(ledger, at("2031-12-15T12:00"));
  await ensurePartitions(ledger, at("2031-12-31T12:00"));
  assert.deepEqual(
    (await partitions(name, "ledger")).filter((month) => month > "2031" && month < "2033"),
    ["2031_12", "2032_01"],
  );
});

test("an entry lies in the partition of its id's month, on both sides of midnight", async () => {
  const ledger = stage.database("ledger");
  const midnight = at("2032-01-01T00:00");
  const [last, first] = [fact({}, midnight - 1), fact({}, midnight)];
  const smallest = fact({ id: firstIdAt(midnight) });
  await appendEntries(ledger, [last, first, smallest]);
  assert.equal(await partitionOf(name, "ledger", last.id), "2031_12");
  assert.equal(await partitionOf(name, "ledger", first.id), "2032_01");
  assert.equal(await partitionOf(name, "ledger", smallest.id), "2032_01");
});

test("many processes may make the same month at once", async () => {
  const ledger = stage.database("ledger");
  await Promise.all(Array.from({ length: 20 }, () => ensurePartitions(ledger, at("2041-05-05T00:00"))));
  assert.equal((await partitions(name, "ledger")).filter((month) => month.startsWith("2041")).length, 2);
});

test("an entry of a month without a partition is refused as such, and its whole batch with it", async () => {
  const ledger = stage.database("ledger");
  const here = fact();
  await assert.rejects(appendEntries(ledger, [here, fact({}, at("2019-01-01T00:00"))]), {
    code: "partition-missing",
    kind: "unavailable",
  });
  assert.equal(await partitionOf(name, "ledger", here.id), undefined);
});

test("a process that runs into a month nobody prepared accepts and decides in it", async () => {
  let now = at("2033-01-30T12:00");
  const system = bed.newName();
  const { system: running, happenings } = await bed.start(bank(system), { wallClock: () => now });
  now += 200 * day;
  const { processId } = await running.accept(submission("deposit", "a-1", { amount: 5 }));
  await happenings.until("the deposit is confirmed", async () => {
    return (await running.processes.read("acme", processId))?.state === "confirmed";
  });
  assert.equal(await partitionOf(system, "front", processId), "2033_08");
});

test("months are prepared while the process runs, so that operators can act and timers fire in them", async () => {
  let now = at("2034-01-30T12:00");
  const system = bed.newName();
  const { system: running, happenings } = await bed.start(bank(system), { wallClock: () => now });
  await running.accept(submission("remind", "a-1", { name: "later", dueAt: now + 150 * day }));
  await happenings.heard("batch", (event) => event.consumer === "account");
  now += 200 * day;
  await happenings.until("the reminder has rung", async () => {
    const rung = await bed.sql(
      system,
      "ledger",
      "select 1 from entente.journal where type = 'bank.reminder-rung'",
    );
    return rung.length === 1;
  });
  await running.setPaused("ledger", true, { tenantId: "acme", by: "ann", why: "maintenance" });
  assert.equal(running.working.find((context) => context.name === "ledger")?.paused(), true);
});

test("effects of commands that lie months back are written into the month of their cause", async () => {
  let now = at("2035-01-10T12:00");
  const wallClock = () => now;
  const system = bed.newName();
  // The ledger exists from today on; the front has accepted for months before.
  const front = await bed.start(bank(system), { run: ["front"], wallClock });
  const early = await front.system.accept(submission("deposit", "a-1", { amount: 1 }));
  now += 60 * day;
  const middle = await front.system.accept(submission("deposit", "a-2", { amount: 2 }));
  await front.system.stop();
  now += 150 * day;
  const { system: running, happenings } = await bed.start(bank(system), { wallClock });
  for (const { processId } of [early, middle]) {
    await happenings.until("confirmed", async () => {
      return (await running.processes.read("acme", processId))?.state === "confirmed";
    });
  }
  const facts = await bed.sql<{ id: string }>(
    system,
    "ledger",
    "select id from entente.journal where type = 'bank.deposited' order by id",
  );
  const months = await Promise.all(facts.map((row) => partitionOf(system, "ledger", row.id)));
  assert.deepEqual(months, ["2035_01", "2035_03"]);
  assert.equal((await databaseOf(running, "ledger").execute("select 1 from entente.parked")).length, 0);
});

test("a command that lies months back and cannot be executed is parked in the month of its cause", async () => {
  let now = at("2036-01-10T12:00");
  const wallClock = () => now;
  const system = bed.newName();
  const front = await bed.start(bank(system), { run: ["front"], wallClock });
  const { processId } = await front.system.accept(submission("deposit", "a-1", { amount: 1, mark: "x" }));
  await front.system.stop();
  now += 200 * day;
  const { happenings } = await bed.start(bank(system, new Set(["x"])), {
    wallClock,
    settings: { retryAttempts: 2, retryFirstMs: 10 },
  });
  const parked = await happenings.heard("parked");
  assert.equal(parked.processId, processId);
});
