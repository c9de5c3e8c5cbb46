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
  /** Asks for one act that is refused for this reason, of a batch every row. */
  askRefused(reason: string, tenantId?: string): Promise<Act>;
  /** Waits until it was refused, by whichever way: the act, the whole batch, or each of its rows; and nothing happened. */
  refused(act: Act, reason: string): Promise<HandOff>;
  /** How often the act has really happened, under any key of its attempts; of a batch, its rows on average, none of them twice. */
  effectsOf(handOff: HandOff): Promise<number>;
  /** Whether something happened under a key of the hand-off's, or of one of its rows. */
  isAbout(handOff: HandOff, key: string): Promise<boolean>;
  /** Callbacks that arrived about a hand-off, once there is one. */
  callbacksAbout(handOff: HandOff): Promise<readonly CallbackMessage[]>;
  /** Holds what both sides say against each other, for everything this test asked for. */
  compareWithTruth(): Promise<void>;
}

export interface ConformanceTest {
  /** Its name in the report: a statement that holds when it passes. */
  readonly name: string;
  /** What the treaty and its counterparty must have for it to apply. */
  readonly needs?: readonly (
    | "callbacks"
    | "clock"
    | "rejections"
    | "batches"
    | "row rejections"
    | "broken batches"
  )[];
  run(scene: Scene): Promise<void>;
}

export async function openScene(
  stage: TreatyStage,
  counterparty: TreatyCounterparty,
  options: ConformanceOptions,
): Promise<Scene> {
  const before = (await counterparty.effects()).length;
  const acts: Act[] = [];
  /** Keys its effects happen under: its own, or those of its rows. */
  const keysOf = async (handOff: HandOff): Promise<readonly string[]> =>
    handOff.rows === 0
      ? [handOff.idempotencyKey]
      : (await stage.rows(handOff)).map(({ idempotencyKey }) => idempotencyKey);
  const happened = async (ownKey: string): Promise<number> =>
    (await counterparty.effects()).filter(({ key }) => key !== null && sameAct(ownKey, key)).length;
  async function effectsOf(handOff: HandOff): Promise<number> {
    const counts = await Promise.all((await keysOf(handOff)).map(happened));
    assert.ok(
      counts.every((count) => handOff.rows === 0 || count <= 1),
      `rows of ${handOff.idempotencyKey} happened ${counts.join(", ")} times`,
    );
    return counts.reduce((sum, count) => sum + count, 0) / counts.length;
  }
  async function ask(
    behaviour: CounterpartyBehaviour,
    times: number,
    tenantId = tenant,
    id?: string,
  ): Promise<Act> {
    if (behaviour.behaviour !== "success") await counterparty.behave(behaviour, times);
    const act = await stage.ask(tenantId, id);
    acts.push(act);
    return act;
  }
  const rejectsRows = stage.treaty.batch !== undefined && counterparty.rejectsRows === true;
  return {
    stage,
    counterparty,
    options,
    ask: (behaviour = { behaviour: "success" }, tenantId, id) => ask(behaviour, 1, tenantId, id),
    askRefused: (reason, tenantId) =>
      ask({ behaviour: "rejection", reason }, rejectsRows ? stage.rowsPerAct : 1, tenantId),
    async refused(act, reason) {
      const handOff = await stage.settle(
        act,
        ...(rejectsRows ? (["completed", "rejected"] as const) : (["rejected"] as const)),
      );
      const { errorMap } = stage.treaty;
      const codes =
        handOff.state === "rejected"
          ? [handOff.externalCode]
          : (await stage.rows(handOff)).map(({ outcome, code }) => (outcome === "rejected" ? code : outcome));
      for (const code of codes) {
        assert.ok(Object.hasOwn(errorMap, code ?? ""), `${reason} is not on the map: ${code}`);
        assert.equal(errorMap[code ?? ""]?.class, "BUSINESS_REJECTED", reason);
      }
      assert.deepEqual([await effectsOf(handOff), handOff.tries], [0, 1], reason);
      const kind = handOff.state === "rejected" ? "rejected" : "rows-rejected";
      const open = await stage.caseOf(handOff);
      assert.equal(open?.kind, kind, reason);
      assert.notEqual(open?.owner ?? "", "");
      return handOff;
    },
    effectsOf,
    isAbout: async (handOff, key) => (await keysOf(handOff)).some((ownKey) => sameAct(ownKey, key)),
    async callbacksAbout(handOff) {
      const found = (): CallbackMessage[] =>
        (stage.door?.arrived ?? []).filter((message) => speaksOf(stage, message, handOff));
      await stage.until("a callback about the hand-off", () => found().length > 0);
      return found();
    },
    async compareWithTruth() {
      const known = (await Promise.all((await stage.all()).map(keysOf))).flat();
      const strays = (await counterparty.effects())
        .slice(before)
        .filter(({ key }) => key === null || !known.some((ownKey) => sameAct(ownKey, key)));
      assert.deepEqual(strays, [], "something happened over there under a key that no hand-off has");
      for (const act of acts) {
        const handOff = await stage.of(act);
        assert.ok(handOff !== null, "a fact that asks for an act has no hand-off");
        const rows = await stage.rows(handOff);
        const expected: readonly (readonly [string, string, 0 | 1 | null])[] =
          handOff.rows === 0
            ? [[handOff.idempotencyKey, handOff.state, effectsExpected(handOff)]]
            : rows.map(({ idempotencyKey, outcome }) => [
                idempotencyKey,
                outcome,
                outcome === "open" ? effectsExpected(handOff) : outcome === "completed" ? 1 : 0,
              ]);
        for (const [key, says, times] of expected) {
          const count = await happened(key);
          assert.ok(count <= 1, `the act happened ${count} times: ${key}`);
          if (times !== null)
            assert.equal(count, times, `it is ${says}, and it happened ${count} times: ${key}`);
        }
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

/** Whether two keys are of one act: those of its attempts differ in the last part only. */
function sameAct(ownKey: string, key: string): boolean {
  const base = ownKey.slice(0, ownKey.lastIndexOf(":") + 1);
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
