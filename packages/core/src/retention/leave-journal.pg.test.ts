/** A month of evidence on its way out: what keeps it, and what a crash at each point leaves. */
import assert from "node:assert/strict";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withAudit } from "../context/with-audit.ts";
import { Failure } from "../model/failure.ts";
import { bank } from "../testing/bank.fixture.ts";
import {
  actsOf,
  agedMonth,
  at,
  deposited,
  holdsOfMonth,
  monthsOf,
  retentionBed,
} from "../testing/retention.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { verifyArchive } from "./verify-archive.ts";

const bed = await openTestBed();
const act = { tenantId: "acme", by: "ann", why: "the contract ended", month: "2030-01" };

async function stateOf(name: string): Promise<string | undefined> {
  const [row] = await bed.sql<{ state: string }>(
    name,
    "ledger",
    "select state from entente.leaving_month where month = '2030-01-01'",
  );
  return row?.state;
}

const stops = [
  { point: "detached", state: "detached" },
  { point: "archived", state: "detached" },
  { point: "recorded", state: "archived" },
];

/** The walk over the ledger's months stands where it has written down the archive of January 2030. */
async function walkParked(name: string) {
  const scene = await retentionBed(bed);
  const { system, happenings } = await agedMonth(scene, withAudit(bank(name)));
  const there = happenings.park("retention-ledger:recorded");
  await system.setClock(at("2037-02-01T00:00"));
  await there.reached;
  return { scene, system, happenings, there };
}

