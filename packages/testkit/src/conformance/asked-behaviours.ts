/** Nine ways an authority that is asked behaves, and some more, each with the end it must come to. Source: requirements OMS-128 to OMS-136. */
import assert from "node:assert/strict";
import type { AskedScene, AskedTest } from "./reading-conformance.ts";
import { type AnswerBehaviour, editions } from "./records-counterparty.ts";
import { tenant } from "./treaty-stage.ts";

const noCallbacks = "an answer comes to whoever asked: nobody calls back";

/** Of who was never answered, and of who was, with another content meanwhile; and the truth once they are back. */
async function isNoAnswer(
  { counterparty, known, asksTruth, asksInVain }: AskedScene,
  behaviour: AnswerBehaviour,
): Promise<void> {
  const [asked, never] = [await known(), await known()];
  await asksTruth(asked);
  await counterparty.put(asked, 1);
  await counterparty.behave(behaviour);
  assert.notEqual(await asksInVain(never), "");
  await asksInVain(asked, 0);
  await counterparty.behaveWell();
  await asksTruth(never);
  await asksTruth(asked);
}

export const askedBehaviours: readonly AskedTest[] = [
  {
    name: "success: the answer is what is over there",
    run: async ({ known, asksTruth }) => asksTruth(await known()),
  },
  {
    name: "business rejection: each reason is told as a refusal, and remembered for nobody",
    needs: "rejections",
    async run({ treaty, counterparty, known, ask, asksTruth }) {
      const id = await known();
      for (const reason of counterparty.rejections ?? []) {
        await counterparty.behave({ behaviour: "rejection", reason });
        const asked = await ask(id);
        assert.equal(asked.outcome, "refused", `${reason}: ${JSON.stringify(asked)}`);
        const code = asked.outcome === "refused" ? asked.code : "";
        assert.equal(treaty.errorMap[code]?.class, "BUSINESS_REJECTED", reason);
        await counterparty.behaveWell();
        await asksTruth(id);
      }
    },
  },
  {
    name: "no answer: broken connections, before an answer and in the middle of one, are no answer",
    async run(scene) {
      for (const effect of [false, true]) await isNoAnswer(scene, { behaviour: "drop", effect });
    },
  },
  {
    name: "late answer: it is given to nobody, neither to who waited nor to who asks next",
    async run({ treaty, counterparty, known, asksTruth, asksInVain }) {
      const id = await known();
      await asksTruth(id);
      const delayMs = treaty.timeoutMs + 400;
      await counterparty.behave({ behaviour: "slow", delayMs, effectFirst: true }, 1);
      await asksInVain(id, 0);
      await counterparty.put(id, 1);
      await asksTruth(id);
    },
  },
  { name: "delayed callback: does not apply", never: noCallbacks, run: async () => {} },
  { name: "duplicate callback: does not apply", never: noCallbacks, run: async () => {} },
  { name: "out-of-order callback: does not apply", never: noCallbacks, run: async () => {} },
  {
    name: "malformed answer: what cannot be read is no answer",
    async run(scene) {
      for (const variant of ["not-json", "missing-field", "wrong-type"] as const)
        await isNoAnswer(scene, { behaviour: "malformed", variant });
    },
  },
  {
    name: "unauthorized answer: the treaty stops with one alert, nobody is asked, and a person lets it go on",
    async run({ stage, counterparty, known, asksTruth, asksInVain }) {
      const [asked, never] = [await known(), await known()];
      await asksTruth(asked);
      await counterparty.behave({ behaviour: "unauthorized" });
      await asksInVain(never);
      const open = await stage.stopsOnce(tenant);
      await counterparty.behaveWell();
      const before = await counterparty.asked();
      assert.equal(await asksInVain(never), "treaty-stopped");
      assert.equal(await counterparty.asked(), before, "they were asked with refused credentials");
      await stage.letGoOn(tenant, open.caseId);
      await asksTruth(asked);
      await asksTruth(never);
    },
  },
  {
    name: "unknown status: a word nobody knows is taken for none of those we know",
    async run({ counterparty, options, known, ask, asksTruth }) {
      const id = await known();
      await counterparty.behave({ behaviour: "unknown-status" });
      const asked = await ask(id);
      const words = [...editions, null].map((edition) => options.answer(id, edition));
      if (asked.outcome === "answered" || asked.outcome === "stale")
        for (const answer of words)
          assert.notDeepEqual(asked.answer, answer, "a word nobody knows was taken for one we know");
      else assert.notEqual(asked.outcome, "refused", "a word nobody knows was taken for a refusal");
      await counterparty.behaveWell();
      await asksTruth(id);
    },
  },
  {
    name: "throttled: their limit is no answer, and stops nothing",
    async run(scene) {
      await isNoAnswer(scene, { behaviour: "throttled" });
      assert.equal(await scene.stage.stoppedBy(), undefined);
    },
  },
  {
    name: "server error: a fault of theirs is no answer, and stops nothing",
    async run(scene) {
      await isNoAnswer(scene, { behaviour: "server-error", effect: false });
      assert.equal(await scene.stage.stoppedBy(), undefined);
    },
  },
  {
    name: "stopped by an operator: nobody is asked from that moment on; resumed, the answer is the truth",
    async run({ stage, counterparty, known, asksTruth, asksInVain }) {
      const id = await known();
      await stage.setStopped(tenant, true);
      const before = await counterparty.asked();
      assert.equal(await asksInVain(id), "treaty-stopped");
      assert.equal(await counterparty.asked(), before);
      await stage.setStopped(tenant, false);
      await asksTruth(id);
    },
  },
  {
    name: "old answers: one that is older than will do is given no more",
    async run({ stage, treaty, counterparty, known, asksTruth, asksInVain }) {
      const id = await known();
      await asksTruth(id);
      await counterparty.behave({ behaviour: "drop", effect: false });
      await stage.moveTime(treaty.staleAllowedMs + 1_000);
      await asksInVain(id);
    },
  },
];
