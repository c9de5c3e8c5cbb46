/** Seven simulated years of a bank with its audit log: what goes, what stays, and what can still be proved at the end. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { exportBundle } from "../audit/export-bundle.ts";
import { replayBundle } from "../audit/replay-bundle.ts";
import { verifyBundle } from "../audit/verify-bundle.ts";
import { withAudit } from "../context/with-audit.ts";
import { monthStart } from "../journal/partitions.ts";
import { readProcessEntries } from "../journal/read.ts";
import { Failure } from "../model/failure.ts";
import type { ProcessDefinition } from "../model/process.ts";
import type { ReplayRules } from "../model/replay.ts";
import { auditKey, verifierOf } from "../testing/audit.fixture.ts";
import { bank, bankProcesses } from "../testing/bank.fixture.ts";
import {
  actsOf,
  at,
  dayMs,
  deposited,
  monthsOf,
  retentionBed,
  signed,
} from "../testing/retention.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import { verifyArchive } from "./verify-archive.ts";

const bed = await openTestBed();
test("seven years go by: months come and go, and the evidence of the first year verifies, replays and adds up at the end", async () => {
  const name = bed.newName();
  const scene = await retentionBed(bed);
  const { folder, archives } = scene;
  const { system, happenings } = await scene.start(withAudit(bank(name)));
  const months = (context: string) => monthsOf(bed, name, context);
  const acts = (context: string, type: string) => actsOf(bed, name, context, type);
  const ledger = databaseOf(system, "ledger");
  const start = at("2030-01-10T12:00");
  await system.setClock(start);
  const first = await deposited(system, happenings, 5);
  await signed(system, happenings, first);
  const stored = await readProcessEntries(ledger, "acme", first);

  // Day 90 and day 91 of the raw command.
  await system.setClock(start + 90 * dayMs - 3_600_000);
  await deposited(system, happenings, 1);
  const raw = async () => (await readProcessEntries(databaseOf(system, "front"), "acme", first)).length;
  assert.equal(await raw(), 1, "within its 90 days it is there");
  await system.setClock(start + 91 * dayMs);
  await happenings.until("the raw command is gone", async () => (await raw()) === 0);
  assert.deepEqual(await readProcessEntries(ledger, "acme", first), stored, "what it led to is as it was");
  assert.equal((await system.processes.read("acme", first))?.state, "confirmed");
  await happenings.until(
    "it is told",
    async () => (await acts("front", "entente.intake-expired")).length > 0,
  );

  for (let month = monthStart(start, 4); month < at("2036-12-01T00:00"); month = monthStart(month, 1)) {
    await system.setClock(month + 14 * dayMs);
    // Every month comes; something happens in one of three.
    if (new Date(month).getUTCMonth() % 3 === 0) await deposited(system, happenings, 1);
    const there = await months("ledger");
    const text = (when: number) => new Date(when).toISOString().slice(0, 7);
    assert.ok(there.includes(text(monthStart(month, 1))), `the month after ${text(month)} is there in time`);
  }
  const last = await deposited(system, happenings, 1);
  await signed(system, happenings, last);

  // Six years and 364 days.
  await system.setClock(at("2037-01-09T12:00"));
  assert.ok((await months("ledger")).includes("2030-01"));
  assert.deepEqual(await readProcessEntries(ledger, "acme", first), stored);
  const bundle = join(folder, "bundle");
  const front = system.contexts.get("front");
  assert.ok(front !== undefined);
  await exportBundle(databaseOf(system, "audit"), {
    tenantId: "acme",
    selection: { kind: "process", processId: first },
    folder: bundle,
    key: auditKey,
    // What its customer saw, as it is stored now.
    places: [{ definition: front.definition, database: front.database }],
  });
  const proved: string[] = [];
  const report = await verifyBundle(
    bundle,
    { verifier: verifierOf("acme"), known: [] },
    (_n, leaf, payload) => {
      if (leaf.source === "ledger") proved.push(payload ?? "");
    },
  );
  assert.deepEqual(report.findings, []);
  assert.deepEqual(
    proved.map((payload) => JSON.parse(payload).data),
    [{ amount: 5, balance: 5 }],
  );
  // The raw command has been gone for six years: what its customer sees is rebuilt from what it led to, and is the same.
  const trust = { verifier: verifierOf("acme"), known: [] };
  const rulesOf = (change: (one: ProcessDefinition) => ProcessDefinition): ReplayRules => ({
    reducers: [],
    processes: Object.fromEntries(
      bankProcesses.map((one) => [one.type, { majors: ["1"], definition: () => change(one) }]),
    ),
  });
  const replayed = await replayBundle(
    bundle,
    trust,
    rulesOf((one) => one),
  );
  assert.deepEqual([replayed.outcomes, replayed.findings], ["compared", []]);
  assert.deepEqual(
    replayed.rebuilt.map(({ what, id, agrees, outcome }) => [what, id, agrees, outcome?.state]),
    [["process", first, true, "confirmed"]],
  );
  // By rules that came to something else it would have been found.
  const other = rulesOf((one) => ({ ...one, apply: (view) => ({ ...view, state: "failed" }) }));
  const differing = await replayBundle(bundle, trust, other);
  assert.deepEqual(
    differing.findings.map(({ what }) => what),
    ["outcome-differs"],
  );
  const act = { tenantId: "acme", by: "ann", why: "disk is full", month: "2030-01" };
  await assert.rejects(system.retention.deleteMonth("ledger", act), (error: unknown) => {
    assert.ok(error instanceof Failure);
    assert.equal(error.code, "retention-not-over");
    assert.equal(error.fields.keptUntil, "2037-02-01T00:00:00.000Z");
    return true;
  });
  assert.deepEqual(await acts("ledger", "entente.deletion-refused"), [
    {
      month: "2030-01",
      by: "ann",
      why: "disk is full",
      refusal: "retention-not-over",
      keptUntil: "2037-02-01T00:00:00.000Z",
    },
  ]);

  // The first month leaves; the second does not.
  await system.setClock(at("2037-02-01T00:00"));
  const archived = async (of: string): Promise<boolean> => {
    const journal = (await system.retention.list()).find(({ context }) => context === "ledger");
    return journal?.archives.some(({ month }) => month === of) === true;
  };
  await happenings.until("January is gone", () => archived("2030-01"));
  assert.deepEqual((await months("ledger")).slice(0, 1), ["2030-02"]);
  const [told] = await acts("ledger", "entente.month-archived");
  assert.equal(told?.entries, 1);
  assert.equal(told?.month, "2030-01");
  const key = auditKey.named("bank.example/audit/acme").verifierKey;
  const digest = String(told?.digest);
  const checked = await verifyArchive(join(archives, String(told?.file)), { keys: [key], digest });
  assert.deepEqual(checked.findings, []);
  assert.equal(checked.proved, 1);
  const base = auditKey.named(auditKey.name).verifierKey;
  assert.deepEqual((await verifyArchive(join(archives, String(told?.file)), { keys: [base] })).findings, []);
  assert.equal(checked.head?.context, "ledger");

  // A month later its payload goes from the log, and its proof stays.
  await system.setClock(at("2037-03-01T00:00"));
  const openings = async () =>
    (
      await bed.sql<{ openings: Buffer | null }>(
        name,
        "audit",
        "select openings from entente.audit_sheet where tenant_id = 'acme' and $1::uuid = any(process_ids)",
        [first],
      )
    ).map((sheet) => sheet.openings);
  await happenings.until("payloads of the first process are gone", async () => {
    const found = await openings();
    return found.length > 0 && found.every((bytes) => bytes === null);
  });
  const later = join(folder, "later");
  await exportBundle(databaseOf(system, "audit"), {
    tenantId: "acme",
    selection: { kind: "all" },
    folder: later,
    key: auditKey,
  });
  const whole = await verifyBundle(later, { verifier: verifierOf("acme"), known: [] });
  assert.deepEqual(whole.findings, []);
  assert.equal(whole.erased, 2);
  // Its time is over as well, and its archive is written under such a name.
  await happenings.until("February is gone", () => archived("2030-02"));
  assert.deepEqual(
    (await readdir(archives)).filter((file) => file.startsWith(".")),
    [],
  );
});

test("nobody's login can delete or hurry: journal, leaves and the record of what left", async () => {
  const name = bed.newName();
  const stage = await bed.stage(withAudit(bank(name)));
  const ledger = stage.database("ledger");
  for (const text of [
    "delete from entente.journal",
    "truncate entente.journal",
    "alter table entente.journal detach partition entente.journal_2030_01",
    "update entente.leaving_month set state = 'archived'",
    "insert into entente.leaving_month (leaving_id, month, state, detached_at) values (gen_random_uuid(), '2030-01-01', 'detached', now())",
    "update entente.journal_identity set kept_days = 1",
  ]) {
    await assert.rejects(ledger.execute(text), { code: "database-defect" }, text);
  }
  await assert.rejects(stage.database("audit").execute("delete from entente.audit_sheet"), {
    code: "database-defect",
  });
  const month = new Date().toISOString().slice(0, 7);
  const [row] = await ledger.execute<{ refused: string }>(
    "select entente.detach_month(to_date($1, 'YYYY-MM'), gen_random_uuid(), '{}', '{}', '{}', '{}') as refused",
    [month],
  );
  assert.equal(row?.refused, "retention-not-over");
  assert.deepEqual(await monthsOf(bed, name, "ledger").then((there) => there.includes(month)), true);
});

test("evidence cannot be set to be kept for less than seven years", async () => {
  await assert.rejects(bed.start(bank(bed.newName()), { settings: { evidenceKeptDays: 2_556 } }), {
    code: "retention-too-short",
  });
});
