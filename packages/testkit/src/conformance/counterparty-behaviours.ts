/** Nine ways a counterparty behaves, each with the end it must come to. Source: requirements OMS-128 to OMS-136. */
import assert from "node:assert/strict";
import type { ConformanceTest, Scene } from "./scene.ts";
import type { CounterpartyBehaviour } from "./treaty-counterparty.ts";
import { tenant } from "./treaty-stage.ts";

const person = { by: "conformance", why: "the conformance suite acts for a person" };

/** Ends completed, after one sending and one effect, whatever was heard on the way. */
async function endsDone(scene: Scene, behaviour: CounterpartyBehaviour): Promise<void> {
  const done = await scene.stage.settle(await scene.ask(behaviour), "completed");
  assert.equal(done.tries, 1, "it was sent again although it had happened");
  assert.equal(await scene.effectsOf(done), 1);
}

export const counterpartyBehaviours: readonly ConformanceTest[] = [
  {
    name: "success: one sending, one effect, completed",
    run: (scene) => endsDone(scene, { behaviour: "success" }),
  },
  {
    name: "business rejection: each reason ends rejected, without an effect, with a case",
    needs: ["rejections"],
    async run(scene) {
      for (const reason of scene.counterparty.rejections) {
        await scene.refused(await scene.askRefused(reason), reason);
      }
    },
  },
  {
    name: "no answer: completed when it happened, sent once more when it did not",
    async run(scene) {
      await endsDone(scene, { behaviour: "timeout", effect: true });
      const act = await scene.ask({ behaviour: "timeout", effect: false });
      await scene.stage.reach(act, "unknown");
      const done = await scene.stage.settle(act, "completed");
      assert.equal(done.tries, 2);
    },
  },
  {
    name: "delayed callback: later than every limit, it contradicts nothing",
    needs: ["callbacks", "clock"],
    async run(scene) {
      const { stage } = scene;
      const { resultWithinMs, inFlightMs } = stage.treaty.times;
      const delayMs = resultWithinMs + inFlightMs + 60_000;
      await endsDone(scene, { behaviour: "delayed-callback", delayMs });
      await stage.moveTime(delayMs);
      const all = () => stage.system.treaties.callbacks(stage.owner, tenant, 1_000);
      await stage.until("every callback is decided", async () =>
        (await all()).every(({ status }) => status !== "received"),
      );
      assert.deepEqual(
        (await all()).filter(({ status }) => status === "impossible"),
        [],
      );
    },
  },
  {
    name: "duplicate callback: three of each are one move",
    needs: ["callbacks"],
    async run(scene) {
      const act = await scene.ask({ behaviour: "duplicate-callback", count: 3 });
      const done = await scene.stage.settle(act, "completed");
      await scene.stage.until("three callbacks", async () => (await scene.callbacksAbout(done)).length >= 3);
      const moves = await scene.stage.moves(done);
      assert.equal(moves.filter((move) => move.includes("complete")).length, 1, moves.join(", "));
    },
  },
  {
    name: "out-of-order callback: two acts whose callbacks cross both end",
    needs: ["callbacks"],
    async run(scene) {
      const first = await scene.ask({ behaviour: "out-of-order-callback" });
      await scene.stage.reach(first, "accepted", "completed");
      const second = await scene.ask();
      await scene.stage.settle(second, "completed");
      const done = await scene.stage.settle(first, "completed");
      assert.equal(done.tries, 1);
    },
  },
  {
    name: "malformed answer: it is nobody's result; asking finds out",
    async run(scene) {
      for (const variant of ["not-json", "missing-field", "wrong-type"] as const)
        await endsDone(scene, { behaviour: "malformed", variant });
    },
  },
  {
    name: "unauthorized answer: the treaty stops with one alert, and goes on when a person lets it",
    async run(scene) {
      const { stage } = scene;
      const first = await scene.ask({ behaviour: "unauthorized" });
      const blocked = await stage.reach(first, "blocked", "rejected", "unknown", "retry_wait", "completed");
      assert.equal(blocked.state, "blocked", "refused credentials were not recognised");
      const second = await scene.ask();
      await stage.reach(second, "created", "sent", "completed");
      await stage.moveTime(stage.treaty.times.retryLongestMs * 2);
      assert.equal((await stage.of(first))?.tries, 0, "refused credentials were used again");
      assert.equal((await stage.of(second))?.state, "created", "something was sent with refused credentials");
      const open = await stage.caseOf(blocked);
      assert.equal(open?.kind, "credentials-refused");
      await stage.system.treaties.decideCase(stage.owner, {
        ...person,
        tenantId: tenant,
        caseId: open?.caseId ?? "",
        act: "resume-treaty",
      });
      for (const act of [first, second]) await stage.settle(act, "completed");
    },
  },
  {
    name: "unknown status: it is guessed neither done nor failed; asking or a person finds out",
    async run(scene) {
      const { stage } = scene;
      const act = await scene.ask({ behaviour: "unknown-status" });
      const found = await stage.settle(act, "completed", "fallout", "rejected");
      assert.notEqual(found.state, "rejected", "a status nobody knows was taken for a refusal");
      if (found.state === "fallout") {
        assert.equal(found.doubt, true);
        const open = await stage.caseOf(found);
        assert.ok(open !== null, "nobody was told");
        const decision = { ...person, tenantId: tenant, caseId: open.caseId, act: "ask-again" } as const;
        await stage.system.treaties.decideCase(stage.owner, decision);
      }
      const done = await stage.settle(act, "completed");
      assert.equal(done.tries, 1);
    },
  },
];