/** As the server does when a program is gone. */
async function loseSession(name: string): Promise<void> {
  await bed.sql(
    name,
    "ledger",
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and pid <> pg_backend_pid()
       and database = (select oid from pg_database where datname = current_database())`,
  );
}

for (const { point, state } of stops) {
  test(`a program that dies right after the month was ${point} loses nothing: another brings it to its end`, async () => {
    const name = bed.newName();
    const scene = await retentionBed(bed);
    const { system, happenings } = await agedMonth(scene, withAudit(bank(name)));
    const there = happenings.park(`retention-ledger:${point}`);
    try {
      await system.setClock(at("2037-02-01T00:00"));
      await there.reached;
      assert.equal(await stateOf(name), state);
      assert.equal((await bed.sql(name, "ledger", "select 1 from entente.leaving_2030_01")).length, 1);
      await loseSession(name);
      const next = await scene.start(withAudit(bank(name)));
      await next.happenings.until("the month is gone", async () => (await stateOf(name)) === "dropped");
    } finally {
      // The other was only asleep: it finds its work done, and changes nothing.
      there.release();
    }
    await system.stop();
    const told = await actsOf(bed, name, "ledger", "entente.month-archived");
    assert.equal(told.length, 1, "told once");
    const [{ file, digest, entries } = {}] = told;
    const report = await verifyArchive(join(scene.archives, String(file)), { digest: String(digest) });
    assert.deepEqual([report.findings, report.entries, report.proved, entries], [[], 1, 1, 1]);
    assert.ok(!(await monthsOf(bed, name, "ledger")).includes("2030-01"));
  });
}

test("an archive that is lost before its month was dropped is written again, and the month dropped only then", async () => {
  const name = bed.newName();
  const { scene, happenings, there } = await walkParked(name);
  const [{ file } = {}] = await actsOf(bed, name, "ledger", "entente.month-archived");
  await rm(join(scene.archives, String(file)));
  there.release();
  await happenings.until("the month is gone", async () => (await stateOf(name)) === "dropped");
  const [row] = await bed.sql<{ file: string; digest: string }>(
    name,
    "ledger",
    "select file, digest from entente.leaving_month where month = '2030-01-01'",
  );
  const report = await verifyArchive(join(scene.archives, String(row?.file)), {
    digest: String(row?.digest),
  });
  assert.deepEqual([report.findings, report.proved], [[], 1]);
});

test("a month is kept as long as anybody needs it, says what for, and leaves once nobody does", async () => {
  const name = bed.newName();
  const scene = await retentionBed(bed);
  const { system, happenings, processId } = await agedMonth(scene, withAudit(bank(name)));
  const open = `${processId.slice(0, 24)}000000000001`;
  await bed.sql(
    name,
    "front",
    `insert into entente.process (process_id, tenant_id, type, key, state, steps, updated_at)
     values ($1, 'acme', 'deposit', 'a-1', 'processing', '[]', now())`,
    [open],
  );
  await bed.sql(
    name,
    "audit",
    `insert into entente.parked (consumer, entry_id, journal, lane, xid, seq, tenant_id, key, process_id, type, entry, state, policy)
     values ('audit-log', $1, 'ledger', 0, '1', 1, 'acme', 'a-1', $1, 'bank.deposited', '{}', 'parked', 'hold-key')`,
    [open],
  );
  await system.setClock(at("2037-02-01T00:00"));
  await happenings.heard(
    "stopped",
    (event) => event.consumer === "retention of ledger" && event.text.includes("entry-set-aside"),
  );
  const both = ["entry-set-aside", "process-open"];
  await happenings.until("these are all that keep it", async () => {
    return (await holdsOfMonth(system, "ledger")).toSorted().join() === both.join();
  });
  await assert.rejects(system.retention.deleteMonth("ledger", act), (error: unknown) => {
    assert.ok(error instanceof Failure && error.code === "month-held");
    assert.deepEqual([...(error.fields.holds as string[])].sort(), both);
    return true;
  });
  const [refused] = await actsOf(bed, name, "ledger", "entente.deletion-refused");
  assert.deepEqual([refused?.by, refused?.refusal, refused?.why], ["ann", "month-held", act.why]);
  await bed.sql(name, "audit", "update entente.parked set state = 'discarded' where entry_id = $1", [open]);
  await bed.sql(name, "front", "update entente.process set state = 'failed' where process_id = $1", [open]);
  await happenings.until("the month is gone", async () => (await stateOf(name)) === "dropped");
});

test("a person who asks while the daily walk is at it gets the answer that holds after it", async () => {
  const name = bed.newName();
  const { system, happenings, there } = await walkParked(name);
  const asked = system.retention.deleteMonth("ledger", act);
  await happenings.until("the request waits for the walk", async () => {
    const [waiting] = await bed.sql<{ there: boolean }>(
      name,
      "ledger",
      "select exists (select from pg_locks where locktype = 'advisory' and not granted) as there",
    );
    return waiting?.there === true;
  });
  there.release();
  await asked;
  assert.equal(await stateOf(name), "dropped");
  assert.deepEqual(await actsOf(bed, name, "ledger", "entente.deletion-refused"), []);
});

test("a person who asks while a walk takes longer than ten seconds is told so, and nothing was deleted by the request", async () => {
  const name = bed.newName();
  const { system, happenings, there } = await walkParked(name);
  await assert.rejects(system.retention.deleteMonth("ledger", act), (error: unknown) => {
    assert.ok(error instanceof Failure && error.code === "month-held");
    assert.deepEqual(error.fields.holds, ["under-way"]);
    return true;
  });
  assert.equal(await stateOf(name), "archived");
  const [refused] = await actsOf(bed, name, "ledger", "entente.deletion-refused");
  assert.deepEqual([refused?.by, refused?.refusal], ["ann", "month-held"]);
  there.release();
  await happenings.until("the month is gone", async () => (await stateOf(name)) === "dropped");
});

test("a month that a reader has not read stays, also for the owner's function that does not ask anybody else", async () => {
  const name = bed.newName();
  const scene = await retentionBed(bed);
  const { system, happenings } = await scene.start(withAudit(bank(name)));
  await system.setClock(at("2030-01-10T12:00"));
  await deposited(system, happenings, 5);
  const pause = { tenantId: "acme", by: "ann", why: "drill" };
  await system.setPaused("audit", true, pause);
  await deposited(system, happenings, 6);
  await system.setClock(at("2037-02-01T00:00"));
  await happenings.heard(
    "stopped",
    (event) => event.consumer === "retention of ledger" && event.text.includes("unread"),
  );
  const [row] = await bed.sql<{ refused: string }>(
    name,
    "ledger",
    `select entente.detach_month('2030-01-01', gen_random_uuid(), array_agg(lane::int2), array_agg('0'::xid8), array_agg(0::bigint), array_agg(false)) as refused
     from generate_series(0, 7) lane`,
  );
  assert.equal(row?.refused, "month-unread");
  assert.ok((await monthsOf(bed, name, "ledger")).includes("2030-01"));
  await system.setPaused("audit", false, pause);
  await happenings.until("the month is gone", async () => (await stateOf(name)) === "dropped");
});

test("nothing leaves without a folder for archives, or while it cannot be written", async () => {
  const name = bed.newName();
  const scene = await retentionBed(bed);
  const { system } = await agedMonth(scene, withAudit(bank(name)));
  await system.stop();
  // A file where the folder should be.
  const blocked = join(scene.folder, "blocked");
  await writeFile(blocked, "");
  const second = await scene.start(withAudit(bank(name)), { archiveFolder: blocked });
  await second.system.setClock(at("2037-02-01T00:00"));
  await second.happenings.heard(
    "stopped",
    (event) => event.code === "archive-unwritable" && event.consumer.endsWith("ledger"),
  );
  assert.equal((await bed.sql(name, "ledger", "select 1 from entente.leaving_2030_01")).length, 1);
  assert.equal(await stateOf(name), "detached");
  await second.system.stop();
  const third = await scene.start(withAudit(bank(name)));
  await third.happenings.until("the month is gone", async () => (await stateOf(name)) === "dropped");
  // Other contexts' months are written beside it; what was begun in vain is not left half done.
  await third.happenings.until("nothing half written is left", async () =>
    (await readdir(scene.archives)).every((file) => !file.startsWith(".")),
  );
});

test("a deletion that is asked for too early, or of a month that is not there, is refused and recorded", async () => {
  const name = bed.newName();
  const scene = await retentionBed(bed);
  const { system } = await agedMonth(scene, withAudit(bank(name)));
  await assert.rejects(system.retention.deleteMonth("ledger", { ...act, month: "2031-13" }), {
    code: "month-unknown",
  });
  await assert.rejects(system.retention.deleteMonth("nowhere", act), { code: "context-unknown" });
  await assert.rejects(system.retention.deleteMonth("ledger", act), { code: "retention-not-over" });
  const refusals = await actsOf(bed, name, "ledger", "entente.deletion-refused");
  assert.deepEqual(
    refusals.map(({ refusal }) => refusal),
    ["month-unknown", "retention-not-over"],
  );
});
