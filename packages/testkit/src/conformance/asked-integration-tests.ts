/** The eleven tests of an integration, as a treaty that only reads passes them. Source: requirements OMS-117 to OMS-127. */
import assert from "node:assert/strict";
import { answerClasses, contradictionsIn, missingIn } from "@entente/core";
import { validatorOf } from "@entente/core/internal";
import { strangeReplies } from "./integration-tests.ts";
import type { AskedTest } from "./reading-conformance.ts";
import { otherTenant, tenant } from "./treaty-stage.ts";

const noCallbacks = "an answer comes to whoever asked: nobody calls back";

export const askedIntegrationTests: readonly AskedTest[] = [
  {
    name: "contract: nothing is missing, and question and answer fit their schemas as they are on the wire",
    async run({ treaty, known, asksTruth }) {
      assert.deepEqual([missingIn(treaty), contradictionsIn(treaty)], [[], []]);
      await asksTruth(await known());
    },
  },
  {
    name: "adapter mapping: every content is given in our words, and what nobody has heard of is no answer",
    async run({ treaty, counterparty, known, asksTruth }) {
      const id = await known();
      for (const edition of [1, 2] as const) {
        await counterparty.put(id, edition);
        await asksTruth(id);
      }
      for (const [code, { class: answerClass, means }] of Object.entries(treaty.errorMap)) {
        assert.ok(answerClasses.includes(answerClass), code);
        assert.notEqual(means.trim(), "", code);
      }
      for (const reply of strangeReplies) {
        let isAnswer = false;
        try {
          const said = treaty.translate(reply as never);
          isAnswer =
            said.says !== "code" &&
            said.answer !== undefined &&
            validatorOf(treaty.output)(reply.body) === null;
        } catch {
          // What it cannot read it throws for.
        }
        assert.ok(!isAnswer, `${reply.status} ${JSON.stringify(reply.body)} was read as an answer`);
      }
    },
  },
  {
    name: "idempotency: asked twice they say the same, and nothing has happened over there",
    async run({ known, asksTruth }) {
      const id = await known();
      for (let n = 0; n < 3; n++) await asksTruth(id);
    },
  },
  {
    name: "timeout: silence is no answer, and whoever waits is told so in time",
    async run({ treaty, counterparty, known, asksTruth, asksInVain }) {
      const [asked, never] = [await known(), await known()];
      await asksTruth(asked);
      await counterparty.put(asked, 1);
      await counterparty.behave({ behaviour: "timeout", effect: false });
      const began = performance.now();
      await asksInVain(never);
      assert.ok(performance.now() - began < treaty.timeoutMs * 2 + 1_000, "whoever waited was left waiting");
      await asksInVain(asked, 0);
      await counterparty.behaveWell();
      await asksTruth(asked);
      await asksTruth(never);
    },
  },
  { name: "duplicate callback: does not apply", never: noCallbacks, run: async () => {} },
  { name: "early callback: does not apply", never: noCallbacks, run: async () => {} },
  {
    name: "reconciliation: what has changed over there is in the next answer",
    async run({ counterparty, known, asksTruth }) {
      const id = await known();
      await asksTruth(id);
      await counterparty.put(id, 1);
      await asksTruth(id);
      await counterparty.remove(id);
      await asksTruth(id);
    },
  },
  {
    name: "rejection: what is not there is said not to be there, and what was removed, too",
    async run({ stage, counterparty, known, asksTruth }) {
      await asksTruth(stage.newId());
      const id = await known();
      await counterparty.remove(id);
      await asksTruth(id);
    },
  },
  {
    name: "security: it goes out by the one door alone; where that stays shut it stops, and nothing arrives",
    async run({ stage, counterparty, known, ask, asksTruth }) {
      const id = await known();
      await stage.restart(undefined, { hosts: [] });
      const before = await counterparty.asked();
      const asked = await ask(id);
      assert.deepEqual(asked, { outcome: "unavailable", code: "egress-refused" });
      const open = await stage.stopsOnce(tenant);
      assert.equal(await counterparty.asked(), before, "it went out by another way than `means.connect`");
      await stage.restart();
      await stage.letGoOn(tenant, open.caseId);
      await asksTruth(id);
    },
  },
  {
    name: "replay: does not apply",
    never: "a question is in no journal, which every other test proves: nothing can be read again",
    run: async () => {},
  },
  {
    name: "tenant: what was answered to one is never given to another",
    async run({ treaty, counterparty, known, asksTruth, asksInVain }) {
      const id = await known();
      await asksTruth(id);
      await counterparty.behave({ behaviour: "drop", effect: false });
      await asksInVain(id, undefined, otherTenant);
      if (treaty.staleAllowedMs > 0) await asksInVain(id, 0, tenant);
    },
  },
];
