import assert from "node:assert/strict";
import { test } from "node:test";
import { appendEntries } from "../journal/append.ts";
import type { Entry } from "../model/entry.ts";
import { type AuditScene, auditKey, auditScene, facts } from "../testing/audit.fixture.ts";
import { command, fact } from "../testing/entries.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { openAuditReader } from "./audit-reader.ts";
import { commitmentOf, decodeLeaf, payloadBytes } from "./leaf.ts";
import { appendLeaves, emptyEdge, leafHash, rootOf } from "./merkle-tree.ts";
import { LogTiles, readLeaves, readTree } from "./read-audit-log.ts";
import { entriesOf, splitHashes } from "./tile.ts";

const bed = await openTestBed();

/** Everything in a tenant's log, decoded, after checking that it is dense and hashes to the stored root. */
async function wholeLog(scene: AuditScene, tenantId: string) {
  const database = scene.stage.database("audit");
  const tree = await readTree(database, tenantId);
  const leaves = await readLeaves(database, tenantId, { from: 0, to: Number.MAX_SAFE_INTEGER });
  assert.deepEqual(
    leaves.map(({ n }) => n),
    leaves.map((_, i) => i),
    "dense",
  );
  assert.equal(leaves.length, tree.size);
  const edge = appendLeaves(
    emptyEdge,
    leaves.map(({ leaf }) => leafHash(leaf)),
  );
  assert.deepEqual(edge, tree, "the stored edge is that of the leaves");
  if (tree.size > 0) {
    assert.deepEqual(await new LogTiles(database, tenantId, tree.size).root(tree.size), rootOf(tree));
  }
  return leaves.map(({ leaf, nonce, payload }) => {
    const decoded = decodeLeaf(leaf);
    assert.ok(decoded !== null && nonce !== null && payload !== null);
    assert.equal(decoded.tenantId, tenantId);
    assert.deepEqual(commitmentOf(nonce, payload), decoded.commitment);
    return { ...decoded, payload: payload.toString() };
  });
}

test("every entry of every journal is in its tenant's log once, also what operators did, and of a key in order", async () => {
  const scene = await auditScene(bed);
  const acme = facts(600);
  const other = facts(7, "other");
  const commands = facts(40).map((one) =>
    command({ ...one, kind: "command", source: "front", target: "ledger" }),
  );
  const act = fact({
    kind: "control",
    type: "entente.context-paused",
    source: "audit",
    key: "context:audit",
  });
  await appendEntries(scene.stage.database("front"), commands);
  await scene.record([...acme, ...other]);
  await appendEntries(scene.stage.database("audit"), [act]);
  const worker = await scene.work({ perLane: 50 });
  await scene.logged(worker, { acme: 641, other: 7 });
  const log = await wholeLog(scene, "acme");
  assert.equal(log.length, 641);
  assert.deepEqual(
    log.map(({ id }) => id).toSorted(),
    [...acme, ...commands, act].map(({ id }) => id).toSorted(),
  );
  for (const key of ["a-0", "a-1", "a-2", "a-3", "a-4"]) {
    const of = (source: string) =>
      log
        .filter((leaf) => leaf.source === source && JSON.parse(leaf.payload).key === key)
        .map(({ id }) => id);
    assert.deepEqual(
      of("ledger"),
      acme.filter((one) => one.key === key).map(({ id }) => id),
    );
    assert.deepEqual(
      of("front"),
      commands.filter((one) => one.key === key).map(({ id }) => id),
    );
  }
  const [written] = acme;
  const logged = log.find(({ id }) => id === written?.id);
  assert.equal(logged?.payload, payloadBytes(written as unknown as Entry).toString());
  assert.equal(logged?.occurredAt, written?.occurredAt);
  assert.equal((await wholeLog(scene, "other")).length, 7);
});

test("two workers that share the lanes grow the same trees without a gap", async () => {
  const scene = await auditScene(bed);
  const first = await scene.work({ perLane: 5, leaseMs: 1_000 });
  const second = await scene.work({ perLane: 5, leaseMs: 1_000 });
  await first.happenings.until("each has lanes", () => {
    return first.consumer.lanes().length > 0 && second.consumer.lanes().length > 0;
  });
  const entries = Array.from({ length: 300 }, (_, i) =>
    fact({ key: `k-${i}`, tenantId: i % 3 === 0 ? "x" : "y" }),
  );
  await scene.record(entries);
  second.wakeUps.ring("ledger");
  await scene.logged(first, { x: 100, y: 200 });
  assert.equal((await wholeLog(scene, "x")).length, 100);
  assert.equal((await wholeLog(scene, "y")).length, 200);
  assert.ok(first.happenings.count("batch") > 0 && second.happenings.count("batch") > 0);
});

