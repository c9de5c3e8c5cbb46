/** Seven simulated years of Flux with its audit log: the evidence of an account's first year verifies and replays at their end. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type System, startSystem } from "@entente/core";
import {
  exportBundle,
  noteVerifier,
  originOf,
  replayBundle,
  signingKey,
  verifyArchive,
  withAudit,
} from "@entente/core/internal";
import { testServer } from "@entente/testkit";
import { demoAccountId, demoCondenserId } from "../app/demo-data.ts";
import { demoTenant, flux, fluxReplay, seedDemoData } from "../app/flux.ts";
import { comes } from "./charged-flux.fixture.ts";

const folder = await mkdtemp(join(tmpdir(), "flux-years-"));
const archives = join(folder, "archives");
const key = signingKey("flux.example/audit", Buffer.alloc(32, 11));
const { verifierKey } = key.named(originOf(key.name, demoTenant));
const accountId = demoAccountId(1);
const system = await startSystem({
  definition: { ...withAudit(flux), name: `f_${randomBytes(4).toString("hex")}` },
  adminUrl: await testServer(),
  auditSigning: { key, lastSignedFile: join(folder, "last-signed") },
  archiveFolder: archives,
  settings: { auditGatherMs: 1, auditSignEveryMs: 20, retentionRetryMs: 50 },
});
after(async () => {
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});
const entente = fileURLToPath(new URL("../../../packages/cli/src/main.ts", import.meta.url));

const at = (text: string): number => Date.parse(`${text}Z`);
let asked = 0;

async function toppedUp(units: number, state: string, condenserId = demoCondenserId(1)): Promise<string> {
  const { processId } = await system.accept({
    type: "flux.top-up",
    schemaVersion: "1.0.0",
    target: "subscription",
    tenantId: demoTenant,
    key: accountId,
    customerId: null,
    caller: "scenario",
    idempotencyKey: `top-up ${++asked}`,
    traceparent: null,
    data: { accountId, condenserId, units },
  });
  await comes(`${processId} is ${state}`, async () => {
    return (await system.processes.read(demoTenant, processId))?.state === state;
  });
  return processId;
}

function contextOf(name: string): NonNullable<ReturnType<System["contexts"]["get"]>> {
  const found = system.contexts.get(name);
  assert.ok(found);
  return found;
}

/** The account's bundle as an auditor gets it now, with its outcomes. */
async function bundleOf(name: string): Promise<string> {
  const bundle = join(folder, name);
  const places = ["gateway", "subscription"].map(contextOf);
  const selection = { kind: "account", key: accountId } as const;
  const order = { tenantId: demoTenant, selection, folder: bundle, key, places, outcomesWithinMs: 10_000 };
  await exportBundle(contextOf("audit").database, order);
  return bundle;
}

/** `entente audit replay` of a folder: verifies it, rebuilds what its entries lead to, and holds that against the stored outcomes. */
function replay(bundle: string): {
  readonly code: number | null;
  readonly said: string;
  readonly stderr: string;
} {
  const argv = [entente, "audit", "replay", bundle, "--key", verifierKey];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  return { code: status, said: stdout, stderr };
}

/** Those of these that a replay of the bundle comes to as they are stored; the same in this process, which is quicker. */
async function agreeing(bundle: string, wanted: readonly string[]): Promise<readonly string[]> {
  const verifier = noteVerifier(verifierKey);
  assert.ok(verifier);
  const {
    bundle: verified,
    findings,
    outcomes,
    rebuilt,
  } = await replayBundle(bundle, { verifier }, fluxReplay);
  assert.deepEqual([verified.findings, findings, outcomes], [[], [], "compared"]);
  const names = rebuilt.flatMap(({ what, id, agrees }) => (agrees === true ? [`${what} ${id}`] : []));
  return wanted.filter((name) => names.includes(name));
}

test("after seven years the account's evidence of the first verifies and replays, from what was exported then and from the log", async () => {
  await system.setClock(at("2030-01-10T12:00"));
  await seedDemoData(system, 1);
  const paid = await toppedUp(70, "confirmed");
  const onDemand = await toppedUp(50, "confirmed");
  const refused = await toppedUp(1, "failed", "car-unknown");
  const ofYearZero = [paid, onDemand, refused];
  // Read models gather: what is stored is what an export holds its entries against.
  await comes("the balance has both", async () => {
    const [row] = await contextOf("subscription").database.execute<{ used: number }>(
      "select used_units::int as used from flux.balance where tenant_id = $1 and account_id = $2",
      [demoTenant, accountId],
    );
    return row?.used === 120;
  });
  const yearZero = await bundleOf("year-0");
  const first = replay(yearZero);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.said, new RegExp(`balance ${accountId}: as stored; .*\\n.*"usedUnits":120,`));

  for (const year of [2031, 2033, 2035]) {
    await system.setClock(at(`${year}-01-15T12:00`));
    await toppedUp(1, "confirmed");
  }
  // A day before the seventh year is over: nothing of the first has left but raw commands, and the log tells it from its first entry on.
  await system.setClock(at("2037-01-09T12:00"));
  await toppedUp(3, "confirmed");
  const asStored = [`balance ${accountId}`, ...ofYearZero.map((id) => `process ${id}`)];
  assert.deepEqual(await agreeing(await bundleOf("year-7"), asStored), asStored);

  // Its month leaves the journal for an archive, of which the journal keeps the digest.
  await system.setClock(at("2037-02-01T00:00"));
  const archived = async () => {
    const journals = await system.retention.list();
    const own = journals.find(({ context }) => context === "subscription")?.archives ?? [];
    return own.find(({ month }) => month === "2030-01");
  };
  await comes("January 2030 has left", async () => (await archived())?.file != null);
  const left = await archived();
  const checked = await verifyArchive(join(archives, String(left?.file)), {
    keys: [verifierKey],
    digest: String(left?.digest),
  });
  assert.deepEqual(checked.findings, []);
  assert.ok(checked.proved > 0 && checked.proved === checked.entries);
  assert.deepEqual(await agreeing(await bundleOf("month-left"), asStored), asStored);

  // A month later the log gives its payloads up as well. What was exported in year 0 still says what it said then.
  await system.setClock(at("2037-03-05T00:00"));
  const payloads = async () => {
    const sheets = await contextOf("audit").database.execute<{ openings: Buffer | null }>(
      "select openings from entente.audit_sheet where tenant_id = $1 and $2::uuid = any(process_ids)",
      [demoTenant, paid],
    );
    return sheets.map(({ openings }) => openings);
  };
  await comes("the payloads of the first month are gone", async () =>
    (await payloads()).every((openings) => openings === null),
  );
  const last = replay(yearZero);
  assert.deepEqual([last.code, last.said], [0, first.said]);
});
