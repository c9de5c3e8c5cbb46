import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";
import { type Entry, journalStart, type NewEntry } from "../model/entry.ts";
import { laneCount } from "../model/lane.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { bank } from "../testing/bank.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { appendEntries } from "./append.ts";
import { openOwnWriting } from "./own-writing.ts";
import { type LanePosition, readLanesAfter } from "./read.ts";

const bed = await openTestBed();
let journal: Database;
let reader: Database;
/** Names of the statements the reader has run. */
const asked: string[] = [];

before(async () => {
  const stage = await bed.stage(bank(bed.newName()));
  journal = stage.database("ledger");
  const plain = stage.database("ledger", "reader");
  const heard =
    <A extends readonly unknown[], R>(run: (statement: Statement, ...rest: A) => R) =>
    (statement: Statement, ...rest: A): R => {
      asked.push(statement.name);
      return run(statement, ...rest);
    };
  reader = { ...plain, run: heard(plain.run) as Database["run"], runRows: heard(plain.runRows) };
});
beforeEach(() => {
  asked.length = 0;
});

/** Every lane after all that has been written so far. */
async function fromHere(): Promise<LanePosition[]> {
  const [row] = await journal.execute<{ xid: string }>(
    "select (max(xid::text::bigint) + 0)::text as xid from entente.journal",
  );
  const position = { xid: row?.xid ?? "0", seq: "9223372036854775807" };
  return Array.from({ length: laneCount }, (_, lane) => ({
    lane,
    position: row?.xid == null ? journalStart : position,
  }));
}

const write = (...entries: readonly NewEntry<object>[]) => appendEntries(journal, entries);

const ids = (entries: readonly { readonly id: string }[]) => entries.map((entry) => entry.id);
const facts = (count: number) =>
  Array.from({ length: count }, (_, n) => fact({ key: `a-${n % 11}`, keyVersion: n + 1, data: { n } }));

test("what this process wrote is read back exactly as the table has it, without being sent again", async () => {
  const lanes = await fromHere();
  const said = {
    none: undefined,
    minus: -0,
    at: new Date(0),
    list: [1, undefined],
    nested: { text: "ä\u0000" },
  };
  const entries: NewEntry<object>[] = [
    { ...fact(), customerId: "c-1", ttlMs: 5, traceparent: "00-1", keyVersion: 3, data: said },
    ...facts(200),
  ];
  const own = openOwnWriting(reader);
  own.committed(entries, await write(...entries));
  const read = await own.readLanesAfter(lanes, 1_000);
  assert.deepEqual(asked, ["journal-count-lanes"]);
  assert.deepEqual(read, await readLanesAfter(reader, lanes, 1_000));
  assert.equal(read.length, 201);
});

test("lanes in which others wrote are read from the table, the rest is not, and the order is the journal's", async () => {
  const lanes = await fromHere();
  const [a, b, c, d, e] = facts(5) as [NewEntry, NewEntry, NewEntry, NewEntry, NewEntry];
  const own = openOwnWriting(reader);
  own.committed([a, b], await write(a, b));
  await write(c);
  own.committed([d, e], await write(d, e));
  const read = await own.readLanesAfter(lanes, 1_000);
  assert.deepEqual(asked, ["journal-count-lanes", "journal-read-lanes"]);
  assert.deepEqual(read, await readLanesAfter(reader, lanes, 1_000));
  assert.deepEqual(ids(read), ids([a, b, c, d, e]));
});

test("a batch larger than a reader takes is served in parts, each entry once", async () => {
  const lanes = await fromHere();
  const entries = Array.from({ length: 30 }, (_, n) => fact({ keyVersion: n + 1 }));
  const own = openOwnWriting(reader);
  own.committed(entries, await write(...entries));
  const read: Entry[] = [];
  while (read.length < entries.length) {
    const last = read.at(-1);
    const from = last === undefined ? lanes : [{ lane: last.lane, position: last.position }];
    read.push(...(await own.readLanesAfter(from, 7)));
  }
  assert.deepEqual(ids(read), ids(entries));
  assert.deepEqual(new Set(asked), new Set(["journal-count-lanes"]));
});

test("entries whose place was not heard are read from the table", async () => {
  const lanes = await fromHere();
  const entries = facts(5);
  await write(...entries);
  const own = openOwnWriting(reader);
  own.committed(entries, null);
  assert.deepEqual(ids(await own.readLanesAfter(lanes, 1_000)), ids(entries));
});

test("an entry is not served before its turn, however certain its content", async () => {
  const lanes = await fromHere();
  const [early, late] = facts(2) as [NewEntry, NewEntry];
  const slow = await journal.reserve();
  await slow.execute("begin");
  await appendEntries(slow, [early]);
  const own = openOwnWriting(reader);
  own.committed([late], await write(late));
  assert.deepEqual(await own.readLanesAfter(lanes, 1_000), []);
  await slow.execute("commit");
  slow.release();
  let read: Entry[] = [];
  // Another test file's transaction may hold the gate of the shared server for a moment.
  while (read.length < 2) read = await own.readLanesAfter(lanes, 1_000);
  assert.deepEqual(ids(read), ids([early, late]));
});

test("a lane in which others write is read from the table at once, until it is ours again", async () => {
  const own = openOwnWriting(reader);
  const round = async (ours: number, theirs: number): Promise<readonly string[]> => {
    const lanes = await fromHere();
    const mine = Array.from({ length: ours }, () => fact());
    const others = Array.from({ length: theirs }, () => fact());
    own.committed(mine, await write(...mine));
    await write(...others);
    asked.length = 0;
    let read: Entry[] = [];
    while (read.length < ours + theirs) read = await own.readLanesAfter(lanes, 1_000);
    assert.deepEqual(ids(read), ids([...mine, ...others]));
    return [...new Set(asked)];
  };
  assert.deepEqual(await round(2, 1), ["journal-count-lanes", "journal-read-lanes"]);
  assert.deepEqual(await round(2, 1), ["journal-read-lanes"]);
  assert.deepEqual(await round(2, 0), ["journal-read-lanes"]);
  assert.deepEqual(await round(2, 0), ["journal-count-lanes"]);
});

test("a reader far behind reads from the table: what is kept is bounded", async () => {
  const own = openOwnWriting(reader, 10);
  const lanes = await fromHere();
  const entries = Array.from({ length: 20 }, (_, n) => fact({ keyVersion: n + 1 }));
  for (const part of [entries.slice(0, 8), entries.slice(8)]) own.committed(part, await write(...part));
  assert.deepEqual(ids(await own.readLanesAfter(lanes, 1_000)), ids(entries));
  assert.deepEqual(asked, ["journal-count-lanes", "journal-read-lanes"]);
});
