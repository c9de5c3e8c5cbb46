import assert from "node:assert/strict";
import type { Asked, JsonObject, ReadingTreaty } from "@entente/core";
import { validatorOf } from "@entente/core/internal";
import { askedBehaviours } from "./asked-behaviours.ts";
import { askedIntegrationTests } from "./asked-integration-tests.ts";
import type { Edition, RecordsCounterparty } from "./records-counterparty.ts";
import { openRecordsStage, type RecordsOptions, type RecordsStage } from "./records-stage.ts";
import { registerSuite } from "./register-suite.ts";
import { tenant } from "./treaty-stage.ts";

export interface ReadingOptions extends RecordsOptions {
  /** What is asked about the record; another question for every id. Pure. */
  readonly question: (id: string) => JsonObject;
  /**
   * What must be answered when the record has this content over there, or is not there (`null`); another answer for every edition. `null`: they
   * refuse the question. It is what the treaty is held against, so it must not be made by the treaty's own functions. Pure.
   */
  readonly answer: (id: string, edition: Edition | null) => JsonObject | null;
}

/** One test's view of a treaty that asks. */
export interface AskedScene {
  readonly stage: RecordsStage;
  readonly treaty: ReadingTreaty;
  readonly counterparty: RecordsCounterparty;
  readonly options: ReadingOptions;
  /** A record that is there. */
  known(): Promise<string>;
  ask(id: string, tenantId?: string): Promise<Asked>;
  /** Asks, and expects what is over there at this moment. */
  asksTruth(id: string, tenantId?: string): Promise<void>;
  /**
   * Asks while they do not answer as they should, and expects that nothing is made up: no answer, or the last true one, said to be old. Returns the
   * code that says why.
   */
  asksInVain(id: string, known?: Edition, tenantId?: string): Promise<string>;
}

export interface AskedTest {
  /** Its name in the report: a statement that holds when it passes. */
  readonly name: string;
  readonly needs?: "rejections";
  /** Why it applies to no question. */
  readonly never?: string;
  run(scene: AskedScene): Promise<void>;
}

/** The suite of a treaty that only reads: see `conformance`. */
export function readingConformance(
  given: ReadingTreaty,
  counterparty: RecordsCounterparty,
  options: ReadingOptions,
): void {
  const treaty = atTestSpeed(given, options);
  const tests = [...askedIntegrationTests, ...askedBehaviours].map((one) => ({
    name: one.name,
    skip: reasonToSkip(one, counterparty),
    run: (stage: RecordsStage) => runTest(one, stage, treaty, options),
  }));
  registerSuite(given, tests, () => openRecordsStage(treaty, counterparty, options));
}

/** Asking has no effect over there and writes nothing here, whatever a test asks. */
async function runTest(
  one: AskedTest,
  stage: RecordsStage,
  treaty: ReadingTreaty,
  options: ReadingOptions,
): Promise<void> {
  const { counterparty } = stage;
  const since = stage.lines.length;
  const scene = openAskedScene(stage, treaty, options);
  try {
    await one.run(scene);
    await stage.assertNothingLeaked(since, scene.ids);
  } finally {
    await counterparty.behaveWell();
    if ((await stage.stoppedBy()) !== undefined) await stage.setStopped(tenant, false);
  }
}

function openAskedScene(
  stage: RecordsStage,
  treaty: ReadingTreaty,
  options: ReadingOptions,
): AskedScene & { readonly ids: readonly string[] } {
  const { counterparty } = stage;
  const ids: string[] = [];
  const said = (asked: Asked): string => JSON.stringify(asked);
  const scene = {
    stage,
    treaty,
    counterparty,
    options,
    ids,
    async known() {
      const id = stage.newId();
      ids.push(id);
      await counterparty.put(id, 0);
      return id;
    },
    ask: (id: string, tenantId = tenant) => askWithoutTrace(stage, treaty, tenantId, options.question(id)),
    async asksTruth(id: string, tenantId = tenant) {
      const asked = await scene.ask(id, tenantId);
      const truth = (await counterparty.present([id])).get(id) ?? null;
      const answer = options.answer(id, truth);
      if (answer === null) assert.equal(asked.outcome, "refused", said(asked));
      else
        assert.deepEqual(
          [asked.outcome, "answer" in asked && asked.answer],
          ["answered", answer],
          said(asked),
        );
    },
    async asksInVain(id: string, known?: Edition, tenantId = tenant) {
      const asked = await scene.ask(id, tenantId);
      assert.notEqual(asked.outcome, "answered", `an answer was made up: ${said(asked)}`);
      assert.notEqual(asked.outcome, "refused", `trouble was taken for a refusal: ${said(asked)}`);
      if (asked.outcome === "stale") {
        assert.ok(known !== undefined, `they were never asked that, and it was answered: ${said(asked)}`);
        assert.deepEqual(asked.answer, options.answer(id, known), "what is said to be old never was so");
        const age = stage.system.clock.now() - asked.at;
        assert.ok(age >= 0 && age <= treaty.staleAllowedMs, `it is older than will do: ${age} ms`);
      } else
        assert.ok(
          known === undefined || treaty.staleAllowedMs === 0,
          `nobody says what it was: ${said(asked)}`,
        );
      return (asked as { readonly code: string }).code;
    },
  };
  return scene;
}

async function askWithoutTrace(
  { system, counterparty, rows }: RecordsStage,
  treaty: ReadingTreaty,
  tenantId: string,
  input: JsonObject,
): Promise<Asked> {
  assert.equal(validatorOf(treaty.input)(input), null, "the question of the options does not fit `input`");
  const written = async () =>
    (
      await rows<{ count: number }>(
        "select count(*)::int as count from entente.journal where kind <> 'control'",
        [],
      )
    )[0]?.count;
  const before = [(await counterparty.effects()).length, await written()];
  const asked = await system.treaties.ask(treaty.name, tenantId, input);
  const after = [(await counterparty.effects()).length, await written()];
  assert.deepEqual(after, before, "asking changed something, over there or here");
  return asked;
}

function reasonToSkip({ needs, never }: AskedTest, { rejections = [] }: RecordsCounterparty): string | null {
  if (never !== undefined) return never;
  return needs === "rejections" && rejections.length === 0
    ? "the counterparty refuses no question of this kind"
    : null;
}

/** Only real time is cut short, and no test waits for another's questions; business time stays as declared. */
function atTestSpeed(given: ReadingTreaty, options: ReadingOptions): ReadingTreaty {
  const { limits, timeoutMs } = given;
  return {
    ...given,
    timeoutMs: Math.min(timeoutMs, options.answerWithinMs ?? 1_000),
    limits: { ...limits, ratePerSecond: Math.max(limits.ratePerSecond, 50) },
  };
}
