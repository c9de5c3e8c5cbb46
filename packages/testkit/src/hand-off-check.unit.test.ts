import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type ActBelief,
  checkHandOffs,
  type HandOffRun,
  type HandOffViolationCode,
} from "./hand-off-check.ts";

const belief = (key: string, state: string, said: Partial<ActBelief> = {}): ActBelief => ({
  key,
  state,
  mayHaveHappened: false,
  withdrawn: false,
  owner: state === "rejected" || state === "fallout" ? "finance-desk" : null,
  ...said,
});

/** One act of each kind that may come out of a run. */
const beliefs = [
  belief("done", "completed"),
  belief("done-unwanted", "completed", { withdrawn: true, owner: "finance-desk" }),
  belief("refused", "rejected"),
  belief("given-up", "cancelled"),
  belief("never-done", "fallout"),
  belief("doubtful", "fallout", { mayHaveHappened: true }),
  belief("doubtful-done", "fallout", { mayHaveHappened: true }),
];
const sound: HandOffRun = {
  asked: beliefs.map(({ key }) => key),
  beliefs,
  effects: new Map([
    ["done", 1],
    ["done-unwanted", 1],
    ["doubtful-done", 1],
  ]),
};

/** The sound run with other truth, or another belief in place of the one of its key. */
const withEffect = (key: string, times: number): HandOffRun => ({
  ...sound,
  effects: new Map([...sound.effects, [key, times]]),
});
const withBelief = (key: string, said: Partial<ActBelief>): HandOffRun => ({
  ...sound,
  beliefs: beliefs.map((one) => (one.key === key ? { ...one, ...said } : one)),
});

test("a run in which both sides agree has no violation", () => {
  assert.deepEqual(checkHandOffs(sound), []);
});

describe("a violation is found", () => {
  const specimens: readonly (readonly [string, HandOffRun, HandOffViolationCode, string])[] = [
    [
      "when nothing became of what was asked",
      { ...sound, asked: [...sound.asked, "new"] },
      "act-lost",
      "new",
    ],
    [
      "when one act is two hand-offs",
      { ...sound, beliefs: [...beliefs, belief("done", "completed")] },
      "act-split",
      "done",
    ],
    [
      "when nobody asked",
      { ...sound, asked: sound.asked.filter((key) => key !== "given-up") },
      "act-phantom",
      "given-up",
    ],
    ...["created", "sent", "accepted", "unknown", "retry_wait", "blocked"].map(
      (state) =>
        [`when one is still ${state}`, withBelief("given-up", { state }), "not-ended", "given-up"] as const,
    ),
    ["when nobody owns a refusal", withBelief("refused", { owner: null }), "no-owner", "refused"],
    ["when nobody owns a fallout", withBelief("never-done", { owner: "" }), "no-owner", "never-done"],
    [
      "when nobody owns an effect that was not wanted",
      withBelief("done-unwanted", { owner: null }),
      "no-owner",
      "done-unwanted",
    ],
    ["when something completed never happened", withEffect("done", 0), "effect-missing", "done"],
    ["when something refused happened", withEffect("refused", 1), "effect-denied", "refused"],
    ["when something cancelled happened", withEffect("given-up", 1), "effect-denied", "given-up"],
    [
      "when something happened that a person was told did not",
      withEffect("never-done", 1),
      "effect-denied",
      "never-done",
    ],
    ["when something happened twice", withEffect("done", 2), "effect-doubled", "done"],
    ["when something doubtful happened twice", withEffect("doubtful", 2), "effect-doubled", "doubtful"],
    ["when something else happened", withEffect("stranger", 1), "effect-phantom", "stranger"],
  ];
  for (const [what, run, code, key] of specimens) {
    test(what, () => {
      const violations = checkHandOffs(run);
      assert.deepEqual(
        violations.map((one) => one.code),
        [code],
      );
      assert.ok(violations[0]?.text.startsWith(`${key}:`));
    });
  }
});
