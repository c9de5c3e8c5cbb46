/** An audit log that was kept a row for each entry: as sheets it is the same log, signed and verified as before. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cloneDatabase, createTemplate } from "@entente/testkit";
import type { Entry } from "../model/entry.ts";
import { openDatabase } from "../postgres/database.ts";
import { coreMigrations, loadMigrations, migrate } from "../postgres/migrate.ts";
import { auditKey, facts, verifierOf } from "../testing/audit.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import type { BundleSelection } from "./bundle.ts";
import { exportBundle } from "./export-bundle.ts";
import { commitmentOf, leafOf, payloadBytes } from "./leaf.ts";
import { appendLeaves, emptyEdge, leafHash } from "./merkle-tree.ts";
import { readLeaves } from "./read-audit-log.ts";
import { openCheckpointSigner } from "./sign-checkpoints.ts";
import { verifyBundle } from "./verify-bundle.ts";

const bed = await openTestBed();
const template = await createTemplate(bed.adminUrl, "entente_sheets", async () => {}, { content: "empty" });
const generation = "6f1c7a44-0a5e-4a3e-9d3b-0c0f5b1a2d3e";
const nonce = Buffer.alloc(32, 9);

/** 700 entries over three days, and a few of another tenant. */
function entries(): Entry[] {
  const all = [...facts(700), ...facts(5, "other")];
  const start = Date.UTC(2030, 0, 10, 20);
  return all.map((one, n) => {
    const occurredAt = start + n * 300_000;
    return { ...one, occurredAt, position: { xid: "7", seq: String(n) }, lane: 0 } as Entry;
  });
}

test("a log of before has the same entries, hashes and proofs, what was erased stays so, and it is found by the same questions", async () => {
  const made = await cloneDatabase(bed.adminUrl, template);
  const database = openDatabase({ url: made.url, applicationName: "sheets test", connections: 2 });
  const folder = await mkdtemp(join(tmpdir(), "sheets-"));
  bed.atEnd(async () => {
    await database.close();
    await made.drop();
    await rm(folder, { recursive: true, force: true });
  });
  const migrations = await loadMigrations([{ label: "core", folder: coreMigrations }]);
  await migrate(
    database,
    migrations.filter(({ name }) => name < "core/026"),
  );
  const byTenant = Map.groupBy(entries(), ({ tenantId }) => tenantId);
  const leaves = new Map<string, Buffer[]>();
  for (const [tenantId, own] of byTenant) {
    const of = own.map((entry) => leafOf(entry, generation, commitmentOf(nonce, payloadBytes(entry))));
    leaves.set(tenantId, of);
    const edge = appendLeaves(emptyEdge, of.map(leafHash));
    await database.execute("insert into entente.audit_tree (tenant_id, size, edge) values ($1, $2, $3)", [
      tenantId,
      edge.size,
      Buffer.concat(edge.roots),
    ]);
    const rows = own.map((entry, n) => ({ entry, n, leaf: of[n] as Buffer }));
    await database.execute(
      `insert into entente.audit_leaf (tenant_id, n, leaf, hash, process_id, occurred_at, nonce, payload, key, customer_id)
        select $1, n, leaf, hash, process_id, to_timestamp(at::float8 / 1000), $2, payload, key, 'c-1'
        from unnest($3::int8[], $4::bytea[], $5::bytea[], $6::uuid[], $7::int8[], $8::bytea[], $9::text[])
          as u(n, leaf, hash, process_id, at, payload, key)`,
      [
        tenantId,
        nonce,
        rows.map(({ n }) => n),
        rows.map(({ leaf }) => leaf),
        rows.map(({ leaf }) => leafHash(leaf)),
        own.map(({ processId }) => processId),
        own.map(({ occurredAt }) => occurredAt),
        own.map(payloadBytes),
        own.map(({ key }) => key),
      ],
    );
    for (let n = 0; (n + 1) * 256 <= own.length; n++) {
      const block = appendLeaves(emptyEdge, of.slice(n * 256, (n + 1) * 256).map(leafHash));
      await database.execute("insert into entente.audit_node values ($1, 1, $2, $3)", [
        tenantId,
        n,
        block.roots[0],
      ]);
    }
  }
  // One of a day, and a whole day.
  await database.execute(`update entente.audit_leaf set nonce = null, payload = null, key = null, customer_id = null
    where tenant_id = 'acme' and (n = 3 or occurred_at >= '2030-01-12' and occurred_at < '2030-01-13')`);
  const [{ erased } = { erased: 0 }] = await database.execute<{ erased: number }>(
    "select count(*)::int as erased from entente.audit_leaf where payload is null",
  );
  assert.ok(erased > 200);
  await migrate(database, migrations);

  const [size] = await database.execute<{ most: number; days: number }>(
    "select max(entries) as most, max(extract(epoch from last_at - first_at))::int as days from entente.audit_sheet",
  );
  assert.ok(size !== undefined && size.most > 100 && size.most <= 512 && size.days < 86_400);
  for (const [tenantId, own] of byTenant) {
    const stored = await readLeaves(database, tenantId, { from: 0, to: own.length });
    assert.deepEqual(
      stored.map(({ n, leaf }) => ({ n, leaf })),
      leaves.get(tenantId)?.map((leaf, n) => ({ n, leaf })),
    );
    for (const { n, nonce: bytes, payload } of stored) {
      if (payload === null) continue;
      assert.deepEqual([bytes, payload], [nonce, payloadBytes(own[n] as Entry)]);
    }
    assert.equal(stored.filter(({ payload }) => payload === null).length, tenantId === "acme" ? erased : 0);
  }
  const signer = openCheckpointSigner({
    database,
    key: auditKey,
    lastSignedFile: join(folder, "last-signed"),
    refused: (_tenant, failure) => assert.fail(failure),
  });
  await signer.turn(Date.now());
  let bundles = 0;
  const exported = async (selection: BundleSelection) => {
    const to = join(folder, `bundle-${++bundles}`);
    await exportBundle(database, { tenantId: "acme", selection, folder: to, key: auditKey });
    const report = await verifyBundle(to, { verifier: verifierOf("acme"), known: [] });
    assert.deepEqual(report.findings, []);
    return [report.entries, report.erased];
  };
  assert.deepEqual(await exported({ kind: "all" }), [700, erased]);
  const [acme = []] = [byTenant.get("acme")];
  assert.deepEqual(await exported({ kind: "process", processId: String(acme[690]?.processId) }), [1, 0]);
  const ofKey = acme.filter(({ key }, n) => {
    const day = new Date(acme[n]?.occurredAt ?? 0).getUTCDate();
    return key === "a-3" && n !== 3 && day !== 12;
  });
  assert.deepEqual(await exported({ kind: "account", key: "a-3" }), [ofKey.length, 0]);
});
