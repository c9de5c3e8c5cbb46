import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { appendEntries } from "../journal/append.ts";
import type { Entry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { type AuditScene, auditKey, auditScene, facts } from "../testing/audit.fixture.ts";
import { command, fact } from "../testing/entries.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { startWorker } from "../testing/worker.fixture.ts";
import { auditLogConsumer } from "./audit-log.ts";
import { openAuditReader } from "./audit-reader.ts";
import type { BundleSelection } from "./bundle.ts";
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

test("an entry that could not be logged at first is logged when it is tried again, before what came later of its key", async () => {
  const scene = await auditScene(bed);
  // The two together, then the first alone.
  let failures = 2;
  const worker = await startWorker(bed, scene.stage, {
    context: "audit",
    database: scene.stage.database("audit"),
    retry: { attempts: 5, firstMs: 1, longestMs: 5 },
    definition: () =>
      auditLogConsumer(
        [{ context: "ledger", database: scene.stage.database("ledger", "reader"), reading: "everything" }],
        () => {},
        (bytes) => {
          if (failures-- > 0) throw new Failure("defect", "data-rejected", "no luck");
          return randomBytes(bytes);
        },
      ),
  });
  const entries = [fact({ key: "a-1" }), fact({ key: "a-1" })];
  await scene.record(entries);
  await scene.logged(worker, { acme: 2 });
  assert.ok(worker.happenings.count("retrying") > 0);
  assert.deepEqual(
    (await wholeLog(scene, "acme")).map(({ id }) => id),
    entries.map(({ id }) => id),
  );
});

test("what is in the log cannot be changed or removed by the context that keeps it; only what hides behind a commitment can go", async () => {
  const scene = await auditScene(bed);
  const worker = await scene.work();
  await scene.record(facts(3));
  await scene.logged(worker, { acme: 3 });
  const own = scene.stage.database("audit");
  for (const statement of [
    "update entente.audit_sheet set leaves = leaves",
    "update entente.audit_sheet set leaf_ends = leaf_ends",
    "update entente.audit_sheet set hashes = hashes",
    "update entente.audit_sheet set first = first + 10",
    "update entente.audit_sheet set entries = entries",
    "update entente.audit_sheet set process_ids = process_ids",
    "delete from entente.audit_sheet",
    "truncate entente.audit_sheet",
    "delete from entente.audit_node",
    "delete from entente.audit_tree",
    "delete from entente.audit_checkpoint",
  ]) {
    await assert.rejects(own.execute(statement), (error: { cause?: { code?: string } }) => {
      return error.cause?.code === "42501";
    });
  }
  await scene.signer.turn(Date.now());
  // Of one entry, and then of all of the sheet.
  await own.execute(`update entente.audit_sheet set openings = substring(openings for opening_ends[1]) || substring(openings from opening_ends[2] + 1),
    opening_ends = array[opening_ends[1], opening_ends[1], opening_ends[1] + opening_ends[3] - opening_ends[2]],
    keys = array[keys[1], null, keys[3]]`);
  const one = await readLeaves(own, "acme", { from: 0, to: 3 });
  assert.deepEqual(
    one.map(({ nonce, payload }) => [nonce === null, payload === null]),
    [
      [false, false],
      [true, true],
      [false, false],
    ],
  );
  const { erased, findings } = await (await scene.export()).verify();
  assert.deepEqual([erased, findings], [1, []]);
  await own.execute("update entente.audit_sheet set openings = null, opening_ends = null, keys = null");
  const all = await (await scene.export()).verify();
  assert.deepEqual([all.erased, all.findings], [3, []]);
});

test("a log of many batches is read whole, by process, by account and by period, and so are its tiles", async () => {
  const scene = await auditScene(bed);
  const worker = await scene.work({ perLane: 7 });
  const day = Date.UTC(2030, 0, 10);
  const old = facts(100).map((one, i) => ({ ...one, occurredAt: day + i * 3_600_000 }));
  await scene.record([...old, ...facts(200)]);
  await scene.logged(worker, { acme: 300 });
  await worker.stop();
  await scene.signer.turn(Date.now());
  const sheets = await scene.sql("select first_at, last_at from entente.audit_sheet");
  assert.ok(sheets.length > 10);
  assert.equal((await wholeLog(scene, "acme")).length, 300);
  const of = async (selection: BundleSelection) => {
    const bundle = await scene.export("acme", selection);
    assert.deepEqual((await bundle.verify()).findings, []);
    return bundle.entries;
  };
  assert.equal(await of({ kind: "all" }), 300);
  assert.equal(await of({ kind: "account", key: "a-3" }), 60);
  const log = await wholeLog(scene, "acme");
  const times = log.map(({ occurredAt }) => occurredAt);
  const [from, to] = [day + 20 * 3_600_000, day + 60 * 3_600_000];
  const first = times.findIndex((at) => at >= from && at < to);
  const last = times.findLastIndex((at) => at >= from && at < to);
  assert.equal(await of({ kind: "period", from, to }), last - first + 1);
  await assert.rejects(of({ kind: "period", from: 0, to: 1 }), { code: "audit-nothing-selected" });
  // Not a millisecond more than what it says, although a sheet has both.
  assert.equal(await of({ kind: "period", from: times[40] as number, to: (times[40] as number) + 1 }), 1);
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
