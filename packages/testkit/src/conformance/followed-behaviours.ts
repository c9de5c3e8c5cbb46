/** Nine ways an authority that is followed behaves, each with the end it must come to. Source: requirements OMS-128 to OMS-136. */
import assert from "node:assert/strict";
import type { FollowedScene } from "./followed-scene.ts";
import type { FollowedTest } from "./following-conformance.ts";
import type { AnswerBehaviour } from "./records-counterparty.ts";
import { person } from "./records-stage.ts";

/** They behave so for a while, things change over there, they are back: everything is told, and that they were away. */
export async function comesBack(scene: FollowedScene, behaviour: AnswerBehaviour): Promise<void> {
  const { stage, counterparty, troubles } = scene;
  const [changed = "", removed = "", left = ""] = await scene.known(3);
  const made = scene.record();
  const before = troubles();
  const asked = await counterparty.asked();
  await counterparty.behave(behaviour);
  await counterparty.breakOff();
  await scene.put(changed, 1);
  await scene.put(made, 0);
  await scene.remove(removed);
  await stage.until("them to be asked again", async () => (await counterparty.asked()) >= asked + 2);
  await stage.until("trouble to be told", () => troubles() > before);
  assert.deepEqual(await scene.told(left), [0], "trouble was taken for news");
  await scene.put(changed, 2);
  await counterparty.behaveWell();
  await scene.endsAt(changed, 2);
  await scene.becomes(made, 0);
  await scene.becomes(removed, 0, "gone");
  await scene.becomes(left, 0);
}

export const followedBehaviours: readonly FollowedTest[] = [
  {
    name: "success: what is made over there is told once, and what is changed once more",
    async run({ known, put, becomes }) {
      const [id = ""] = await known(1);
      await put(id, 1);
      await becomes(id, 0, 1);
      await put(id, 2);
      await becomes(id, 0, 1, 2);
    },
  },
  {
    name: "business rejection: does not apply",
    never: "a feed is heard: nothing is asked of them that they could refuse",
    run: async () => {},
  },
  {
    name: "no answer: broken connections, before an answer and in the middle of one, lose nothing",
    async run(scene) {
      for (const effect of [false, true]) await comesBack(scene, { behaviour: "drop", effect });
    },
  },
  {
    name: "delayed callback: news of what was found by reading already tell nothing again",
    needs: ["news", "clock"],
    async run({ stage, treaty, counterparty, known, put, becomes }) {
      const [id = ""] = await known(1);
      const delayMs = 20 * 60_000;
      await counterparty.tellSo?.({ behaviour: "delayed-callback", delayMs }, () => put(id, 1));
      await stage.moveTime(treaty.times.readAllEveryMs + 1);
      await becomes(id, 0, 1);
      await counterparty.advance?.(delayMs + 1);
    },
  },
  {
    name: "duplicate callback: three of each of several changes are as many as there were changes",
    needs: ["news"],
    async run({ counterparty, known, put, remove, becomes, caughtUp }) {
      const thrice = { behaviour: "duplicate-callback", count: 3 } as const;
      const [id = ""] = await known(1);
      for (const edition of [1, 2] as const) {
        await counterparty.tellSo?.(thrice, () => put(id, edition));
        await caughtUp();
      }
      await counterparty.tellSo?.(thrice, () => remove(id));
      await becomes(id, 0, 1, 2, "gone");
    },
  },
  {
    name: "out-of-order callback: changes whose news cross end as the record is",
    needs: ["news"],
    async run({ counterparty, known, put, endsAt }) {
      const [same = "", first = "", second = ""] = await known(3);
      const late = { behaviour: "out-of-order-callback" } as const;
      await counterparty.tellSo?.(late, () => put(same, 1));
      await put(same, 2);
      await endsAt(same, 2);
      await counterparty.tellSo?.(late, () => put(first, 1));
      await put(second, 1);
      await endsAt(first, 1);
      await endsAt(second, 1);
    },
  },
  {
    name: "malformed answer: what cannot be read is no news, and loses none",
    async run({ stage, counterparty, known, record, put, remove, told, becomes, endsAt }) {
      for (const variant of ["not-json", "missing-field", "wrong-type"] as const) {
        const [changed = "", removed = "", left = ""] = await known(3);
        const made = record();
        const asked = await counterparty.asked();
        await counterparty.behave({ behaviour: "malformed", variant });
        await counterparty.breakOff();
        await put(changed, 1);
        await put(made, 0);
        await remove(removed);
        await stage.until("them to be asked again", async () => (await counterparty.asked()) >= asked + 3);
        assert.deepEqual(await told(left), [0], "what cannot be read was taken for news");
        await counterparty.behaveWell();
        await endsAt(changed, 1);
        await becomes(made, 0);
        await becomes(removed, 0, "gone");
        await becomes(left, 0);
      }
    },
  },
  {
    name: "unauthorized answer: the treaty stops with one alert, and catches up when a person lets it go on",
    async run({ stage, treaty, counterparty, known, put, remove, told, becomes }) {
      const [changed = "", removed = ""] = await known(2);
      await counterparty.behave({ behaviour: "unauthorized" });
      await counterparty.breakOff();
      const open = await stage.stopsOnce(treaty.tenantId);
      await counterparty.behaveWell();
      await put(changed, 1);
      await remove(removed);
      await stage.asksNothing();
      assert.deepEqual([await told(changed), await told(removed)], [[0], [0]]);
      await stage.letGoOn(treaty.tenantId, open.caseId);
      await becomes(changed, 0, 1);
      await becomes(removed, 0, "gone");
      const left = (await stage.cases(treaty.tenantId)).filter(({ kind }) => kind === "credentials-refused");
      assert.deepEqual(left, []);
    },
  },
  {
    name: "unknown status: a word nobody knows is taken for none of those we know, and never for a removal",
    async run(scene) {
      const { stage, treaty, counterparty, known, put, told, caughtUp, mayBeStrange } = scene;
      const [id = ""] = await known(1);
      mayBeStrange();
      await counterparty.behave({ behaviour: "unknown-status" });
      await put(id, 1);
      const mark = scene.record();
      await put(mark, 0);
      const asked = await counterparty.asked();
      await stage.until("the record to be read", async () => (await counterparty.asked()) > asked);
      await counterparty.behaveWell();
      await caughtUp();
      const guessed = (await told(id)).filter((one) => one !== 0 && one !== 1);
      assert.deepEqual(guessed, [], "a word nobody knows was taken for one we know");
      // What it really is the next reading of everything says.
      await stage.moveTime(treaty.times.readAllEveryMs + 1);
      await scene.endsAt(id, 1);
      await stage.until("the truth to be told", async () => (await told(mark)).at(-1) === 0);
      const { tenantId } = treaty;
      for (const { kind, caseId } of await stage.cases(tenantId))
        if (kind === "record-unreadable")
          await stage.system.treaties.closeCase(stage.owner, { ...person, tenantId, caseId });
    },
  },
];
