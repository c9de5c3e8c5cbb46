import assert from "node:assert/strict";
import type { HandOff, HandOffState } from "@entente/core";
import type { CallbackMessage } from "./callback-door.ts";
import type { CounterpartyBehaviour, TreatyCounterparty } from "./treaty-counterparty.ts";
import { type Act, type ConformanceOptions, type TreatyStage, tenant } from "./treaty-stage.ts";

/** One test's view of the stage: what it asked for, and what really happened since it began. */
export interface Scene {
  readonly stage: TreatyStage;
  readonly counterparty: TreatyCounterparty;
  readonly options: ConformanceOptions;
  /** Asks for one act, to which the counterparty behaves so (default: as it should). */
  ask(behaviour?: CounterpartyBehaviour, tenantId?: string, id?: string): Promise<Act>;
  /** How often the act has really happened, under any key of its attempts. */
  effectsOf(handOff: HandOff): Promise<number>;
  /** Callbacks that arrived about a hand-off, once there is one. */
  callbacksAbout(handOff: HandOff): Promise<readonly CallbackMessage[]>;
  /** Holds what both sides say against each other, for everything this test asked for. */
  compareWithTruth(): Promise<void>;
}

export interface ConformanceTest {
  /** Its name in the report: a statement that holds when it passes. */
  readonly name: string;
  /** What the treaty and its counterparty must have for it to apply. */
  readonly needs?: readonly ("callbacks" | "clock" | "rejections")[];
  run(scene: Scene): Promise<void>;
}

export async function openScene(
  stage: TreatyStage,
  counterparty: TreatyCounterparty,
  options: ConformanceOptions,
): Promise<Scene> {
  const before = (await counterparty.effects()).length;
  const acts: Act[] = [];
  const effectsOf = async (handOff: HandOff): Promise<number> =>
    (await counterparty.effects()).filter(({ key }) => key !== null && isAbout(handOff, key)).length;
  return {
    stage,
    counterparty,
    options,
    async ask(behaviour = { behaviour: "success" }, tenantId = tenant, id) {
      if (behaviour.behaviour !== "success") await counterparty.behave(behaviour, 1);
      const act = await stage.ask(tenantId, id);
      acts.push(act);
      return act;
    },
    effectsOf,
    async callbacksAbout(handOff) {
      const found = (): CallbackMessage[] =>
        (stage.door?.arrived ?? []).filter((message) => speaksOf(stage, message, handOff));
      await stage.until("a callback about the hand-off", () => found().length > 0);
      return found();
    },
    async compareWithTruth() {
      const known = await stage.all();
      const strays = (await counterparty.effects())
        .slice(before)
        .filter(({ key }) => key === null || !known.some((handOff) => isAbout(handOff, key)));
      assert.deepEqual(strays, [], "something happened over there under a key that no hand-off has");
      for (const act of acts) {
        const handOff = await stage.of(act);
        assert.ok(handOff !== null, "a fact that asks for an act has no hand-off");
        const happened = await effectsOf(handOff);
        assert.ok(happened <= 1, `the act happened ${happened} times: ${handOff.idempotencyKey}`);
        const expected = effectsExpected(handOff);
        if (expected !== null)
          assert.equal(happened, expected, `it is ${handOff.state}, and it happened ${happened} times`);
      }
    },
  };
}

/** Null: either may be true, and nobody says that he knows. */
function effectsExpected({ state, doubt, effectKnown }: HandOff): 0 | 1 | null {
  const unsure: readonly HandOffState[] = ["sent", "accepted", "unknown"];
  if (state === "completed" || effectKnown) return 1;
  if (unsure.includes(state) || (state === "fallout" && doubt)) return null;
  return 0;
}

/** Whether a key is one of the hand-off's: its attempts differ in the last part only. */
export function isAbout({ idempotencyKey }: HandOff, key: string): boolean {
  const base = idempotencyKey.slice(0, idempotencyKey.lastIndexOf(":") + 1);
  return key.startsWith(base) && /^\d+$/.test(key.slice(base.length));
}

function speaksOf(stage: TreatyStage, { rawBody }: CallbackMessage, handOff: HandOff): boolean {
  try {
    const { tenantId, reference } = stage.treaty.callback?.identify(JSON.parse(rawBody.toString())) ?? {};
    const names = [handOff.idempotencyKey, handOff.externalReference];
    return tenantId === handOff.tenantId && reference !== undefined && names.includes(reference);
  } catch {
    // A message about something else, or one that the treaty cannot read.
    return false;
  }
}
