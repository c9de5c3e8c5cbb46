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

async function write(...entries: readonly NewEntry<object>[]): Promise<void> {
  await appendEntries(journal, entries);
}

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
  await write(...entries);
  const own = openOwnWriting(reader);
  own.committed(entries);
  const read = await own.readLanesAfter(lanes, 1_000);
  assert.deepEqual(asked, ["journal-read-lane-places"]);
  assert.deepEqual(read, await readLanesAfter(reader, lanes, 1_000));
  assert.equal(read.length, 201);
});

test("entries of other writers in between are fetched, and the order is the journal's", async () => {
  const lanes = await fromHere();
  const [a, b, c, d, e] = facts(5) as [NewEntry, NewEntry, NewEntry, NewEntry, NewEntry];
  await write(a, b);
  await write(c);
  await write(d, e);
  const own = openOwnWriting(reader);
  own.committed([a, b, d, e]);
  const read = await own.readLanesAfter(lanes, 1_000);
  assert.deepEqual(asked, ["journal-read-lane-places", "journal-read-by-id"]);
  assert.deepEqual(read, await readLanesAfter(reader, lanes, 1_000));
});

test("an entry is not served before its turn, however certain its content", async () => {
  const lanes = await fromHere();
  const [early, late] = facts(2) as [NewEntry, NewEntry];
  const slow = await journal.reserve();
  await slow.execute("begin");
  await appendEntries(slow, [early]);
  await write(late);
  const own = openOwnWriting(reader);
  own.committed([late]);
  assert.deepEqual(await own.readLanesAfter(lanes, 1_000), []);
  await slow.execute("commit");
  slow.release();
  let read: Entry[] = [];
  // Another test file's transaction may hold the gate of the shared server for a moment.
  while (read.length < 2) read = await own.readLanesAfter(lanes, 1_000);
  assert.deepEqual(ids(read), ids([early, late]));
});

test("where most was written elsewhere the table is read whole at once, until most is ours again", async () => {
  const own = openOwnWriting(reader);
  const round = async (ours: number, theirs: number): Promise<readonly string[]> => {
    const lanes = await fromHere();
    const entries = facts(ours + theirs);
    await write(...entries);
    own.committed(entries.slice(0, ours));
    asked.length = 0;
    let read: Entry[] = [];
    while (read.length < entries.length) read = [...read, ...(await own.readLanesAfter(lanes, 1_000))];
    assert.deepEqual(ids(read), ids(entries));
    return [...new Set(asked)];
  };
  assert.deepEqual(await round(2, 8), ["journal-read-lane-places", "journal-read-by-id"]);
  assert.deepEqual(await round(2, 8), ["journal-read-lanes"]);
  assert.deepEqual(await round(8, 2), ["journal-read-lanes"]);
  assert.deepEqual(await round(8, 2), ["journal-read-lane-places", "journal-read-by-id"]);
});

test("a reader far behind reads from the table: what is kept is bounded", async () => {
  const own = openOwnWriting(reader, 10);
  const lanes = await fromHere();
  const entries = facts(20);
  await write(...entries);
  own.committed(entries.slice(0, 8));
  own.committed(entries.slice(8));
  assert.deepEqual(ids(await own.readLanesAfter(lanes, 1_000)), ids(entries));
  assert.deepEqual(asked, ["journal-read-lanes"]);
});
