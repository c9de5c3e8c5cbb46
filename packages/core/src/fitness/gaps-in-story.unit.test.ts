import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry, NewEntry } from "../model/entry.ts";
import { command, fact } from "../testing/entries.fixture.ts";
import { openedType } from "../treaty/hand-off-entries.ts";
import { gapsInStory } from "./gaps-in-story.ts";

const placed = (entry: NewEntry): Entry => ({ ...entry, position: { xid: "1", seq: "1" }, lane: 0 });
const start = placed(command());
const id = start.id;
const decided = placed(fact({ processId: id, causationId: id }));
const story = [start, decided];

test("a story from its command to its last effect has no gaps, in whatever order it was read", () => {
  const last = placed(fact({ processId: id, causationId: decided.id }));
  assert.deepEqual(gapsInStory(id, [start, decided, last]), []);
  assert.deepEqual(gapsInStory(id, [last, decided, start]), []);
});

test("an entry whose cause is missing is a gap, and so is what followed from it", () => {
  const lost = placed(fact({ processId: id, causationId: "gone" }));
  const after = placed(fact({ processId: id, causationId: lost.id }));
  assert.deepEqual(gapsInStory(id, [...story, after, lost]).sort(), [lost.id, after.id].sort());
});

test("causes in a circle lead back to nothing", () => {
  const one = placed(fact({ processId: id, causationId: "two" }));
  const two = { ...placed(fact({ processId: id, causationId: one.id })), id: "two" };
  assert.deepEqual(gapsInStory(id, [...story, one, two]).sort(), [one.id, "two"].sort());
});

test("without its command, or with nothing that followed from it, a story is a gap itself", () => {
  assert.deepEqual(gapsInStory(id, [start]), [id]);
  assert.deepEqual(gapsInStory(id, []), [id]);
  assert.deepEqual(gapsInStory(id, [decided]).sort(), [id, decided.id].sort());
});

for (const [kind, origin] of [
  ["callback", { treaty: "billing", messageId: "m-1" }],
  ["reconciliation", { treaty: "billing" }],
  ["control", { by: "ann", why: "drill" }],
  ["command", { heard: { treaty: "shelf", place: "1" } }],
] as const) {
  test(`a ${kind} from outside of the journals begins beside the command when it says what it came from, else it is a gap`, () => {
    const heard = placed(fact({ kind, data: origin }));
    const effect = placed(fact({ processId: id, causationId: heard.id }));
    assert.deepEqual(gapsInStory(id, [...story, effect, heard]), []);
    const nameless = placed(fact({ ...heard, data: {} }));
    assert.deepEqual(gapsInStory(id, [...story, effect, nameless]).sort(), [heard.id, effect.id].sort());
  });
}

test("what was decided in another process leads back to the command that began that one, where it is there", () => {
  const act = placed(command());
  const changed = placed(fact({ processId: id, causationId: act.id }));
  assert.deepEqual(gapsInStory(id, [...story, changed, act]), []);
  assert.deepEqual(gapsInStory(id, [...story, changed]), [changed.id]);
  const inside = placed({ ...command(), target: act.source });
  const lost = placed(fact({ processId: id, causationId: inside.id }));
  assert.deepEqual(gapsInStory(id, [...story, lost, inside]).sort(), [lost.id, inside.id].sort());
});

test("a fact never begins by itself", () => {
  const invented = placed(fact({ processId: id, data: { treaty: "billing", by: "ann" } }));
  assert.deepEqual(gapsInStory(id, [...story, invented]), [invented.id]);
});

test("a batch follows from the facts of the process among its rows, whichever fact its envelope names", () => {
  const batch = (...factIds: string[]) =>
    placed(
      fact({
        type: openedType,
        causationId: "of another process",
        data: { rows: factIds.map((factId) => ({ factId })) },
      }),
    );
  const whole = batch(decided.id);
  const sent = placed(fact({ processId: whole.id, causationId: whole.id }));
  assert.deepEqual(gapsInStory(id, [...story, whole, sent]), []);
  for (const forged of [batch("gone"), batch(decided.id, "gone"), batch()])
    assert.deepEqual(gapsInStory(id, [...story, forged]), [forged.id]);
});
