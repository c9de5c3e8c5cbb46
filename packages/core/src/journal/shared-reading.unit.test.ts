import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Entry } from "../model/entry.ts";
import type { Database } from "../postgres/database.ts";
import { shareReading } from "./shared-reading.ts";

/** A journal of one tenant in memory that counts how often it is asked. */
function journal(): { database: Database; write(lane: number, ...seqs: number[]): void; asked(): number } {
  const rows: unknown[][] = [];
  let asked = 0;
  const runRows = async (_statement: unknown, values: readonly unknown[] = []): Promise<unknown[][]> => {
    asked++;
    const [lanes, , seqs, limit] = values as [Buffer, Buffer, Buffer, number];
    const count = (lanes.length - 20) / 6;
    const found: unknown[][] = [];
    for (let i = 0; i < count; i++) {
      const lane = lanes.readInt16BE(20 + i * 6 + 4);
      const seq = Number(seqs.readBigInt64BE(20 + i * 12 + 4));
      found.push(...rows.filter((row) => row[3] === lane && Number(row[2]) > seq).slice(0, limit));
    }
    return found.sort((a, b) => Number(a[2]) - Number(b[2]));
  };
  return {
    database: { runRows } as unknown as Database,
    write(lane, ...seqs) {
      for (const seq of seqs)
        rows.push([`id-${seq}`, "1", String(seq), lane, "event", ...Array<null>(15).fill(null)]);
    },
    asked: () => asked,
  };
}

const at = (lane: number, seq: number) => ({ lane, position: { xid: "1", seq: String(seq) } });
const seqs = (entries: readonly Entry[]) => entries.map((entry) => Number(entry.position.seq));

describe("shared reading", () => {
  test("keeps nothing that every follower has passed", async () => {
    const { database, write, asked } = journal();
    const reading = shareReading(database);
    write(0, 1, 2, 3, 4);
    await reading.after("view", [at(0, 0)], 10);
    assert.deepEqual(seqs(await reading.after("balance", [at(0, 0)], 2)), [1, 2]);
    await reading.after("view", [at(0, 4)], 10);
    assert.equal(asked(), 2);
    assert.deepEqual(seqs(await reading.after("balance", [at(0, 2)], 10)), [3, 4]);
    assert.equal(asked(), 2, "what the slower one has not passed is kept");
    assert.deepEqual(seqs(await reading.after("balance", [at(0, 1)], 10)), [2, 3, 4]);
    assert.equal(asked(), 3, "what both have passed is read again");
  });

  test("answers a follower from memory and asks the journal only for what nobody read", async () => {
    const { database, write, asked } = journal();
    const reading = shareReading(database);
    write(0, 1, 3);
    write(1, 2, 4);
    assert.deepEqual(seqs(await reading.after("view", [at(0, 0), at(1, 0)], 10)), [1, 2, 3, 4]);
    assert.deepEqual(seqs(await reading.after("view", [at(0, 0), at(1, 2)], 10)), [1, 3, 4]);
    assert.equal(asked(), 1);
    write(0, 5);
    assert.deepEqual(seqs(await reading.after("view", [at(0, 3), at(1, 0)], 10)), [2, 4, 5]);
    assert.equal(asked(), 2);
  });

  test("keeps what a slow follower has not passed although two others read the same at the same time", async () => {
    const { database, write, asked } = journal();
    const reading = shareReading(database);
    write(0, 1, 2, 3, 4);
    await reading.after("log", [at(0, 0)], 10);
    write(0, 5, 6);
    const both = ["view", "balance"].map((follower) => reading.after(follower, [at(0, 4)], 10));
    for (const entries of await Promise.all(both)) assert.deepEqual(seqs(entries), [5, 6]);
    const before = asked();
    assert.deepEqual(seqs(await reading.after("log", [at(0, 0)], 10)), [1, 2, 3, 4, 5, 6]);
    assert.equal(asked(), before);
  });

  test("a follower that is far behind does not cost the others their memory, and takes from it once it comes there", async () => {
    const { database, write, asked } = journal();
    const reading = shareReading(database, 4);
    write(0, 1, 2, 3, 4, 5, 6, 7, 8);
    await reading.after("view", [at(0, 4)], 10);
    assert.deepEqual(seqs(await reading.after("log", [at(0, 0)], 2)), [1, 2]);
    const before = asked();
    assert.deepEqual(seqs(await reading.after("balance", [at(0, 4)], 10)), [5, 6, 7, 8]);
    assert.equal(asked(), before);
    assert.deepEqual(seqs(await reading.after("log", [at(0, 2)], 3)), [3, 4, 5]);
    assert.equal(asked(), before + 1);
    assert.deepEqual(seqs(await reading.after("log", [at(0, 5)], 10)), [6, 7, 8]);
    assert.equal(asked(), before + 1);
  });

  test("never serves a lane with a gap: a reader elsewhere starts a new run", async () => {
    const { database, write } = journal();
    const reading = shareReading(database);
    write(0, 1, 2, 3, 4, 5, 6);
    assert.deepEqual(seqs(await reading.after("view", [at(0, 0)], 2)), [1, 2]);
    assert.deepEqual(seqs(await reading.after("view", [at(0, 4)], 2)), [5, 6]);
    assert.deepEqual(seqs(await reading.after("view", [at(0, 0)], 10)), [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(seqs(await reading.after("view", [at(0, 2)], 10)), [3, 4, 5, 6]);
  });

  test("keeps a bounded number of entries per lane and reads forgotten ones again", async () => {
    const { database, write, asked } = journal();
    const reading = shareReading(database, 3);
    write(0, 1, 2, 3, 4);
    await reading.after("balance", [at(0, 0)], 2);
    await reading.after("view", [at(0, 0)], 2);
    await reading.after("view", [at(0, 2)], 2);
    assert.deepEqual(seqs(await reading.after("balance", [at(0, 1)], 10)), [2, 3, 4]);
    assert.equal(asked(), 2);
    assert.deepEqual(seqs(await reading.after("balance", [at(0, 0)], 10)), [1, 2, 3, 4]);
    assert.equal(asked(), 3);
  });

  test("forgets everything when told to", async () => {
    const { database, write, asked } = journal();
    const reading = shareReading(database);
    write(0, 1);
    await reading.after("view", [at(0, 0)], 10);
    reading.forget();
    await reading.after("view", [at(0, 0)], 10);
    assert.equal(asked(), 2);
  });
});