test("a batch that is undone before its commit leaves nothing, and is in the log once afterwards", async () => {
  const scene = await auditScene(bed);
  const worker = await scene.work();
  const parked = worker.happenings.park("consumer:before-commit");
  await scene.record(facts(20));
  worker.wakeUps.ring("ledger");
  await parked.reached;
  assert.equal(await scene.size("acme"), 0);
  // Another worker's epoch: this one's cursor move is fenced, and with it all that it wrote.
  await scene.sql("update entente.cursor set epoch = epoch + 1 where consumer = 'audit-log'");
  await scene.sql("update entente.lease set epoch = epoch + 1 where consumer = 'audit-log'");
  parked.release();
  await worker.happenings.heard("fenced");
  await scene.logged(worker, { acme: 20 });
  assert.equal((await wholeLog(scene, "acme")).length, 20);
});

test("what is in the log cannot be changed or removed by the context that keeps it; only what hides behind a commitment can go", async () => {
  const scene = await auditScene(bed);
  const worker = await scene.work();
  await scene.record(facts(3));
  await scene.logged(worker, { acme: 3 });
  const own = scene.stage.database("audit");
  for (const statement of [
    "update entente.audit_leaf set leaf = ''",
    "update entente.audit_leaf set hash = hash",
    "update entente.audit_leaf set n = n + 10",
    "delete from entente.audit_leaf",
    "truncate entente.audit_leaf",
    "delete from entente.audit_node",
    "delete from entente.audit_tree",
    "delete from entente.audit_checkpoint",
  ]) {
    await assert.rejects(own.execute(statement), (error: { cause?: { code?: string } }) => {
      return error.cause?.code === "42501";
    });
  }
  await own.execute(
    "update entente.audit_leaf set nonce = null, payload = null, key = null, customer_id = null where customer_id = 'c-1'",
  );
  const [row] = await own.execute<{ kept: number }>(
    "select count(payload)::int as kept from entente.audit_leaf",
  );
  assert.equal(row?.kept, 2);
});

test("third parties read tiles and bundles up to what was signed, and they come to the signed root", async () => {
  const scene = await auditScene(bed);
  const worker = await scene.work();
  const reader = openAuditReader({ database: scene.stage.database("audit"), places: [], key: auditKey });
  await assert.rejects(reader.checkpoint("acme"), { code: "audit-checkpoint-missing" });
  await scene.record(facts(515));
  await scene.logged(worker, { acme: 515 });
  await assert.rejects(reader.tile("acme", "tile/0/000"), { code: "audit-tile-unknown" });
  await scene.signer.turn(Date.now());
  const [origin, size, root] = (await reader.checkpoint("acme")).split("\n");
  assert.deepEqual([origin, size], ["bank.example/audit/acme", "515"]);
  const paths = ["000", "001", "002.p/3"];
  const hashes: Buffer[] = [];
  for (const path of paths) {
    const tile = splitHashes(await reader.tile("acme", `tile/0/${path}`));
    const bundle = entriesOf(await reader.tile("acme", `tile/entries/${path}`));
    assert.deepEqual(bundle?.map(leafHash), tile, path);
    hashes.push(...tile);
  }
  assert.equal(rootOf(appendLeaves(emptyEdge, hashes)).toString("base64"), root);
  const [above] = splitHashes(await reader.tile("acme", "tile/1/000.p/2"));
  assert.deepEqual(above, rootOf(appendLeaves(emptyEdge, hashes.slice(0, 256))));
  assert.deepEqual(await reader.tile("acme", "tile/0/001.p/9"), Buffer.concat(hashes.slice(256, 265)));
  for (const path of [
    "tile/0/002",
    "tile/0/002.p/4",
    "tile/2/000.p/1",
    "tile/entries/003.p/1",
    "tile/x",
    "",
  ]) {
    await assert.rejects(reader.tile("acme", path), { code: "audit-tile-unknown" }, path);
  }
  await assert.rejects(reader.tile("other", "tile/0/000"), { code: "audit-tile-unknown" });
});
