import assert from "node:assert/strict";
import { before, test } from "node:test";
import { seededRandom } from "@entente/testkit";
import { type Entry, journalStart, type Position } from "../model/entry.ts";
import { laneCount } from "../model/lane.ts";
import type { Connection, Database, ReservedConnection, Statement } from "../postgres/database.ts";
import { bank } from "../testing/bank.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { appendEntries } from "./append.ts";
import { readEntries, readLanesAfter, readProcessEntries } from "./read.ts";

const bed = await openTestBed();
const name = bed.newName();
let journal: Database;
let reader: Database;

before(async () => {
  const stage = await bed.stage(bank(name));
  journal = stage.database("ledger");
  reader = stage.database("ledger", "reader");
});

/** Follows the whole journal of one test, told apart by tenant, from where it stood when the test began. */
class Follower {
  readonly seen: Entry[] = [];
  readonly #tenant: string;
  #positions: { lane: number; position: Position }[];

  constructor(tenant: string) {
    this.#tenant = tenant;
    this.#positions = Array.from({ length: laneCount }, (_, lane) => ({ lane, position: journalStart }));
  }

  async read(perLane = 1_000): Promise<readonly Entry[]> {
    const entries = await readLanesAfter(reader, this.#positions, perLane);
    for (const entry of entries) {
      this.#positions = this.#positions.map((l) =>
        l.lane === entry.lane ? { ...l, position: entry.position } : l,
      );
    }
    const own = entries.filter((entry) => entry.tenantId === this.#tenant);
    this.seen.push(...own);
    return own;
  }

  /** Reads until nothing is left before the gate and everything committed so far has been passed. */
  async readAll(): Promise<readonly Entry[]> {
    const [row] = await journal.execute<{ xid: string }>("select pg_current_xact_id()::text as xid");
    for (;;) {
      const read = await this.read();
      const [gate] = await reader.execute<{ open: boolean }>(
        `select pg_snapshot_xmin(pg_current_snapshot()) > '${row?.xid}'::xid8 as open`,
      );
      if (gate?.open === true && read.length === 0 && (await this.read()).length === 0) return this.seen;
    }
  }
}

async function begin(): Promise<ReservedConnection> {
  const connection = await journal.reserve();
  await connection.execute("begin");
  return connection;
}

async function end(connection: ReservedConnection, how: "commit" | "rollback" = "commit"): Promise<void> {
  await connection.execute(how);
  connection.release();
}

const ids = (entries: readonly { readonly id: string }[]) => entries.map((entry) => entry.id);

test("a batch is read back in the order it was appended, whole and unchanged", async () => {
  const tenantId = "order";
  const batch = Array.from({ length: 300 }, (_, n) =>
    fact({
      tenantId,
      key: `a-${n % 7}`,
      keyVersion: n + 1,
      customerId: n % 2 === 0 ? "c-1" : null,
      ttlMs: n % 3 === 0 ? 60_000 : null,
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      data: { n, text: 'ä 日本 \u0000 "quoted" \\ 🙂', nested: [null, true, { deep: 1.5 }] },
    }),
  );
  await appendEntries(journal, batch);
  const read = await new Follower(tenantId).readAll();
  assert.deepEqual(ids(read), ids(batch));
  const { position, lane, ...first } = read[0] as Entry;
  assert.deepEqual(first, batch[0]);
  assert.ok(BigInt(position.seq) > 0n && lane >= 0 && lane < laneCount);
});

test("an entry whose transaction commits late is never skipped by a reader that was there in between", async () => {
  const tenantId = "late";
  const follower = new Follower(tenantId);
  const early = fact({ tenantId });
  const late = fact({ tenantId });
  const slow = await begin();
  await appendEntries(slow, [late]);
  await appendEntries(journal, [early]);
  assert.deepEqual(await follower.read(), [], "what was committed second waits for what was begun first");
  await end(slow);
  assert.deepEqual(ids(await follower.readAll()), [late.id, early.id]);
});

test("a reader by sequence number alone loses the entry that commits late (the planted bug)", async () => {
  const tenantId = "late-specimen";
  const bySequence = async (after: string) =>
    journal.execute<{ id: string; seq: string }>(
      "select id, seq from entente.journal where tenant_id = $1 and seq > $2 order by seq",
      [tenantId, after],
    );
  const late = fact({ tenantId });
  const slow = await begin();
  await appendEntries(slow, [late]);
  // Sessions draw numbers in blocks of 32, so another one may be in a block before: it writes until it is past.
  let read: { id: string; seq: string }[] = [];
  const [own] = await slow.execute<{ seq: string }>("select seq from entente.journal where id = $1", [
    late.id,
  ]);
  while (BigInt(read.at(-1)?.seq ?? 0) <= BigInt(own?.seq ?? 0)) {
    await appendEntries(journal, [fact({ tenantId })]);
    read = await bySequence("0");
  }
  await end(slow);
  const rest = await bySequence(read.at(-1)?.seq ?? "0");
  assert.ok(![...read, ...rest].some((row) => row.id === late.id), "the specimen must lose the row");
  assert.ok(ids(await new Follower(tenantId).readAll()).includes(late.id), "the gated reader must not");
});

test("a long writer delays everything written after it began, and loses nothing", async () => {
  const tenantId = "long-writer";
  const follower = new Follower(tenantId);
  const before_ = fact({ tenantId });
  await appendEntries(journal, [before_]);
  assert.deepEqual(ids(await follower.readAll()), [before_.id]);
  const long = await begin();
  // A write anywhere in the server holds the gate, whatever table it is in.
  await long.execute("select pg_current_xact_id()");
  const meanwhile = [fact({ tenantId }), fact({ tenantId, key: "a-2" })];
  for (const entry of meanwhile) await appendEntries(journal, [entry]);
  assert.deepEqual(await follower.read(), []);
  await end(long, "rollback");
  assert.deepEqual(ids(await follower.readAll()), ids([before_, ...meanwhile]));
});

test("whatever the interleaving of writers, a reader sees every committed entry once and each key in order", async () => {
  const random = seededRandom(Number(process.env.TEST_SEED ?? Date.now() % 1_000_000));
  console.log(`# interleaving seed ${random.seed}`);
  const tenantId = "interleaved";
  const follower = new Follower(tenantId);
  const committed: string[] = [];
  const open: { connection: ReservedConnection; key: string; wrote: string[] }[] = [];
  const perKey = new Map<string, string[]>();
  for (let step = 0; step < 400; step++) {
    const dice = random.next();
    const busy = new Set(open.map((one) => one.key));
    const free = ["a", "b", "c", "d", "e", "f"].filter((key) => !busy.has(key));
    if (dice < 0.35 && open.length < 5) {
      // One key has one writer at a time, as under a lane's lease; order is promised per key only.
      open.push({ connection: await begin(), key: free[random.below(free.length)] as string, wrote: [] });
    } else if (dice < 0.65 && open.length > 0) {
      const one = open[random.below(open.length)] as (typeof open)[number];
      const entries = Array.from({ length: 1 + random.below(3) }, () => fact({ tenantId, key: one.key }));
      await appendEntries(one.connection, entries);
      one.wrote.push(...ids(entries));
    } else if (dice < 0.85 && open.length > 0) {
      const [one] = open.splice(random.below(open.length), 1) as [(typeof open)[number]];
      const keeps = random.next() < 0.8;
      await end(one.connection, keeps ? "commit" : "rollback");
      if (!keeps) continue;
      committed.push(...one.wrote);
      perKey.set(one.key, [...(perKey.get(one.key) ?? []), ...one.wrote]);
    } else {
      await follower.read(1 + random.below(4));
    }
  }
  for (const one of open) await end(one.connection, "rollback");
  const seen = ids(await follower.readAll());
  assert.deepEqual(seen.toSorted(), committed.toSorted());
  for (const [key, wrote] of perKey) {
    assert.deepEqual(ids(follower.seen.filter((entry) => entry.key === key)), wrote, `order of key ${key}`);
  }
});

test("an aborted transaction leaves no entry behind", async () => {
  const tenantId = "aborted";
  const failing = journal.transaction(async (connection) => {
    await appendEntries(connection, [fact({ tenantId })]);
    throw new Error("changed my mind");
  });
  await assert.rejects(failing, /changed my mind/);
  assert.deepEqual(await new Follower(tenantId).readAll(), []);
});

test("the same id twice is refused, and nothing of its batch is stored", async () => {
  const tenantId = "twice";
  const entry = fact({ tenantId });
  await appendEntries(journal, [entry]);
  await assert.rejects(appendEntries(journal, [fact({ tenantId }), entry]), { code: "data-rejected" });
  assert.deepEqual(ids(await new Follower(tenantId).readAll()), [entry.id]);
});

test("a process is read as one story, oldest first, by its tenant only", async () => {
  const started = fact({ tenantId: "story", kind: "command", target: "ledger" });
  const effects = [1, 2, 3].map(() => fact({ tenantId: "story", processId: started.id }));
  await appendEntries(journal, [started, ...effects]);
  assert.deepEqual(ids(await readProcessEntries(reader, "story", started.id)), ids([started, ...effects]));
  assert.deepEqual(await readProcessEntries(reader, "other", started.id), []);
  assert.deepEqual(
    ids(await readEntries(reader, [effects[1]?.id as string, started.processId])).toSorted(),
    [started.id, effects[1]?.id].toSorted(),
  );
});

test("all lanes are read in one query by the reading index, never by scanning a partition", async () => {
  const month = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1, 2);
  await journal.execute(
    `insert into entente.journal (id, lane, kind, type, schema_version, source, tenant_id, key, process_id, correlation_id, occurred_at, data)
     select uuidv7(make_interval(secs => n / 100.0) + case when n % 2 = 0 then interval '0' else to_timestamp($1) - now() end),
       n % 8, 'event', 'bank.deposited', '1.0.0', 'ledger', 'many', 'k' || n, uuidv7(), '', now(), '{"padding":"${"x".repeat(100)}"}'
     from generate_series(1, 20000) n`,
    [month / 1000],
  );
  // As autovacuum does: the months that were written to, and not the empty ones made in advance.
  for (const at of [Date.now(), month]) {
    const partition = `journal_${new Date(at).toISOString().slice(0, 7).replace("-", "_")}`;
    await bed.sql(name, "ledger", `analyze entente.${partition}`);
  }
  const captured: { text: string; values: readonly unknown[] }[] = [];
  const keep = async ({ text }: Statement, values: readonly unknown[] = []): Promise<never[]> => {
    captured.push({ text, values });
    return [];
  };
  const capture: Connection = { run: keep, runRows: keep, execute: async () => [] };
  const lanes = Array.from({ length: laneCount }, (_, lane) => ({ lane, position: { xid: "5", seq: "5" } }));
  await readLanesAfter(capture, lanes, 256);
  await readLanesAfter(capture, lanes, 256, "own-commands");
  for (const [n, { text, values }] of captured.entries()) {
    const index =
      n === 0 ? /journal_\d{4}_\d{2}_lane_xid_seq_idx\b/ : /journal_\d{4}_\d{2}_lane_xid_seq_idx1\b/;
    for (const [kind, plan] of [
      ["as first run", await journal.execute(`explain ${text}`, values)],
      ["as prepared for good", await journal.execute(`explain (generic_plan) ${text}`)],
    ] as const) {
      const shown = plan.map((row) => row["QUERY PLAN"]).join("\n");
      assert.match(shown, index, `${kind}:\n${shown}`);
      assert.doesNotMatch(shown, /Seq Scan on journal/, `${kind}:\n${shown}`);
    }
  }
});
