import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../postgres/database.ts";
import { bank } from "../testing/bank.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { appendEntries } from "./append.ts";
import { type FeedPage, readFeedPage } from "./feed.ts";

const bed = await openTestBed();
const name = bed.newName();
let journal: Database;
let reader: Database;

before(async () => {
  const stage = await bed.stage(bank(name));
  journal = stage.database("ledger");
  reader = stage.database("ledger", "reader");
});

/** All pages after a cursor, until nothing is new. Waits for other writers of the server to pass the gate. */
async function pages(
  tenantId: string,
  cursor: string | null,
  limit: number,
  atLeast: number,
): Promise<FeedPage[]> {
  const read: FeedPage[] = [];
  let count = 0;
  for (let after = cursor; ; ) {
    const page = await readFeedPage(reader, tenantId, after, limit);
    after = page.cursor;
    count += page.entries.length;
    if (page.entries.length > 0) read.push(page);
    else if (count >= atLeast) return read;
  }
}

const idsOf = (read: readonly FeedPage[]) => read.flatMap((page) => page.entries.map((entry) => entry.id));

test("a subscriber pages through its tenant's entries by cursor, each once, in journal order", async () => {
  const own = Array.from({ length: 23 }, (_, n) =>
    fact({ tenantId: "paging", key: `a-${n % 9}`, data: { n } }),
  );
  const foreign = Array.from({ length: 40 }, () => fact({ tenantId: "neighbour" }));
  await appendEntries(journal, [...own.slice(0, 10), ...foreign, ...own.slice(10)]);
  const read = await pages("paging", null, 5, own.length);
  assert.deepEqual(
    read.map((page) => page.entries.length),
    [5, 5, 5, 5, 3],
  );
  assert.deepEqual(
    idsOf(read),
    own.map((entry) => entry.id),
  );
  assert.deepEqual(
    idsOf(await pages("paging", null, 1_000, own.length)),
    own.map((entry) => entry.id),
  );
});

test("another tenant sees nothing, with no cursor and with somebody else's", async () => {
  const entry = fact({ tenantId: "secretive" });
  await appendEntries(journal, [entry]);
  const [page] = await pages("secretive", null, 10, 1);
  const empty = await readFeedPage(reader, "curious", null, 10);
  assert.deepEqual(empty.entries, []);
  assert.deepEqual((await readFeedPage(reader, "curious", page?.cursor ?? null, 10)).entries, []);
  assert.deepEqual((await readFeedPage(reader, "curious", empty.cursor, 10)).entries, []);
});

test("a page without news keeps its cursor, and what comes later is read from there", async () => {
  const first = fact({ tenantId: "patient" });
  await appendEntries(journal, [first]);
  const cursor = (await pages("patient", null, 10, 1)).at(-1)?.cursor ?? "";
  assert.deepEqual(await readFeedPage(reader, "patient", cursor, 10), { entries: [], cursor });
  const second = fact({ tenantId: "patient" });
  await appendEntries(journal, [second]);
  assert.deepEqual(idsOf(await pages("patient", cursor, 10, 1)), [second.id]);
});

test("an entry whose transaction is still open is not passed over", async () => {
  const slow = await journal.reserve();
  await slow.execute("begin");
  const late = fact({ tenantId: "overlapping" });
  await appendEntries(slow, [late]);
  const early = fact({ tenantId: "overlapping" });
  await appendEntries(journal, [early]);
  const page = await readFeedPage(reader, "overlapping", null, 10);
  assert.deepEqual(page.entries, []);
  await slow.execute("commit");
  slow.release();
  assert.deepEqual(idsOf(await pages("overlapping", page.cursor, 10, 2)), [late.id, early.id]);
});

test("what is not a cursor of this feed is refused", async () => {
  const { cursor } = await readFeedPage(reader, "acme", null, 10);
  const [generation] = Buffer.from(cursor, "base64url").toString().split(".");
  const written = (text: string) => Buffer.from(text).toString("base64url");
  for (const wrong of [
    "",
    "x",
    "' or true --",
    written("1.2"),
    written(`${generation}.1`),
    written(`${generation}.-1.0`),
    written(`${generation}.1.2.3`),
    written(`${generation}.18446744073709551616.0`),
    written(`${generation}.0.9223372036854775808`),
    written(`${generation}.0.0 `),
  ]) {
    await assert.rejects(
      readFeedPage(reader, "acme", wrong, 10),
      { code: "cursor-invalid", kind: "refused" },
      wrong,
    );
  }
});

test("a page holds 1 to 1,000 entries; any other limit is refused", async () => {
  for (const limit of [0, -1, 1_001, 1.5, Number.NaN]) {
    await assert.rejects(readFeedPage(reader, "acme", null, limit), RangeError);
  }
  await readFeedPage(reader, "acme", null, 1);
  await readFeedPage(reader, "acme", null, 1_000);
});

test("a cursor of an earlier generation, or from ahead of the journal, says that the journal was replaced", async () => {
  const { cursor } = await readFeedPage(reader, "acme", null, 10);
  const [generation] = Buffer.from(cursor, "base64url").toString().split(".");
  const ahead = Buffer.from(`${generation}.18446744073709551615.0`).toString("base64url");
  await assert.rejects(readFeedPage(reader, "acme", ahead, 10), {
    code: "cursor-outdated",
    kind: "conflict",
  });
  await bed.sql(name, "ledger", "update entente.journal_identity set generation = gen_random_uuid()");
  await assert.rejects(readFeedPage(reader, "acme", cursor, 10), {
    code: "cursor-outdated",
    kind: "conflict",
  });
});
