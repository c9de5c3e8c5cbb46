/** What following a feed adds to the eleven tests and nine behaviours: the place, absences of ours and theirs, the switch. */
import assert from "node:assert/strict";
import { comesBack } from "./followed-behaviours.ts";
import type { FollowedTest } from "./following-conformance.ts";
import type { AnswerBehaviour } from "./records-counterparty.ts";

export const feedTests: readonly FollowedTest[] = [
  {
    name: "restart: a program that ends and starts goes on at its place, and misses nothing",
    async run({ stage, known, record, put, remove, becomes, endsAt }) {
      const [changed = "", often = "", removed = "", left = ""] = await known(4);
      const made = record();
      const readings = async () =>
        (await stage.rows("select 1 from entente.journal where type = 'entente.feed-read'", [])).length;
      const before = await readings();
      await stage.restart(async () => {
        await put(changed, 1);
        await put(often, 1);
        await put(often, 2);
        await put(made, 0);
      });
      await becomes(changed, 0, 1);
      await endsAt(often, 2);
      await becomes(made, 0);
      assert.equal(await readings(), before, "the place was good, and everything was read all the same");
      // What was removed leaves no record behind at some, so that everything is read.
      await stage.restart(() => remove(removed));
      await becomes(removed, 0, "gone");
      await becomes(left, 0);
    },
  },
  {
    name: "end in the middle: a program that ends while changes come in loses and doubles none",
    async run({ stage, known, put, becomes }) {
      const ids = await known(8);
      let changing: Promise<unknown> = Promise.resolve();
      const changeAll = async () => {
        for (const id of ids) await put(id, 1);
      };
      changing = changeAll();
      await stage.restart(async () => void (await changing));
      for (const id of ids) await becomes(id, 0, 1);
    },
  },
  {
    name: "reading broken off: what could not be read is not taken for removed, and is read again",
    async run({ stage, treaty, counterparty, known, put, told, becomes }) {
      const [changed = "", left = ""] = await known(2);
      const read = async () => (await stage.system.treaties.feeds(stage.owner))[0]?.readAllAt ?? 0;
      const troubles: readonly AnswerBehaviour[] = [
        { behaviour: "drop", effect: true },
        { behaviour: "server-error", effect: false },
        { behaviour: "throttled" },
        { behaviour: "malformed", variant: "missing-field" },
        { behaviour: "timeout", effect: false },
      ];
      for (const behaviour of troubles) {
        // Each kind of request fails once: what opens the connection, and then the reading.
        await counterparty.behave(behaviour, 1);
        const before = await read();
        await stage.moveTime(treaty.times.readAllEveryMs + 1);
        await stage.until("everything to be read", async () => (await read()) > before);
        assert.deepEqual(await told(left), [0], `${behaviour.behaviour} was taken for a removal`);
        await counterparty.behaveWell();
      }
      await put(changed, 1);
      await becomes(changed, 0, 1);
      await becomes(left, 0);
    },
  },
  {
    name: "place lost: when they do not keep our place any more everything is read, and the end is the same",
    needs: ["places"],
    async run({ stage, counterparty, known, record, put, remove, becomes }) {
      const [changed = "", removed = "", alsoRemoved = "", left = ""] = await known(4);
      const made = record();
      await stage.restart(async () => {
        await put(changed, 1);
        await put(made, 0);
        for (const id of [removed, alsoRemoved]) await remove(id);
        await counterparty.forgetPlaces?.();
      });
      await becomes(changed, 0, 1);
      await becomes(made, 0);
      await becomes(removed, 0, "gone");
      await becomes(alsoRemoved, 0, "gone");
      await becomes(left, 0);
    },
  },
  {
    name: "removed while we were away: it is told, though the news of it are lost",
    needs: ["news"],
    async run({ stage, treaty, counterparty, known, remove, becomes }) {
      const ids = await known(2);
      await stage.restart(async () => {
        for (const id of ids) await counterparty.tellSo?.({ behaviour: "lost-callback" }, () => remove(id));
      });
      await stage.moveTime(treaty.times.readAllEveryMs + 1);
      for (const id of ids) await becomes(id, 0, "gone");
    },
  },
  {
    name: "throttled: their limit slows it down, stops nothing and loses nothing",
    async run(scene) {
      await comesBack(scene, { behaviour: "throttled" });
      assert.equal(await scene.stage.stoppedBy(), undefined);
    },
  },
  {
    name: "server error: a fault of theirs is tried again and loses nothing",
    run: (scene) => comesBack(scene, { behaviour: "server-error", effect: false }),
  },
  {
    name: "stopped by an operator: nothing is asked or told from that moment on; resumed, everything is",
    async run({ stage, treaty, known, record, put, remove, told, becomes }) {
      const [changed = "", removed = ""] = await known(2);
      const made = record();
      const { tenantId, name } = treaty;
      await stage.setStopped(tenantId, true);
      await put(changed, 1);
      await put(made, 0);
      await remove(removed);
      await stage.until("the feed to be let go", async () => {
        const [feed] = await stage.system.treaties.feeds(stage.owner);
        return feed?.code === "not-followed";
      });
      await stage.asksNothing();
      assert.deepEqual([await told(changed), await told(made), await told(removed)], [[0], [], [0]]);
      await stage.setStopped(tenantId, false);
      await becomes(changed, 0, 1);
      await becomes(made, 0);
      await becomes(removed, 0, "gone");
      const acts = await stage.rows<{ type: string }>(
        `select type from entente.journal where kind = 'control' and data->>'treaty' = $1 and tenant_id = $2 order by xid desc, seq desc limit 2`,
        [name, tenantId],
      );
      assert.deepEqual(
        acts.map(({ type }) => type),
        ["entente.treaty-resumed", "entente.treaty-stopped"],
      );
    },
  },
];
