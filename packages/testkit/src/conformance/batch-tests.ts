/** What batches add: every row has its own key, its own outcome and its own effect, and silence about a row is no outcome. */
import assert from "node:assert/strict";
import type { ConformanceTest } from "./scene.ts";

export const batchTests: readonly ConformanceTest[] = [
  {
    name: "batch of rows: rows travel together, and each has its own key, outcome and effect",
    needs: ["batches"],
    async run({ stage, ask, counterparty }) {
      const done = await stage.settle(await ask(), "completed");
      const rows = await stage.rows(done);
      assert.equal(rows.length, stage.rowsPerAct, "the rows did not travel together");
      assert.equal(new Set(rows.map(({ idempotencyKey }) => idempotencyKey)).size, rows.length);
      const effects = await counterparty.effects();
      for (const { idempotencyKey, outcome } of rows) {
        const own = effects.filter(({ key }) => key === idempotencyKey);
        assert.deepEqual([outcome, own.length], ["completed", 1], idempotencyKey);
      }
    },
  },
  {
    name: "partly refused: one row is refused with a case, the others happen, and nothing is sent again",
    needs: ["batches", "row rejections"],
    async run({ stage, ask, counterparty, effectsOf }) {
      const reason = counterparty.rejections[0] as string;
      const done = await stage.settle(await ask({ behaviour: "rejection", reason }), "completed");
      const outcomes = (await stage.rows(done)).map(({ outcome }) => outcome).sort();
      const others = Array.from({ length: stage.rowsPerAct - 1 }, () => "completed");
      assert.deepEqual(outcomes, [...others, "rejected"]);
      assert.equal((await stage.caseOf(done))?.kind, "rows-rejected");
      assert.deepEqual([await effectsOf(done), done.tries], [others.length / stage.rowsPerAct, 1]);
    },
  },
  {
    name: "partly done: of a batch that broke off, asking finds what happened, and only the rest is sent again",
    needs: ["batches", "broken batches"],
    async run({ stage, ask, counterparty, effectsOf }) {
      await counterparty.breakAfterRows?.(1);
      const act = await ask();
      await stage.reach(act, "unknown", "completed");
      const done = await stage.settle(act, "completed");
      assert.deepEqual([await effectsOf(done), done.tries], [1, 2]);
    },
  },
  {
    name: "row twice: the same row in one batch and in the next has one effect and stands in one batch",
    needs: ["batches"],
    async run({ stage, effectsOf, counterparty }) {
      const before = (await counterparty.effects()).length;
      const id = `twice-${stage.wallNow()}`;
      const first = await stage.settle(await stage.ask(undefined, id, true), "completed");
      // The other one holds the same rows and nothing else: it never becomes a batch. What is asked for after it does.
      await stage.ask(undefined, id);
      const after = await stage.settle(await stage.ask(), "completed");
      assert.deepEqual([first.rows, after.rows], [stage.rowsPerAct, stage.rowsPerAct]);
      assert.deepEqual([await effectsOf(first), await effectsOf(after)], [1, 1]);
      assert.equal((await counterparty.effects()).length - before, 2 * stage.rowsPerAct);
    },
  },
];
